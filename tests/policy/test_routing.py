import pytest

from bff.errors import Kind, Problem
from bff.policy.models import openai_traits, other_limit_field
from bff.policy.prompts import GPTDOCK
from bff.policy.routing import Target, order_ways, read_model


def test_a_model_is_split_at_the_first_slash_only() -> None:
    assert read_model("straico/openai/gpt-4o-mini") == Target("straico", "openai/gpt-4o-mini")


@pytest.mark.parametrize("name", ["", "gpt-4", "/gpt-4", "openai/"])
def test_a_model_without_provider_or_name_is_not_found(name: str) -> None:
    with pytest.raises(Problem) as caught:
        read_model(name)

    assert caught.value.kind is Kind.NOT_FOUND


def test_the_gateway_is_left_out_only_when_another_way_is_left() -> None:
    both = ("gateway", "direct")

    assert order_ways(both, gateway_admitted=True) == both
    assert order_ways(both, gateway_admitted=False) == ("direct",)
    assert order_ways(("gateway",), gateway_admitted=False) == ("gateway",)


@pytest.mark.parametrize(
    ("model", "field"),
    [
        ("gpt-3.5-turbo", "max_tokens"),
        ("gpt-4o-mini", "max_tokens"),
        ("chatgpt-4o-latest", "max_tokens"),
        ("o1-mini", "max_completion_tokens"),
        ("o4-mini", "max_completion_tokens"),
        ("gpt-5.5", "max_completion_tokens"),
        ("something-new", "max_completion_tokens"),
    ],
)
def test_each_family_has_its_name_for_the_limit(model: str, field: str) -> None:
    assert openai_traits(model).limit_field == field
    assert {field, other_limit_field(field)} == {"max_tokens", "max_completion_tokens"}


def test_the_prompt_is_the_node_apps_to_the_letter() -> None:
    assert GPTDOCK == (
        "You are an AI assistant called 'GPTDock'. Answer in well-formatted markdown. Use headings, "
        "lists, code blocks, and formatting to make responses readable."
    )
