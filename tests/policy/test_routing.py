import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.errors import Kind, Problem
from bff.policy.models import openai_traits, other_limit_field
from bff.policy.prompts import GPTDOCK
from bff.policy.routing import NAME_MOST, VENDORS, Rules, Target, names_of, plan

EVERYBODY = VENDORS | {"offline"}


def names(model: str, rules: Rules | None = None, configured: frozenset[str] = EVERYBODY) -> list[str]:  # fmt: skip
    return [target.name for target in plan(model, rules or Rules(), configured)]


def refused(model: str, rules: Rules | None = None, configured: frozenset[str] = EVERYBODY) -> Problem:  # fmt: skip
    with pytest.raises(Problem) as caught:
        plan(model, rules or Rules(), configured)
    return caught.value


@pytest.mark.parametrize(
    ("model", "target"),
    [
        ("openai/gpt-4o", Target("openai", "gpt-4o")),
        ("straico/openai/gpt-4o-mini", Target("straico", "openai/gpt-4o-mini")),
        ("azure/claude-x", Target("azure", "claude-x")),
        ("anthropic/gpt-4", Target("anthropic", "gpt-4")),
        ("salesforce/my-model", Target("salesforce", "my-model")),
        ("offline/parrot", Target("offline", "parrot")),
        ("sfdc_ai__DefaultGPT5", Target("salesforce", "sfdc_ai__DefaultGPT5")),
        ("claude-3-haiku", Target("anthropic", "claude-3-haiku")),
        ("claude-sonnet-4-20250514[1m]", Target("anthropic", "claude-sonnet-4-20250514[1m]")),
        ("gpt-4o-2024-08-06", Target("openai", "gpt-4o-2024-08-06")),
        ("o4-mini", Target("openai", "o4-mini")),
        ("chatgpt-4o-latest", Target("openai", "chatgpt-4o-latest")),
    ],
)
def test_the_first_rule_that_fits_says_who_is_meant(model: str, target: Target) -> None:
    assert plan(model, Rules(), EVERYBODY) == (target,)


@pytest.mark.parametrize(
    "model",
    [
        "",
        "/gpt-4",
        "openai/",
        "meta/llama",
        "offline",
        "gpt4",
        "ogre",
        "o",
        "sfdc_ai__",
        "text-davinci",
        "my/gpt-4",
    ],
)
def test_what_no_rule_fits_is_not_found(model: str) -> None:
    problem = refused(model)

    assert (problem.kind, problem.at) == (Kind.NOT_FOUND, "model")
    assert "gpt" not in problem.public


def test_a_vendor_that_is_not_configured_is_not_found() -> None:
    assert refused("claude-3", configured=frozenset({"openai"})).kind is Kind.NOT_FOUND
    assert refused("offline/parrot", configured=VENDORS).kind is Kind.NOT_FOUND


ALIASES = Rules(
    {
        "fast": "openai/gpt-4o-mini",
        "claude-sonnet-4": "straico/anthropic/claude-sonnet-4",
        "gpt-4o-2024-08-06": "azure/old",
        "gpt-4o": "azure/new",
        "house": "claude-3-haiku",
        "a": "b",
        "b": "openai/b",
        "round": "round",
    }
)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("fast", "openai/gpt-4o-mini"),
        ("fast[1m]", "openai/gpt-4o-mini"),
        ("claude-sonnet-4", "straico/anthropic/claude-sonnet-4"),
        ("claude-sonnet-4-20250514", "straico/anthropic/claude-sonnet-4"),
        ("claude-sonnet-4@20250514", "straico/anthropic/claude-sonnet-4"),
        ("claude-sonnet-4[1m]", "straico/anthropic/claude-sonnet-4"),
        ("claude-sonnet-4-20250514[1m]", "straico/anthropic/claude-sonnet-4"),
        ("gpt-4o-2024-08-06", "azure/old"),
        ("gpt-4o-2024-11-20", "azure/new"),
        ("house", "anthropic/claude-3-haiku"),
        ("gpt-4o-mini", "openai/gpt-4o-mini"),
        ("claude-sonnet-4-latest", "anthropic/claude-sonnet-4-latest"),
        ("openai/gpt-4o", "openai/gpt-4o"),
    ],
)
def test_an_alias_goes_first_as_it_stands_or_without_its_date_and_variant(
    model: str, name: str
) -> None:
    assert names(model, ALIASES) == [name]


@pytest.mark.parametrize("model", ["a", "round"])
def test_an_alias_is_looked_up_once(model: str) -> None:
    assert refused(model, ALIASES).kind is Kind.NOT_FOUND


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("claude-haiku-4-5-20251001", "openai/gpt-4o-mini"),
        ("claude-opus-4[1m]", "openai/gpt-4o"),
        ("claude-house", "straico/x"),
        ("anthropic/claude-opus-4", "anthropic/claude-opus-4"),
        ("gpt-4o", "openai/gpt-4o"),
    ],
)
def test_an_alias_for_a_family_stands_for_every_name_that_begins_so(model: str, name: str) -> None:
    rules = Rules(
        {
            "claude*": "openai/gpt-4o-mini",
            "claude-opus*": "openai/gpt-4o",
            "claude-house": "straico/x",
        }
    )

    assert names(model, rules) == [name]


FALLBACKS = Rules(
    {"fast": "openai/gpt-4o-mini", "house": "anthropic/claude-3"},
    {
        "openai/gpt-4o": (
            "azure/gpt-4o",
            "openai/gpt-4o",
            "claude-3",
            "house",
            "nobody",
            "azure/gpt-4o",
        ),
        "fast": ("house",),
        "openai/gpt-4o-mini": ("azure/mini",),
        "unknown": ("house",),
    },
)


@pytest.mark.parametrize(
    ("model", "found"),
    [
        ("openai/gpt-4o", ["openai/gpt-4o", "azure/gpt-4o", "anthropic/claude-3"]),
        ("gpt-4o", ["openai/gpt-4o", "azure/gpt-4o", "anthropic/claude-3"]),
        ("fast", ["openai/gpt-4o-mini", "anthropic/claude-3"]),
        ("fast[1m]", ["openai/gpt-4o-mini", "anthropic/claude-3"]),
        ("gpt-4o-mini", ["openai/gpt-4o-mini", "azure/mini"]),
        ("unknown", ["anthropic/claude-3"]),
        ("claude-3", ["anthropic/claude-3"]),
    ],
)
def test_what_stands_in_follows_each_once(model: str, found: list[str]) -> None:
    assert names(model, FALLBACKS) == found


def test_only_what_was_asked_for_is_no_fallback() -> None:
    targets = plan("gpt-4o", FALLBACKS, EVERYBODY)

    assert [target.fallback for target in targets] == [False, True, True]


def test_where_the_first_is_not_configured_what_stands_in_goes_on() -> None:
    without = frozenset({"anthropic"})

    assert plan("gpt-4o", FALLBACKS, without) == (Target("anthropic", "claude-3", fallback=True),)
    assert refused("gpt-4o", FALLBACKS, frozenset({"straico"})).kind is Kind.NOT_FOUND


WORDS = st.sampled_from(["gpt-4o", "fast", "openai/x", "azure/x", "claude-3", "a", "", "no", "x/y"])


@given(
    WORDS,
    st.dictionaries(WORDS, WORDS),
    st.dictionaries(WORDS, st.lists(WORDS, max_size=5).map(tuple)),
    st.frozensets(st.sampled_from(sorted(EVERYBODY))),
)
def test_a_plan_has_configured_vendors_only_and_each_model_once(
    model: str,
    aliases: dict[str, str],
    fallbacks: dict[str, tuple[str, ...]],
    configured: frozenset[str],
) -> None:
    try:
        targets = plan(model, Rules(aliases, fallbacks), configured)
    except Problem:
        return

    assert targets
    assert {target.provider for target in targets} <= configured
    assert len({target.name for target in targets}) == len(targets)
    assert not any(target.fallback is False for target in targets[1:])


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


@pytest.mark.parametrize(
    "model", ["gpt-" + "x" * NAME_MOST, "gpt-4o\n", "gpt-\x1b[2J", "gpt-\ud800"]
)
def test_what_no_model_is_called_is_not_there(model: str) -> None:
    assert refused(model).kind is Kind.NOT_FOUND


def test_a_name_may_be_as_long_as_names_are() -> None:
    model = "gpt-" + "x" * (NAME_MOST - 4)

    assert names(model) == [f"openai/{model}"]


@pytest.mark.parametrize(
    ("model", "called"),
    [
        ("smart", ("smart", "openai/gpt-5")),
        ("smart[mini]", ("smart", "openai/gpt-5")),
        ("smart-20260101", ("smart", "openai/gpt-5")),
        ("gpt-4o", ("gpt-4o", "openai/gpt-4o")),
        ("gpt-4o[mini]", ("gpt-4o[mini]", "openai/gpt-4o[mini]")),
        ("claude-x", ("claude-x", "openai/gpt-4o")),
    ],
)
def test_what_is_hung_on_an_alias_is_no_part_of_its_name(
    model: str, called: tuple[str, str]
) -> None:
    rules = Rules(aliases={"smart": "openai/gpt-5", "claude-*": "openai/gpt-4o"})

    assert names_of(model, rules, EVERYBODY) == called
