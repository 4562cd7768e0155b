"""The rules about Claude's families agree with the list that the simulator has of them."""

import pytest

from bff.chat.traits import Traits
from bff.policy.models import anthropic_traits
from bff.simulators.anthropic.families import FAMILIES


@pytest.mark.parametrize("ending", ["", "-20250514", "-latest"])
@pytest.mark.parametrize("name", FAMILIES)
def test_the_rules_are_true_of_every_family(name: str, ending: str) -> None:
    family, traits = FAMILIES[name], anthropic_traits(name + ending)

    assert traits == Traits(
        most_output=family.most_output,
        sampling=family.sampling,
        both_samplings=family.both_samplings,
        effort=family.effort,
        schema=family.schema,
    )


@pytest.mark.parametrize("name", ["claude-mythos-preview", "claude-next", "gpt-4o", ""])
def test_a_model_that_is_not_known_is_told_what_all_take(name: str) -> None:
    traits = anthropic_traits(name)

    assert (traits.most_output, traits.sampling, traits.both_samplings) == (4096, False, False)
    assert (traits.effort, traits.schema) == (False, False)


def test_a_small_model_of_tomorrow_is_not_asked_for_more_than_todays() -> None:
    assert anthropic_traits("claude-haiku-5-5").most_output == 64_000
    assert anthropic_traits("claude-opus-5-5").most_output == 128_000
