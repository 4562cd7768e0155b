import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.chat.events import (
    Chunk,
    Event,
    Finished,
    FinishReason,
    Original,
    Started,
    TextDelta,
    UsageReported,
)
from bff.chat.request import ChatRequest, Foreign, Message, Role, Tags, Text
from bff.dialects import openai_chat
from bff.dialects.chatgpt import (
    STATUS,
    StreamWriter,
    read_request,
    status_of,
    write_error,
    write_visible_error,
)
from bff.dialects.openai_chat import StreamReader
from bff.errors import Kind, Problem
from tests.support.frontend import shown

TAGS = Tags("bff", "t:1", "u:1", "-", "req_1")


def read(messages: Any, **more: Any) -> ChatRequest:
    return read_request(
        {"messages": messages},
        model="openai/gpt-3.5-turbo",
        system_prompt="Be kind.",
        max_tokens=10,
        tags=TAGS,
        **more,
    )


@pytest.mark.parametrize(
    ("message", "role", "content"),
    [
        ({"author": {"role": "user"}, "content": {"parts": ["a"]}}, "user", "a"),
        ({"content": {"content_type": "text", "parts": ["a", "b"]}}, "user", "a\n\nb"),
        ({"content": {"parts": ["a", 5, None, {"x": 1}, "b"]}}, "user", "a\n\nb"),
        ({"role": "assistant", "content": "x"}, "assistant", "x"),
        ({"author": {"role": "assistant"}, "role": "user", "content": "x"}, "assistant", "x"),
        ({"author": {"role": ""}, "role": "assistant", "content": "x"}, "assistant", "x"),
        ({"author": "me", "content": "x"}, "user", "x"),
        ({"role": "owl", "content": "x"}, "user", "x"),
        ({"role": 7, "content": "x"}, "user", "x"),
        ({"content": None}, "user", ""),
        ({}, "user", ""),
        ({"content": {}}, "user", ""),
        ({"content": {"parts": []}}, "user", ""),
        ({"content": {"parts": [""]}}, "user", ""),
        ({"content": {"parts": "hello"}}, "user", "hello"),
        ({"content": []}, "user", ""),
    ],
)
def test_a_message_is_mapped_as_the_node_app_did(
    message: dict[str, Any], role: str, content: str
) -> None:
    assert read([message]).messages == (
        Message(Role.SYSTEM, "Be kind."),
        Message(Role(role), content),
    )


def test_parts_in_openai_form_pass_through() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}

    chat = read([{"content": [{"type": "text", "text": "what is this"}, image, "plain"]}])

    assert chat.messages[1].content == (
        Text("what is this"),
        Foreign(openai_chat.NAME, image),
        Text("plain"),
    )


@pytest.mark.parametrize(
    ("messages", "at"),
    [
        (None, "messages"),
        ([], "messages"),
        ("hi", "messages"),
        ({"0": {}}, "messages"),
        ([None], "messages[0]"),
        (["hi"], "messages[0]"),
        ([{}, 5], "messages[1]"),
        ([{"role": "system", "content": "x"}], "messages[0].role"),
        ([{"author": {"role": "developer"}}], "messages[0].role"),
        ([{"role": "tool"}], "messages[0].role"),
        ([{"content": 5}], "messages[0].content"),
        ([{"content": {"parts": 5}}], "messages[0].content.parts"),
        ([{"content": {"parts": ["a"] * 4}}], "messages[0].content.parts"),
        ([{"content": ["a"] * 4}], "messages[0].content"),
        ([{"content": [5]}], "messages[0].content[0]"),
        ([{"content": [{"text": "no type"}]}], "messages[0].content[0]"),
        ([{}] * 4, "messages"),
    ],
)
def test_messages_that_are_refused_say_where(messages: Any, at: str) -> None:
    with pytest.raises(Problem) as caught:
        read(messages, most_messages=3, most_parts=3)

    assert (caught.value.kind, caught.value.at) == (Kind.INVALID, at)


@pytest.mark.parametrize("body", [None, [], "x", 5])
def test_a_body_without_messages_is_refused_in_the_node_apps_words(body: Any) -> None:
    with pytest.raises(Problem) as caught:
        read_request(body, model="m", system_prompt="", max_tokens=1, tags=TAGS)

    assert write_error(caught.value) == (422, b'{"error":"Messages array is required"}')


def test_an_empty_system_prompt_is_not_sent() -> None:
    chat = read_request(
        {"messages": [{"content": "x"}]}, model="m", system_prompt="", max_tokens=1, tags=TAGS
    )
    assert chat.messages == (Message(Role.USER, "x"),)


# -- the stream ------------------------------------------------------------------------------------


def wire(delta: dict[str, Any], **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    return json.dumps({"id": "c", "choices": [choice], **more}, ensure_ascii=False).encode()


def relay(stream: bytes) -> bytes:
    """*stream* through the reader and the writer, as the service does it."""
    reader, writer = StreamReader(), StreamWriter()
    chunks = [*reader.feed(stream), *reader.close()]
    frames = b"".join(writer.feed(chunk) for chunk in chunks)
    return frames + (writer.fail(reader.problem) if reader.problem else writer.end())


@given(
    texts=st.lists(
        st.text(alphabet='aé中😀\\"\n\u2028<', min_size=1, max_size=6), min_size=1, max_size=6
    ),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=5),
)
def test_the_frontend_shows_the_exact_text_wherever_the_network_cuts(
    texts: list[str], sizes: list[int]
) -> None:
    upstream = b"".join(b"data: " + wire({"content": text}) + b"\n\n" for text in texts)

    page = shown(relay(upstream + b"data: [DONE]\n\n"), sizes)

    assert (page.text, page.done, page.spinning) == ("".join(texts), True, False)


def test_an_event_that_is_ascii_already_passes_byte_for_byte() -> None:
    event = b'{"id":"c","odd":1.50,"choices":[{"index":0,"delta":{"content":"\\ud83d"}}]}'

    assert relay(b"data: " + event + b"\n\n").startswith(b"data: " + event + b"\n\n")


def test_an_event_spread_over_lines_becomes_one_line() -> None:
    stream = (
        b'data: {"choices":[{"index":0,\ndata: "delta":{"content":"one"}}]}\n\ndata: [DONE]\n\n'
    )

    frames = relay(stream)

    assert shown(frames).text == "one"
    assert frames.count(b"\n") == frames.count(b"\n\n") * 2


def test_the_random_padding_is_not_forwarded() -> None:
    event = wire({"content": 'say "obfuscation":"x"'}, obfuscation="aB3dE")

    frames = relay(b"data: " + event + b"\n\ndata: [DONE]\n\n")

    assert b"aB3dE" not in frames
    assert shown(frames).text == 'say "obfuscation":"x"'


def test_a_refusal_is_shown_as_text() -> None:
    frames = relay(b"data: " + wire({"refusal": "I will not."}) + b"\n\ndata: [DONE]\n\n")

    assert shown(frames).text == "I will not."


def test_the_chunk_with_the_usage_alone_is_not_forwarded() -> None:
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n'

    frames = relay(b"data: " + wire({"content": "x"}) + b"\n\n" + usage + b"data: [DONE]\n\n")

    assert b"usage" not in frames
    assert shown(frames).text == "x"


@pytest.mark.parametrize("cut", [b"data: [DONE]\n\n", b""])
def test_done_is_sent_exactly_once_and_last(cut: bytes) -> None:
    finish = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'

    frames = relay(b"data: " + wire({"content": "x"}) + b"\n\n" + finish + cut + cut)

    assert frames.count(b"[DONE]") == 1
    assert frames.endswith(b"data: [DONE]\n\n")


def test_an_answer_of_nothing_still_removes_the_spinner() -> None:
    writer = StreamWriter()
    finish = b'{"choices":[{"index":0,"finish_reason":"stop"}]}'

    frames = writer.feed(Chunk((Finished(FinishReason.STOP),), Original(openai_chat.NAME, finish)))
    page = shown(frames + writer.end())

    assert (page.spinning, page.text, page.done) == (False, "", True)


def test_a_failure_before_any_text_begins_with_the_words_the_page_looks_for() -> None:
    page = shown(StreamWriter().fail(Problem(Kind.TIMEOUT, "It took too long.")))

    assert (page.text, page.done) == ("An error occurred: It took too long.", True)


def test_a_failure_is_told_apart_from_an_answer_by_whoever_looks() -> None:
    frame, done, rest = StreamWriter().fail(Problem(Kind.TIMEOUT, "Too long.")).split(b"\n\n")

    value = json.loads(frame[6:])
    assert value["error"] == {"message": "Too long.", "type": "timeout"}
    assert value["choices"][0]["finish_reason"] is None
    assert (done, rest) == (b"data: [DONE]", b"")


def test_a_failure_after_text_keeps_the_text() -> None:
    page = shown(relay(b"data: " + wire({"content": "half"}) + b"\n\n"))

    assert page.text == "half\n\n*The answer was cut off. Please try again.*"
    assert page.done


def test_events_without_an_original_are_spelled_in_openais_words() -> None:
    writer = StreamWriter(model="asked", created=5)
    events: list[Event] = [
        Started("id-1", "gpt", 7),
        TextDelta("é"),
        UsageReported(1, 1, 2),
        Finished(FinishReason.LENGTH),
    ]

    frames = b"".join(
        writer.feed(Chunk((event,), content=isinstance(event, TextDelta))) for event in events
    )

    values = [json.loads(frame[6:]) for frame in frames.split(b"\n\n") if frame]
    assert frames.isascii()
    assert {(v["id"], v["model"], v["created"]) for v in values} == {("id-1", "gpt", 7)}
    assert [v["choices"][0]["delta"] for v in values] == [
        {"role": "assistant", "content": ""},
        {"content": "é"},
        {},
    ]
    assert values[-1]["choices"][0]["finish_reason"] == "length"


def test_a_beginning_that_names_nothing_keeps_our_own_names() -> None:
    writer = StreamWriter(model="asked", created=5, answer_id="ours")

    frame = writer.feed(Chunk((Started("", "", 0),)))

    value = json.loads(frame[6:])
    assert (value["id"], value["model"], value["created"]) == ("ours", "asked", 5)


# -- errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_a_status(kind: Kind) -> None:
    assert 400 <= STATUS[kind] < 600


@pytest.mark.parametrize(
    ("status", "answered"),
    [(429, 429), (500, 500), (424, 424), (302, 502), (200, 502), (None, 502)],
)
def test_an_upstreams_refusal_keeps_its_status_and_a_redirect_does_not(
    status: int | None, answered: int
) -> None:
    assert status_of(Problem(Kind.UPSTREAM, "x", status=status)) == answered


def test_an_upstreams_refusal_has_the_node_apps_text() -> None:
    assert write_error(Problem(Kind.UPSTREAM, "secret words", status=503)) == (
        503,
        b'{"error":"OpenAI API error"}',
    )


def test_our_own_refusal_says_what_and_where() -> None:
    assert write_error(Problem(Kind.INVALID, "Not so", at="messages[0]")) == (
        422,
        b'{"error":"Not so","at":"messages[0]"}',
    )


def test_a_visible_error_has_the_same_status_and_can_be_read() -> None:
    status, frames = write_visible_error(Problem(Kind.CALLER_AUTH, "Please reload the page."))

    page = shown(frames)
    assert (status, page.text, page.done) == (
        401,
        "An error occurred: Please reload the page.",
        True,
    )


@pytest.mark.parametrize(
    "stream",
    [
        b'data: {"choices":[{"index":0,"delta":null,"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
        b'data: {"choices":[{"finish_reason":"stop","note":"\\"delta\\""},{"delta":{}}]}\n\n',
    ],
)
def test_no_answer_ends_with_the_spinner_still_turning(stream: bytes) -> None:
    page = shown(relay(stream))

    assert (page.spinning, page.done) == (False, True)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_status_about_our_own_key_is_told_to_nobody(status: int) -> None:
    problem = Problem(Kind.UPSTREAM_AUTH, "Tell your administrator.", status=status)
    problem.ours = True

    assert write_error(problem) == (502, b'{"error":"Tell your administrator."}')
    assert write_visible_error(problem)[0] == 502
