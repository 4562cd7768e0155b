"""How a caller stands, as OpenAI's and Anthropic's callers read it."""

import pytest

from bff.dialects.anthropic_messages import rates as anthropic
from bff.dialects.openai_chat import rates as openai
from bff.records import Standing


@pytest.mark.parametrize(
    ("reset_s", "text"),
    [(60.0, "1m0s"), (59.01, "1m0s"), (59.0, "59s"), (0.2, "1s"), (0.0, "0s"), (125.0, "2m5s")],
)
def test_openais_callers_are_told_a_duration(reset_s: float, text: str) -> None:
    assert openai.write_standing(Standing(60, 7, reset_s), 0.0) == {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "7",
        "x-ratelimit-reset-requests": text,
    }


@pytest.mark.parametrize(
    ("now", "reset_s", "text"),
    [
        (1_800_000_000.0, 60.0, "2027-01-15T08:01:00Z"),
        (1_800_000_000.5, 59.0, "2027-01-15T08:01:00Z"),
        (1_800_000_000.0, 0.0, "2027-01-15T08:00:00Z"),
    ],
)
def test_anthropics_callers_are_told_a_time(now: float, reset_s: float, text: str) -> None:
    assert anthropic.write_standing(Standing(60, 7, reset_s), now) == {
        "anthropic-ratelimit-requests-limit": "60",
        "anthropic-ratelimit-requests-remaining": "7",
        "anthropic-ratelimit-requests-reset": text,
    }
