"""What Anthropic refuses, is refused here too: each by its place, nothing else."""

from typing import Any

import pytest

from bff.simulators.anthropic.checks import (
    NEWEST,
    VERSIONS,
    Refusal,
    check_key,
    check_parameters,
    check_version,
)
from bff.simulators.anthropic.turn_checks import check_turns

OLD = VERSIONS[0]
NOW = {"name": "now", "input_schema": {"type": "object", "properties": {}}}
THINKS = {"type": "enabled", "budget_tokens": 1024}
HI = {"role": "user", "content": "hi"}
MARKED = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}


def asked(**more: Any) -> dict[str, Any]:
    said = {"model": "claude-sonnet-4-5", "max_tokens": 2000, "messages": [HI], **more}
    return {name: value for name, value in said.items() if value is not None}


def check(body: Any, version: str = OLD, **how: Any) -> str:
    """The refusal's sentence; empty where all is well."""
    try:
        check_parameters(body, version=version, models=None, **how)
        check_turns(body, version=version, tools_needed=True)
    except Refusal as refusal:
        return refusal.message
    return ""


def use(id_: str = "a", **more: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id_, "name": "now", "input": {}, **more}


def result(id_: str = "a", **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": id_, **more}


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def text(said: str) -> dict[str, str]:
    return {"type": "text", "text": said}


def image(**source: Any) -> dict[str, Any]:
    return {"type": "image", "source": source}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"system": "be brief", "temperature": 0.5, "stop_sequences": ["END"], "stream": True},
        {"system": [MARKED], "metadata": {"user_id": "x"}, "top_p": 0.5},
        {"tools": [NOW, {"type": "web_search_1", "name": "web"}], "tool_choice": {"type": "any"}},
        {"thinking": THINKS, "temperature": 1},
        {"thinking": {"type": "disabled"}},
        {"model": "claude-opus-4-6", "output_config": {"effort": "high"}},
        {"output_config": {"format": {"type": "json_schema", "schema": {"anyOf": [True]}}}},
        {"messages": [HI, {"role": "assistant", "content": ""}]},
        {"messages": [HI, assistant(text("It is"))]},
        {"tools": [NOW], "messages": [HI, assistant(use()), user(result(), text("x"))]},
        {"messages": [user(image(type="url", url="https://x.test/x.png"))]},
        {"messages": [user(image(type="file", file_id="f"))]},
        {
            "tools": [NOW],
            "messages": [HI, assistant(use()), user(result(content=[text("x")]))],
        },
    ],
)
def test_what_is_well_said_is_taken(more: dict[str, Any]) -> None:
    assert check(asked(**more)) == ""


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"n": 2}, "n: Extra inputs are not permitted"),
        ({"model": None}, "model: Field required"),
        ({"model": "gpt-4o"}, "model: gpt-4o"),
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"max_tokens": 0}, "max_tokens: Input should be"),
        ({"max_tokens": 64_001}, "max_tokens: 64001 > 64000"),
        ({"temperature": 1.5}, "temperature: Input should be"),
        ({"temperature": 0.5, "top_p": 0.5}, "`temperature` and `top_p` cannot both"),
        ({"model": "claude-opus-4-7", "top_k": 1}, "`top_k` is deprecated"),
        ({"thinking": THINKS, "temperature": 0.5}, "`temperature` may only be set to 1"),
        ({"thinking": "on"}, "thinking: Input tag"),
        ({"thinking": {"type": "enabled", "budget_tokens": 5}}, "thinking.enabled.budget_tokens"),
        ({"thinking": THINKS, "max_tokens": 1024}, "`max_tokens` must be greater"),
        ({"tools": ["now"]}, "tools.0: Input should be"),
        ({"tools": [{"name": "n.ow"}]}, "tools.0.custom.name: String should match"),
        ({"tools": [{"name": "now"}]}, "tools.0.custom.input_schema: Field required"),
        ({"tools": [{"name": "a", "input_schema": {}}]}, "tools.0.custom.input_schema.type"),
        ({"tools": [NOW, NOW]}, "tools: Tool names must be unique."),
        ({"tool_choice": {"type": "auto"}}, "tool_choice: tool_choice may only"),
        ({"tools": [NOW], "tool_choice": "auto"}, "tool_choice: Input tag"),
        ({"tools": [NOW], "tool_choice": {"type": "tool", "name": "x"}}, "Tool 'x' not found"),
        (
            {"tools": [NOW], "tool_choice": {"type": "any"}, "thinking": THINKS},
            "Thinking may not be enabled",
        ),
        ({"output_config": {"form": 1}}, "output_config: Extra inputs"),
        ({"output_config": {"effort": "low"}}, "This model does not support the effort"),
        (
            {"model": "claude-opus-4-6", "output_config": {"effort": "minimal"}},
            "output_config.effort: Input should be",
        ),
        (
            {"model": "claude-opus-4-1", "output_config": {"format": {}}},
            "This model does not support the output_format",
        ),
        ({"output_config": {"format": {"type": "json"}}}, "output_config.format.type"),
        (
            {
                "output_config": {
                    "format": {"type": "json_schema", "schema": {"items": {"type": "object"}}}
                }
            },
            "output_config.format.schema: For 'object' type",
        ),
        ({"stream": "yes"}, "stream: Input should be"),
        ({"stop_sequences": ["x", " "]}, "stop_sequences.1: each stop sequence"),
        ({"metadata": {"user": "x"}}, "metadata: Extra inputs"),
        ({"metadata": {"user_id": "x" * 257}}, "metadata.user_id: String should have"),
        ({"system": 5}, "system: Input should be"),
        ({"system": [image()]}, "system.0.type: Input should be 'text'"),
        ({"system": [text("")]}, "system: text content blocks must be non-empty"),
        ({"messages": []}, "messages: at least one message"),
        ({"messages": [{**HI, "name": "x"}]}, "messages.0: Extra inputs"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages.0.role: Input"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content: Input"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages.0: all messages must have"),
        ({"messages": [assistant(text("x")), HI]}, "messages: first message must use"),
        ({"messages": [user({"type": "audio"})]}, "messages.0.content.0: Input tag"),
        ({"messages": [user(text(" \n"))]}, "messages: text content blocks must contain"),
        ({"messages": [HI, assistant(text("x "))]}, "messages: final assistant content"),
        (
            {"messages": [HI, assistant({"type": "thinking", "signature": "x"})]},
            "messages: the final block",
        ),
        (
            {"messages": [HI, assistant({"type": "thinking", "thinking": "x"}), HI]},
            "messages.1.content.0: Invalid `signature`",
        ),
        ({"messages": [user({"type": "image"})]}, "messages.0.content.0.source: Field"),
        (
            {"messages": [user(image(type="base64", media_type="image/bmp"))]},
            "messages.0.content.0.source.media_type",
        ),
        (
            {"messages": [user(image(type="base64", media_type="image/png", data=""))]},
            "messages.0.content.0.source.data",
        ),
        (
            {"messages": [user(image(type="url", url="http://x"))]},
            "messages.0.content.0.source.url",
        ),
        ({"messages": [user(image(type="x"))]}, "messages.0.content.0.source: Input tag"),
        (
            {"messages": [user({"type": "document", "source": {"type": "base64"}})]},
            "messages.0.content.0.source.media_type",
        ),
        ({"messages": [HI, assistant(use("a.b"))]}, "messages.1.content.0.tool_use.id"),
        ({"messages": [HI, assistant(use(name=""))]}, "messages.1.content.0.tool_use.name"),
        ({"messages": [HI, assistant(use(input="{}"))]}, "messages.1.content.0.tool_use.input"),
        ({"messages": [user({"type": "tool_result"})]}, "messages.0.content.0.tool_result"),
        ({"messages": [user(result(content=[use()]))]}, "messages.0.content.0.tool_result.content"),
        ({"messages": [HI, assistant(use())]}, "messages.1: `tool_use` ids were found without"),
        ({"messages": [HI, assistant(use()), HI]}, "messages.1: `tool_use` ids were found without"),
        ({"messages": [HI, assistant(use(), use())]}, "messages.1: `tool_use` ids must be unique"),
        (
            {"messages": [HI, assistant(use()), user(result()), assistant(use()), user(result())]},
            "messages.3: `tool_use` ids must be unique",
        ),
        ({"messages": [user(result())]}, "messages.0: unexpected `tool_use_id`"),
        (
            {"messages": [HI, assistant(use()), user(result(), result())]},
            "messages.2: unexpected `tool_use_id`",
        ),
        (
            {"messages": [HI, assistant(use()), user(text("x"), result())]},
            "messages.2: `tool_result` blocks must come first",
        ),
        (
            {"messages": [HI, assistant(use()), user(result())]},
            "Requests which include `tool_use` blocks",
        ),
        ({"messages": [user(*[MARKED] * 5)]}, "A maximum of 4 blocks"),
    ],
)
def test_each_mistake_is_refused_by_its_place(more: dict[str, Any], sentence: str) -> None:
    refused = check(asked(**more))

    assert refused.startswith(sentence)


@pytest.mark.parametrize("body", [None, [], "x"])
def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    assert check(body) == "The request body is not valid JSON."


@pytest.mark.parametrize(
    "more",
    [
        {"temperature": 1},
        {"messages": [HI, assistant({"type": "document", "source": {"type": "file"}}), HI]},
        {"messages": [user({**text("x"), "citations": [1]})]},
    ],
)
def test_the_newest_version_refuses_more(more: dict[str, Any]) -> None:
    assert check(asked(**more)) == ""
    assert "not permitted" in check(asked(**more), NEWEST)


def test_fields_of_tomorrow_are_taken_where_it_is_not_strict() -> None:
    told = asked(odd=1)

    assert check_parameters(told, version="2023-06-01", models=None, strict=False) is told


def test_counting_wants_no_limit_and_takes_none() -> None:
    assert check(asked(max_tokens=None), counting=True) == ""
    assert check(asked(), counting=True) == "max_tokens: Extra inputs are not permitted"


def test_models_of_ones_own_are_the_only_ones() -> None:
    own = frozenset({"mine"})

    assert check_parameters(asked(model="mine!status=500"), version=OLD, models=own)
    with pytest.raises(Refusal) as caught:
        check_parameters(asked(), version=OLD, models=own)
    assert (caught.value.status, caught.value.type) == (404, "not_found_error")


@pytest.mark.parametrize("headers", [{"x-api-key": "k"}, {"Authorization": "Bearer k"}])
def test_a_key_opens_in_either_header(headers: dict[str, str]) -> None:
    check_key(headers, None)
    check_key(headers, frozenset({"k"}))
    for wrong, keys in (({}, None), ({"x-api-key": "bad-key"}, None), (headers, frozenset({"x"}))):
        with pytest.raises(Refusal) as caught:
            check_key(wrong, keys)
        assert (caught.value.status, caught.value.type) == (401, "authentication_error")


def test_a_version_is_required_and_known() -> None:
    assert [check_version(version) for version in VERSIONS] == [OLD, NEWEST]
    for wrong in (None, "2024-01-01"):
        with pytest.raises(Refusal, match="anthropic-version"):
            check_version(wrong)
