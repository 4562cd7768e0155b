"""The embedded model's way with tools."""

import pytest

from bff.simulators import embedded_model


@pytest.mark.parametrize(
    ("question", "called"),
    [
        ("Hello", []),
        ("What does now say?", [("now", "{}")]),
        ('Call now {"tz": "UTC"} please', [("now", '{"tz":"UTC"}')]),
        ('now {"a": {"b": "}"}} and here', [("now", '{"a":{"b":"}"}}'), ("here", "{}")]),
        ("now {broken", [("now", "{}")]),
        ("nowhere is not now-here", []),
        ("now_utc", [("now_utc", "{}")]),
    ],
)
def test_the_tools_that_are_named_are_called(question: str, called: list[tuple[str, str]]) -> None:
    assert embedded_model.calls(question, ["now", "here", "now_utc"]) == called
    assert embedded_model.calls(question, []) == []
