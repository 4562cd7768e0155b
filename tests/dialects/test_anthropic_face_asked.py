"""What a caller asks in Anthropic's words, read into ours."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.chat.request import (
    ChatRequest,
    Choosing,
    Document,
    Foreign,
    Format,
    Image,
    Message,
    Role,
    Shape,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
)
from bff.dialects.anthropic_messages import NAME
from bff.dialects.anthropic_messages.asked import read_request
from bff.errors import Kind, Problem
from tests.support.faces import SECRET, TAGS, bodies, complaint

HELLO = [{"role": "user", "content": "hello"}]
SCHEMA = {"type": "object"}
USE = {"type": "tool_use", "id": "t1", "name": "now", "input": {"tz": "UTC"}}
CALLED = {"role": "assistant", "content": [USE]}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "12:00"}
RESULTS = {"role": "user", "content": [RESULT]}
CALL = Message(Role.ASSISTANT, "", calls=(ToolCall("t1", "now", '{"tz":"UTC"}'),))
KEEP = {"type": "ephemeral", "ttl": "1h"}


def read(**more: Any) -> ChatRequest:
    body = {"model": "claude-x", "max_tokens": 9, "messages": HELLO}
    return read_request({**body, **more}, tags=TAGS)


def turns(*messages: Any) -> tuple[Message, ...]:
    return read(messages=list(messages)).messages


def test_the_least_question_is_read_and_its_own_words_go_along() -> None:
    body = {"model": "claude-x", "max_tokens": 9, "messages": HELLO, "container": None}

    chat = read_request(body, tags=TAGS)

    assert chat == ChatRequest(
        "claude-x",
        (Message(Role.USER, "hello"),),
        TAGS,
        max_tokens=9,
        stream=False,
        passes=NAME,
        original=Foreign(NAME, body),
    )
    assert chat.original is not None
    assert chat.original.original is body


def test_every_field_is_read() -> None:
    chat = read(
        system="Be kind.",
        temperature=0.5,
        top_p=1,
        top_k=5,
        stop_sequences=["a", "b"],
        stream=True,
        tools=[{"name": "now", "description": "The time.", "input_schema": SCHEMA, "strict": True}],
        tool_choice={"type": "tool", "name": "now", "disable_parallel_tool_use": True},
        metadata={"user_id": "me"},
        output_config={"effort": "high", "format": {"type": "json_schema", "schema": SCHEMA}},
        thinking={"type": "adaptive"},
        service_tier="auto",
        odd={"x": 1},
    )

    assert chat.messages[0] == Message(Role.SYSTEM, "Be kind.")
    assert (chat.temperature, chat.top_p, chat.stop) == (0.5, 1.0, ("a", "b"))
    assert (chat.stream, chat.effort, chat.end_user) == (True, "high", "me")
    assert chat.tools == (Tool("now", "The time.", SCHEMA, True),)
    assert chat.tool_choice == ToolChoice(Choosing.NAMED, "now")
    assert chat.parallel_calls is False
    assert chat.format == Format(Shape.SCHEMA, SCHEMA)
    assert chat.others == {"top_k": 5, "thinking": {"type": "adaptive"}, "odd": {"x": 1}}


def test_version_and_beta_go_along_for_who_knows_them() -> None:
    body = {"model": "m", "max_tokens": 1, "messages": HELLO}
    headers = {"Anthropic-Version": "2026-10-21", "anthropic-beta": "a,b", "x-api-key": SECRET}

    chat = read_request(body, tags=TAGS, headers=headers, query=f"jwt={SECRET}&beta=true")

    assert chat.headers == {"anthropic-version": "2026-10-21", "anthropic-beta": "a,b"}
    assert (chat.query, chat.others) == ("beta=true", {})


def test_who_only_counts_needs_no_limit() -> None:
    chat = read_request({"model": "m", "messages": HELLO}, tags=TAGS, counting=True)

    assert chat.max_tokens is None


@pytest.mark.parametrize(
    ("more", "field", "value"),
    [
        ({"tool_choice": {"type": "auto"}}, "tool_choice", ToolChoice()),
        ({"tool_choice": {"type": "any"}}, "tool_choice", ToolChoice(Choosing.REQUIRED)),
        ({"tool_choice": {"type": "none"}}, "tool_choice", ToolChoice(Choosing.NONE)),
        ({"tool_choice": {"type": "auto"}}, "parallel_calls", True),
        ({"tools": [{"type": "custom", "name": "f"}]}, "tools", (Tool("f"),)),
        ({"output_config": {}}, "format", None),
        ({"output_config": {"format": {"type": "odd"}}}, "format", None),
        (
            {"output_format": {"type": "json_schema", "schema": SCHEMA}},
            "format",
            Format(Shape.SCHEMA, SCHEMA),
        ),
        ({"temperature": 1.5}, "temperature", 1.5),
        ({"metadata": {}}, "end_user", ""),
        ({"system": []}, "messages", (Message(Role.USER, "hello"),)),
        ({"system": ""}, "messages", (Message(Role.USER, "hello"),)),
    ],
)
def test_a_field_is_read(more: dict[str, Any], field: str, value: Any) -> None:
    assert getattr(read(**more), field) == value


def test_tools_that_anthropic_runs_itself_are_named_and_not_read() -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}

    unnamed = {"type": "odd\r\nx: 1", "name": "x"}

    chat = read(
        tools=[search, unnamed, {"name": "now", "input_schema": SCHEMA, "cache_control": KEEP}]
    )

    assert chat.tools == (Tool("now", "", SCHEMA),)
    assert chat.others == {"web_search_20250305": search}


def test_what_only_anthropic_can_be_told_is_named_for_who_cannot_be() -> None:
    asked: dict[str, Any] = {
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "context_management": {"edits": []},
        "cache_control": KEEP,
        "container": "c",
        "mcp_servers": [],
        "service_tier": "standard_only",
        "of_tomorrow": 1,
    }

    assert read(**asked).others == asked


@pytest.mark.parametrize(
    "more",
    [
        {"thinking": {"type": "disabled"}},
        {"service_tier": "auto"},
        {"container": None},
        {"metadata": {"user_id": "me", "more": 1}},
        {"output_config": {"effort": "low"}},
        {"of\r\ntomorrow": 1},
        {"": 1},
    ],
)
def test_what_asks_for_nothing_or_cannot_be_named_is_not(more: dict[str, Any]) -> None:
    assert read(**more).others == {}


# -- turns -----------------------------------------------------------------------------------------


def test_the_systems_blocks_keep_their_order_and_their_marks() -> None:
    system = [
        {"type": "text", "text": "x-anthropic-billing-header: 1"},
        {"type": "text", "text": "Be kind.", "cache_control": KEEP},
    ]

    [first, _] = read(system=system).messages

    assert first == Message(
        Role.SYSTEM, (Text("x-anthropic-billing-header: 1"), Text("Be kind.", KEEP))
    )


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "text", "text": "x", "cache_control": KEEP}, Text("x", KEEP)),
        (
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": "AA"},
            },
            Image("data:image/png;base64,AA"),
        ),
        ({"type": "image", "source": {"type": "url", "url": "https://x/y"}}, Image("https://x/y")),
        (
            {
                "type": "document",
                "title": "a",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "AA"},
            },
            Document("data:application/pdf;base64,AA", "a"),
        ),
        ({"type": "document", "source": {"type": "text", "data": "x"}}, Text("x")),
        ({"type": "thinking", "thinking": "hm", "signature": "s"}, Thinking("hm", "s")),
        ({"type": "thinking", "thinking": "hm"}, Thinking("hm")),
    ],
)
def test_a_block_is_read(block: dict[str, Any], part: Any) -> None:
    assert turns(*HELLO, {"role": "assistant", "content": [block]})[1] == Message(
        Role.ASSISTANT, (part,)
    )


@pytest.mark.parametrize(
    "block",
    [
        {"type": "redacted_thinking", "data": "AA"},
        {"type": "image", "source": {"type": "file", "file_id": "f"}},
        {"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}},
        {"type": "server_tool_use", "id": "s"},
    ],
)
def test_a_block_that_only_anthropic_can_read_goes_along_unread(block: dict[str, Any]) -> None:
    assert turns({"role": "user", "content": [block]}) == (
        Message(Role.USER, (Foreign(NAME, block),)),
    )


def test_a_turn_of_the_systems_may_stand_between() -> None:
    said = turns(*HELLO, CALLED, RESULTS, {"role": "system", "content": "Be brief."})

    assert said[-1] == Message(Role.SYSTEM, "Be brief.")


def test_results_become_turns_of_their_own_right_behind_the_calls() -> None:
    second = USE | {"id": "t2", "name": "here", "input": {}}
    picture = {"type": "image", "source": {"type": "url", "url": "https://x/y"}}
    failed = {
        "type": "tool_result",
        "tool_use_id": "t2",
        "is_error": True,
        "content": [{"type": "text", "text": "no"}, picture],
    }

    said = turns(
        *HELLO,
        {"role": "assistant", "content": [{"type": "text", "text": "I look."}, USE, second]},
        {"role": "user", "content": [{"type": "text", "text": "and?"}, failed, RESULT]},
        {"role": "assistant", "content": "12:00"},
    )

    assert said[1:] == (
        Message(
            Role.ASSISTANT,
            (Text("I look."),),
            calls=(ToolCall("t1", "now", '{"tz":"UTC"}'), ToolCall("t2", "here", "{}")),
        ),
        Message(Role.TOOL, (Text("no"), Image("https://x/y")), answers="t2", is_error=True),
        Message(Role.TOOL, "12:00", answers="t1"),
        Message(Role.USER, (Text("and?"),)),
        Message(Role.ASSISTANT, "12:00"),
    )


def test_results_in_a_second_turn_of_the_users_stand_before_the_first() -> None:
    said = turns(*HELLO, CALLED, *HELLO, {"role": "user", "content": [RESULT | {"content": None}]})

    assert said[1:] == (CALL, Message(Role.TOOL, "", answers="t1"), Message(Role.USER, "hello"))


def test_an_empty_turn_of_the_assistants_stays() -> None:
    assert turns(*HELLO, {"role": "assistant", "content": []})[1:] == (Message(Role.ASSISTANT, ""),)


def test_a_call_may_be_the_last_word() -> None:
    assert turns(*HELLO, CALLED)[1:] == (CALL,)


@pytest.mark.parametrize(
    ("messages", "at"),
    [
        (None, "messages"),
        ([], "messages"),
        (HELLO * 6, "messages"),
        (["x"], "messages[0]"),
        ([*HELLO, {"role": "tool", "content": "x"}], "messages[1].role"),
        ([{"content": "x"}], "messages[0].role"),
        ([{"role": "user"}], "messages[0].content"),
        ([{"role": "user", "content": [{"type": "text", "text": ""}] * 6}], "messages[0].content"),
        ([{"role": "user", "content": ["x"]}], "messages[0].content[0]"),
        ([{"role": "user", "content": [{}]}], "messages[0].content[0].type"),
        ([{"role": "user", "content": [{"type": "text"}]}], "messages[0].content[0].text"),
        ([{"role": "user", "content": [{"type": "image"}]}], "messages[0].content[0].source"),
        (
            [{"role": "user", "content": [{"type": "image", "source": {"type": "base64"}}]}],
            "messages[0].content[0].source.media_type",
        ),
        (
            [
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "image",
                            "source": {"type": "base64", "media_type": "image/png,", "data": "AA"},
                        }
                    ],
                }
            ],
            "messages[0].content[0].source.media_type",
        ),
        (
            [
                {
                    "role": "user",
                    "content": [{"type": "image", "source": {"type": "url", "url": "file:///x"}}],
                }
            ],
            "messages[0].content[0].source.url",
        ),
        ([{"role": "user", "content": [USE]}], "messages[0].content[0]"),
        ([*HELLO, {"role": "assistant", "content": [RESULT]}], "messages[1].content[0]"),
        ([*HELLO, RESULTS], "messages[1].content[0].tool_use_id"),
        ([*HELLO, CALLED, RESULTS, CALLED, *HELLO], "messages[4]"),
        ([*HELLO, CALLED, *HELLO, {"role": "assistant", "content": "x"}], "messages[2]"),
        (
            [*HELLO, CALLED, RESULTS, {"role": "assistant", "content": "x"}, RESULTS],
            "messages[4].content[0].tool_use_id",
        ),
        (
            [*HELLO, {"role": "assistant", "content": [USE | {"name": ""}]}],
            "messages[1].content[0].name",
        ),
        (
            [*HELLO, {"role": "assistant", "content": [USE | {"input": "{}"}]}],
            "messages[1].content[0].input",
        ),
        (
            [*HELLO, CALLED, {"role": "user", "content": [RESULT | {"content": 5}]}],
            "messages[2].content[0].content",
        ),
        (
            [*HELLO, CALLED, {"role": "user", "content": [RESULT | {"content": ["x"]}]}],
            "messages[2].content[0].content[0]",
        ),
    ],
)
def test_turns_that_cannot_be_read_are_refused_by_their_place(messages: Any, at: str) -> None:
    body = {"model": "m", "max_tokens": 1, "messages": messages}

    with pytest.raises(Problem) as caught:
        read_request(body, tags=TAGS, most_messages=5, most_parts=5)

    assert (caught.value.kind, caught.value.at) == (Kind.INVALID, at)


@pytest.mark.parametrize(
    ("more", "at"),
    [
        ({"model": None}, "model"),
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"stream": "x"}, "stream"),
        ({"system": 5}, "system"),
        ({"system": 0}, "system"),
        ({"system": False}, "system"),
        ({"system": {}}, "system"),
        ({"system": ["x"]}, "system[0]"),
        ({"temperature": 3}, "temperature"),
        ({"stop_sequences": "x"}, "stop_sequences"),
        ({"stop_sequences": ["a", 5]}, "stop_sequences[1]"),
        ({"tools": ["x"]}, "tools[0]"),
        ({"tools": [{}]}, "tools[0].name"),
        ({"tools": [{"type": 5}]}, "tools[0].type"),
        ({"tools": [{"name": "f", "input_schema": 5}]}, "tools[0].input_schema"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"tool_choice": {"type": ["auto"]}}, "tool_choice.type"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"metadata": {"user_id": 5}}, "metadata.user_id"),
        ({"output_config": {"effort": 5}}, "output_config.effort"),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": 5}}},
            "output_config.format.schema",
        ),
        ({"output_format": {"type": "json_schema", "schema": 5}}, "output_format.schema"),
    ],
)
def test_a_field_that_cannot_be_read_is_refused_by_its_name(more: dict[str, Any], at: str) -> None:
    with pytest.raises(Problem) as caught:
        read(**more)

    assert (caught.value.kind, caught.value.at) == (Kind.INVALID, at)


@pytest.mark.parametrize("body", [None, [], "x", 5])
def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    with pytest.raises(Problem) as caught:
        read_request(body, tags=TAGS)

    assert (caught.value.kind, caught.value.at) == (Kind.INVALID, "")


NAMES = (
    *("model", "messages", "max_tokens", "role", "content", "type", "text", "source", "data"),
    *("media_type", "url", "title", "id", "name", "input", "tool_use_id", "is_error", "thinking"),
    *("signature", "system", "tools", "tool_choice", "input_schema", "output_config", "format"),
    *("schema", "effort", "metadata", "user_id", "stop_sequences", "stream", "top_k"),
)
WORDS = (
    *("user", "assistant", "system", "text", "image", "document", "thinking", "tool_use"),
    *("tool_result", "base64", "url", "json_schema", "auto", "tool", "custom", "t1"),
)
ANY = bodies(WORDS, NAMES)
BLOCK = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "image", "document", "thinking", "tool_use", "tool_result"])},
    optional={name: ANY for name in NAMES if name != "type"},
)
TURN = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["user", "assistant", "system"]),
        "content": ANY | st.lists(BLOCK, max_size=3),
    }
)
PLAUSIBLE = st.fixed_dictionaries(
    {
        "model": st.just("m"),
        "max_tokens": st.just(1),
        "messages": st.lists(TURN, min_size=1, max_size=4),
    },
    optional={name: ANY for name in NAMES if name not in ("model", "messages", "max_tokens")},
)


@given(body=ANY | PLAUSIBLE)
def test_whatever_the_body_is_it_is_read_or_refused_without_a_word_of_it(body: Any) -> None:
    assert SECRET not in complaint(lambda: read_request(body, tags=TAGS))
