import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.chat.models import UNDATED, ListedModel, Model
from bff.errors import Kind, Problem
from bff.policy.catalogue import (
    Page,
    chats,
    find,
    first_look,
    listed,
    next_look,
    page,
    visible,
)
from bff.policy.routing import VENDORS, Rules, plan

HEARD = {
    "anthropic": [
        ListedModel("claude-opus-4", 1_747_000_000, "Claude Opus 4"),
        ListedModel("claude-sonnet-4-5-20250929", 1_759_000_000, "Claude Sonnet 4.5", "deprecated"),
    ],
    "openai": [
        ListedModel("gpt-4o", 1_715_000_000),
        ListedModel("text-embedding-3-small", 1_705_000_000),
        ListedModel("gpt-4o-mini", 1_721_000_000),
        ListedModel("o3", 1_745_000_000),
        ListedModel("o1", 1_745_000_000),
    ],
}
ALIASES = Rules(aliases={"fast": "openai/gpt-4o-mini"})


def model(id_: str, target: str = "") -> Model:
    return Model(id_, target or id_, UNDATED, id_)


def ids(
    rules: Rules = ALIASES,
    configured: tuple[str, ...] = ("anthropic", "openai"),
    **heard: list[str],
) -> list[str]:
    lists = {vendor: [ListedModel(name) for name in names] for vendor, names in heard.items()}
    return [model.id for model in listed(rules, configured, ["openai/gpt-4o"], lists)]


# -- what is listed --------------------------------------------------------------------------------


def test_public_names_come_first_then_the_settings_models_then_the_vendors_newest() -> None:
    named = ["openai/gpt-3.5-turbo", "openai/gpt-4o"]

    models = listed(ALIASES, ["openai", "anthropic"], named, HEARD)

    assert [model.id for model in models] == [
        "fast",
        "openai/gpt-3.5-turbo",
        "openai/gpt-4o",
        "anthropic/claude-sonnet-4-5-20250929",
        "anthropic/claude-opus-4",
        "openai/o1",
        "openai/o3",
        "openai/gpt-4o-mini",
    ]


def test_a_model_carries_what_its_vendor_tells_of_it() -> None:
    fast, plain, sonnet, *_ = listed(ALIASES, ["openai", "anthropic"], ["openai/gpt-4o"], HEARD)

    assert plain == Model("openai/gpt-4o", "openai/gpt-4o", 1_715_000_000, "GPT-4o")
    assert sonnet == Model(
        "anthropic/claude-sonnet-4-5-20250929",
        "anthropic/claude-sonnet-4-5-20250929",
        1_759_000_000,
        "Claude Sonnet 4.5",
        lifecycle="deprecated",
    )
    assert fast == Model(
        "fast", "openai/gpt-4o-mini", 1_721_000_000, "fast", "Answered by openai/gpt-4o-mini."
    )
    assert (fast.provider, sonnet.provider) == ("openai", "anthropic")


def test_a_model_that_nobody_told_of_has_the_one_date_and_its_own_name() -> None:
    [only] = listed(Rules(), ["azure"], ["azure/my-deployment"], {})

    assert only == Model("azure/my-deployment", "azure/my-deployment", UNDATED, "my-deployment")


def test_what_stands_in_for_a_name_is_told_as_what_answers_for_it() -> None:
    rules = Rules(fallbacks={"smart": ("openai/o3",), "azure/gpt-4o": ("openai/gpt-4o",)})

    smart, azure = listed(rules, ["openai"], [], {})

    assert (smart.id, smart.target) == ("smart", "openai/o3")
    assert (azure.id, azure.provider) == ("azure/gpt-4o", "openai")
    assert azure.description == "Answered by openai/gpt-4o."


def test_a_name_that_nobody_answers_for_is_not_listed() -> None:
    rules = Rules(aliases={"away": "straico/x"}, fallbacks={"gone": ("azure/gpt-4o",)})

    assert ids(rules, ("openai",), anthropic=["claude-3"], openai=["o3"]) == [
        "openai/gpt-4o",
        "openai/o3",
    ]


def test_a_model_is_listed_once() -> None:
    rules = Rules(aliases={"openai/o3": "azure/o3"}, fallbacks={"openai/gpt-4o": ("openai/o3",)})

    assert ids(rules, ("azure", "openai"), openai=["o3", "gpt-4o", "o3"]) == [
        "openai/o3",
        "openai/gpt-4o",
    ]


def test_salesforce_has_no_list_and_is_listed_by_the_names_it_is_known_to_have() -> None:
    models = listed(Rules(), ["salesforce"], [], {})

    shown = {model.id: model.display_name for model in models}
    assert shown["salesforce/sfdc_ai__DefaultGPT4Omni"] == "GPT-4o (Salesforce)"
    assert shown["salesforce/sfdc_ai__DefaultBedrockAnthropicClaude4Sonnet"]
    assert not any("Embedding" in name for name in shown)


@pytest.mark.parametrize(
    "name",
    [
        "gpt-3.5-turbo",
        "gpt-4o-2024-08-06",
        "gpt-4.1-nano",
        "gpt-5.2-chat-latest",
        "chatgpt-4o-latest",
        "o4-mini",
        "gpt-4o-search-preview",
        "ft:gpt-4o-mini-2024-07-18:image-team::abc",
        "meta/llama-3.1-8b-instruct",
        "my-o3-pro",
    ],
)
def test_a_model_of_openai_that_chats_is_listed(name: str) -> None:
    assert chats(name)
    assert f"openai/{name}" in ids(openai=[name])


@pytest.mark.parametrize(
    "name",
    [
        "text-embedding-3-large",
        "tts-1-hd",
        "gpt-4o-mini-tts",
        "whisper-1",
        "dall-e-3",
        "omni-moderation-latest",
        "gpt-image-1",
        "chatgpt-image-latest",
        "gpt-realtime",
        "gpt-4o-realtime-preview-2024-12-17",
        "gpt-audio-mini",
        "gpt-4o-transcribe-diarize",
        "sora-2-pro",
        "davinci-002",
        "ft:babbage-002:acme::abc",
        "codex-mini-latest",
        "gpt-5.1-codex-max",
        "gpt-3.5-turbo-instruct-0914",
        "o1-pro-2025-03-19",
        "gpt-5.2-pro",
        "o3-deep-research",
        "computer-use-preview",
    ],
)
def test_a_model_of_openai_that_does_not_chat_is_not_listed(name: str) -> None:
    assert not chats(name)
    assert f"openai/{name}" not in ids(openai=[name])


def test_another_vendors_model_of_such_a_name_is_listed() -> None:
    assert "straico/openai/gpt-image-1" in ids(
        configured=("straico",), straico=["openai/gpt-image-1"]
    )


_names = st.sampled_from(
    [
        "fast",
        "gpt-4o",
        "openai/gpt-4o",
        "azure/x",
        "claude-3",
        "sfdc_ai__x",
        "no/such",
        "straico/a/b",
    ]
)
_vendors = st.sampled_from(sorted(VENDORS))
_rules = st.builds(
    Rules,
    aliases=st.dictionaries(_names, _names, max_size=3),
    fallbacks=st.dictionaries(_names, st.lists(_names, max_size=3).map(tuple), max_size=3),
)
_lists = st.lists(st.builds(ListedModel, _names, st.integers(1, 9)), max_size=4)


@given(_rules, st.sets(_vendors), st.lists(_names), st.dictionaries(_vendors, _lists))
def test_every_model_listed_can_be_asked_and_found_and_is_listed_once(
    rules: Rules, vendors: set[str], named: list[str], heard: dict[str, list[ListedModel]]
) -> None:
    models = listed(rules, vendors, named, heard)

    assert [plan(model.id, rules, vendors)[0].name for model in models] == [
        model.target for model in models
    ]
    assert [find(models, model.id, rules, vendors) for model in models] == list(models)
    assert len({model.id for model in models}) == len(models)


@given(st.permutations(HEARD["openai"]), st.permutations(["openai", "anthropic"]))
def test_the_order_does_not_depend_on_the_vendors(
    models: list[ListedModel], vendors: list[str]
) -> None:
    heard = {**HEARD, "openai": models}

    assert listed(ALIASES, vendors, [], heard) == listed(ALIASES, sorted(vendors), [], HEARD)


# -- one of them -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("fast", "fast"),
        ("openai/gpt-4o", "openai/gpt-4o"),
        ("gpt-4o", "openai/gpt-4o"),
        ("fast-2024-07-18", "openai/gpt-4o-mini"),
        ("fast[1m]", "openai/gpt-4o-mini"),
        ("claude-opus-4", "anthropic/claude-opus-4"),
    ],
)
def test_a_name_that_means_a_listed_model_finds_it(name: str, found: str) -> None:
    vendors = ["anthropic", "openai"]
    models = listed(ALIASES, vendors, [], HEARD)

    model = find(models, name, ALIASES, vendors)

    assert model is not None
    assert model.id == found


def test_a_name_whose_model_is_listed_as_an_alias_alone_finds_the_alias() -> None:
    models = listed(ALIASES, ["openai"], [], {})

    assert find(models, "gpt-4o-mini", ALIASES, ["openai"]) == models[0]
    assert models[0].id == "fast"


@pytest.mark.parametrize(
    "name", ["", "nobody", "meta/llama", "openai/never-heard", "gpt-5", "azure/x"]
)
def test_a_name_that_means_nothing_on_the_list_is_not_found(name: str) -> None:
    vendors = ["anthropic", "openai"]

    assert find(listed(ALIASES, vendors, [], HEARD), name, ALIASES, vendors) is None


def test_a_key_sees_what_it_may_ask_by_either_name() -> None:
    models = [model("fast", "openai/gpt-4o-mini"), model("openai/o3"), model("azure/x")]

    assert visible(models, ()) == models
    assert visible(models, ["fast"]) == (models[0],)
    assert visible(models, ["openai/*"]) == (models[0], models[1])
    assert visible(models, ["nothing"]) == ()


# -- pages -----------------------------------------------------------------------------------------

FIVE = [model(name) for name in "abcde"]


def shown(found: Page) -> tuple[str, bool]:
    return "".join(model.id for model in found.models), found.has_more


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ("abcde", False)),
        ({"limit": "2"}, ("ab", True)),
        ({"limit": "5"}, ("abcde", False)),
        ({"limit": "1000"}, ("abcde", False)),
        ({"after_id": "b"}, ("cde", False)),
        ({"after_id": "b", "limit": "2"}, ("cd", True)),
        ({"after_id": "c", "limit": "2"}, ("de", False)),
        ({"after_id": "e"}, ("", False)),
        ({"before_id": "d"}, ("abc", False)),
        ({"before_id": "d", "limit": "2"}, ("bc", True)),
        ({"before_id": "c", "limit": "2"}, ("ab", False)),
        ({"before_id": "a"}, ("", False)),
        ({"after_id": "", "before_id": ""}, ("abcde", False)),
    ],
)
def test_a_query_is_answered_by_its_page(query: dict[str, str], expected: tuple[str, bool]) -> None:
    assert shown(page(FIVE, **query)) == expected


def test_a_page_names_its_ends() -> None:
    found = page(FIVE, after_id="a", limit="3")

    assert (found.first_id, found.last_id) == ("b", "d")
    assert (page([]).first_id, page([]).last_id) == (None, None)


@pytest.mark.parametrize(
    ("query", "at"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": ""}, "limit"),
        ({"limit": "2.0"}, "limit"),
        ({"limit": "٣"}, "limit"),
        ({"limit": "9" * 5000}, "limit"),
        ({"after_id": "z"}, "after_id"),
        ({"before_id": "z"}, "before_id"),
        ({"after_id": "a", "before_id": "c"}, "before_id"),
    ],
)
def test_a_query_that_cannot_be_answered_is_refused_by_its_parameter(
    query: dict[str, str], at: str
) -> None:
    with pytest.raises(Problem) as caught:
        page(FIVE, **query)

    assert (caught.value.kind, caught.value.at) == (Kind.INVALID, at)


@given(st.integers(0, 30), st.integers(1, 12))
def test_the_pages_together_are_the_whole_list(count: int, limit: int) -> None:
    models = [model(f"m{number}") for number in range(count)]
    pages = [page(models, limit=str(limit))]

    while pages[-1].has_more:
        pages.append(page(models, limit=str(limit), after_id=pages[-1].last_id))

    assert [model for found in pages for model in found.models] == models


@given(st.integers(1, 30), st.integers(1, 12))
def test_the_pages_from_the_end_are_all_that_is_before_it(count: int, limit: int) -> None:
    *models, end = [model(f"m{number}") for number in range(count)]
    pages = [page([*models, end], limit=str(limit), before_id=end.id)]

    while pages[-1].has_more:
        pages.append(page(models, limit=str(limit), before_id=pages[-1].first_id))

    assert [model for found in reversed(pages) for model in found.models] == models


# -- when --------------------------------------------------------------------------------------------


def test_the_first_look_comes_soon_and_not_at_one_moment() -> None:
    assert first_look(0.0) < first_look(0.999) <= 1.5


@pytest.mark.parametrize(
    ("failed", "seconds"), [(0, 3600), (1, 15), (2, 30), (3, 60), (7, 900), (5000, 900)]
)
def test_after_a_failure_the_next_look_comes_sooner_and_each_time_later(
    failed: int, seconds: float
) -> None:
    assert next_look(3600, failed=failed, roll=0.5) == pytest.approx(seconds)


def test_a_list_that_is_read_often_is_not_read_less_often_after_a_failure() -> None:
    assert next_look(10, failed=4, roll=0.5) == pytest.approx(10)


def test_processes_that_were_started_together_drift_apart() -> None:
    rolls = [next_look(3600, failed=0, roll=roll) for roll in (0.0, 0.5, 0.999)]

    assert rolls == sorted(set(rolls))
    assert 3240 <= rolls[0] <= rolls[-1] <= 3960


def test_an_alias_for_a_family_is_no_model_of_the_list() -> None:
    rules = Rules(aliases={"claude*": "openai/gpt-4o-mini", "fast": "openai/gpt-4o-mini"})

    assert ids(rules) == ["fast", "openai/gpt-4o"]
