"""One formatter (api-faces.md §9): any answer, told by either face, is to the vendor's own SDK the
answer it was; and the same answer told by both is the same answer to both SDKs.
"""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bff.chat.events import (
    Chunk,
    Event,
    Finished,
    FinishReason,
    Started,
    TextDelta,
    ThoughtDelta,
    ToolDelta,
    ToolStarted,
    UsageReported,
)
from bff.chat.reply import Collector, Reply
from bff.dialects import anthropic_messages, openai_chat
from bff.dialects.anthropic_messages import telling as anthropic_telling
from bff.dialects.anthropic_messages import told_whole as anthropic_whole
from bff.dialects.openai_chat import telling as openai_telling
from bff.dialects.openai_chat import told_whole as openai_whole
from tests.support.faces import cut_into, usages
from tests.support.sdk_parsers import Parsers, Seen

_texts = st.text(st.characters(codec="utf-8"), max_size=40)
_names = st.text("abc_-XYZ019", min_size=1, max_size=64)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=6,
)
_objects = st.dictionaries(_texts, _json, max_size=3)
_sizes = st.integers(1, 200)
patiently = settings(deadline=None)  # an SDK makes its types when they are first used


@st.composite
def _calls(draw: st.DrawFn, number: int, id_: str) -> list[Event]:
    """A call as it may come from a vendor: its arguments cut anywhere, if it has any."""
    arguments = json.dumps(
        draw(_objects), ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1]))
    )
    pieces: list[str] = []
    if arguments != "{}" or draw(st.booleans()):
        pieces = draw(_cut(arguments))
    return [
        ToolStarted(number, id_, draw(_names)),
        *(ToolDelta(number, piece) for piece in pieces),
    ]


@st.composite
def _cut(draw: st.DrawFn, text: str) -> list[str]:
    pieces = []
    while text:
        end = draw(st.integers(1, len(text)))
        pieces.append(text[:end])
        text = text[end:]
    return pieces


@st.composite
def answers(draw: st.DrawFn, *, woven: bool = True) -> list[Chunk]:
    """An answer's chunks: text and parallel calls, *woven* into each other or one after another."""
    ids = draw(st.lists(_names, max_size=3, unique=True))
    strands: list[list[Event]] = [draw(_calls(number, id_)) for number, id_ in enumerate(ids)]
    strands.insert(0, [TextDelta(piece) for piece in draw(_cut(draw(_texts)))])
    thought = draw(_texts)
    events: list[Event] = [Started("theirs", "their-model", 7)]
    events += [ThoughtDelta(thought)] if thought else []
    started = 0  # a call begins after those before it
    while any(strands):
        ready = [
            strand for at, strand in enumerate(strands) if strand and (at <= 1 or at <= started + 1)
        ]
        strand = draw(st.sampled_from(ready)) if woven else ready[0]
        event = strand.pop(0)
        started += isinstance(event, ToolStarted)
        events.append(event)
    endings = [FinishReason.LENGTH, FinishReason.CONTENT_FILTER]
    endings.append(FinishReason.TOOL_CALLS if ids else FinishReason.STOP)
    reason = draw(st.sampled_from(endings))
    stopped = draw(st.sampled_from(["", "END"])) if reason is FinishReason.STOP else ""
    return [Chunk((event,)) for event in [*events, draw(usages), Finished(reason, stopped)]]


@pytest.fixture(scope="module")
def parsers() -> Iterator[Parsers]:
    parsers = Parsers()
    yield parsers
    parsers.close()


def collected(chunks: list[Chunk]) -> Reply:
    collector = Collector()
    collector.feed(chunks)
    return collector.reply()


def seen(reply: Reply) -> Seen:
    """What of *reply* both dialects can say."""
    assert reply.reason is not None
    return Seen(
        text=reply.text or "",
        calls=tuple((call.id, call.name, json.loads(call.arguments)) for call in reply.calls),
        reason=reply.reason,
        usage=reply.usage,
        thought=reply.thought,
        stopped_by=reply.stopped_by,
    )


def in_openais(told: Seen) -> Seen:
    """Which stop sequence it was cannot be said there."""
    return replace(told, stopped_by="")


def in_anthropics(told: Seen) -> Seen:
    """What a thought took is not counted apart there."""
    assert told.usage is not None
    return replace(told, usage=replace(told.usage, reasoning_tokens=0))


def stream_in_openais(chunks: list[Chunk]) -> bytes:
    writer = openai_telling.StreamWriter(
        model="m", created=5, answer_id="chatcmpl-1", include_usage=True, thoughts=True
    )
    return b"".join([*map(writer.feed, chunks), writer.end()])


def stream_in_anthropics(chunks: list[Chunk]) -> bytes:
    writer = anthropic_telling.StreamWriter(model="m", answer_id="msg_1", input_tokens=1)
    return b"".join([*map(writer.feed, chunks), writer.end()])


@patiently
@given(chunks=answers(), size=_sizes)
def test_any_answer_streamed_in_openais_words_is_that_answer_to_their_sdk(
    parsers: Parsers, chunks: list[Chunk], size: int
) -> None:
    told = parsers.completion_stream(stream_in_openais(chunks), size)

    assert told == in_openais(seen(collected(chunks)))


@patiently
@given(chunks=answers(), size=_sizes)
def test_any_answer_streamed_in_anthropics_words_is_that_answer_to_their_sdk(
    parsers: Parsers, chunks: list[Chunk], size: int
) -> None:
    told = parsers.message_stream(stream_in_anthropics(chunks), size)

    assert told == in_anthropics(seen(collected(chunks)))


@patiently
@given(chunks=answers(woven=False))
def test_any_answer_in_one_piece_is_that_answer_to_both_sdks(
    parsers: Parsers, chunks: list[Chunk]
) -> None:
    reply = collected(chunks)

    completion = openai_whole.write_reply(reply, model="m", created=5, answer_id="chatcmpl-1")
    message = anthropic_whole.write_reply(reply, model="m", answer_id="msg_1")

    thoughtless = replace(seen(reply), thought="")  # a completion has no field for it
    assert parsers.completion(completion) == in_openais(thoughtless)
    assert parsers.message(message) == in_anthropics(seen(reply))


# -- the same recording, told by both --------------------------------------------------------------


def event(value: dict[str, object]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (str(value["type"]).encode(), json.dumps(value).encode())


def frame(delta: dict[str, object], reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    return chunk_frame(choices=[choice], obfuscation="xK2", usage=None)


def chunk_frame(**said: object) -> bytes:
    head = {
        "id": "chatcmpl-9",
        "object": "chat.completion.chunk",
        "created": 7,
        "model": "gpt-4o-2024-08-06",
        "service_tier": "default",
    }
    return b"data: %b\n\n" % json.dumps({**head, **said}, ensure_ascii=False).encode()


def tool_delta(index: int, **said: object) -> bytes:
    return frame({"tool_calls": [{"index": index, **said}]})


OPENAIS = b"".join(
    [
        frame({"role": "assistant", "content": "", "refusal": None}),
        frame({"content": "Grüße, "}),
        frame({"content": "\U0001f44b!"}),
        tool_delta(0, id="call_a", type="function", function={"name": "weather", "arguments": ""}),
        tool_delta(0, function={"arguments": '{"city": '}),
        tool_delta(0, function={"arguments": '"Köln"}'}),
        tool_delta(1, id="call_b", type="function", function={"name": "now", "arguments": ""}),
        tool_delta(1, function={"arguments": "{}"}),
        frame({}, "tool_calls"),
        chunk_frame(
            choices=[],
            usage={
                "prompt_tokens": 30,
                "completion_tokens": 12,
                "total_tokens": 42,
                "prompt_tokens_details": {"cached_tokens": 4},
                "completion_tokens_details": {"reasoning_tokens": 0},
            },
        ),
        b"data: [DONE]\n\n",
    ]
)
ANTHROPICS = b"".join(
    [
        event(
            {
                "type": "message_start",
                "message": {
                    "id": "msg_9",
                    "type": "message",
                    "role": "assistant",
                    "model": "claude-x",
                    "content": [],
                    "stop_reason": None,
                    "stop_sequence": None,
                    "usage": {
                        "input_tokens": 26,
                        "cache_creation_input_tokens": 0,
                        "cache_read_input_tokens": 4,
                        "output_tokens": 1,
                    },
                },
            }
        ),
        event(
            {
                "type": "content_block_start",
                "index": 0,
                "content_block": {"type": "text", "text": ""},
            }
        ),
        event({"type": "ping"}),
        *(
            event(
                {
                    "type": "content_block_delta",
                    "index": 0,
                    "delta": {"type": "text_delta", "text": text},
                }
            )
            for text in ("Grüße, ", "\U0001f44b!")
        ),
        event({"type": "content_block_stop", "index": 0}),
        event(
            {
                "type": "content_block_start",
                "index": 1,
                "content_block": {
                    "type": "tool_use",
                    "id": "call_a",
                    "name": "weather",
                    "input": {},
                },
            }
        ),
        *(
            event(
                {
                    "type": "content_block_delta",
                    "index": 1,
                    "delta": {"type": "input_json_delta", "partial_json": piece},
                }
            )
            for piece in ("", '{"city": ', '"Köln"}')
        ),
        event({"type": "content_block_stop", "index": 1}),
        event(
            {
                "type": "content_block_start",
                "index": 2,
                "content_block": {"type": "tool_use", "id": "call_b", "name": "now", "input": {}},
            }
        ),
        event({"type": "content_block_stop", "index": 2}),
        event(
            {
                "type": "message_delta",
                "delta": {"stop_reason": "tool_use", "stop_sequence": None},
                "usage": {"output_tokens": 12},
            }
        ),
        event({"type": "message_stop"}),
    ]
)
RECORDED = Seen(
    text="Grüße, \U0001f44b!",
    calls=(("call_a", "weather", {"city": "Köln"}), ("call_b", "now", {})),
    reason=FinishReason.TOOL_CALLS,
    usage=UsageReported(30, 12, 42, 4),
)


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize(
    ("vendor", "recording"),
    [("openai", OPENAIS), ("anthropic", ANTHROPICS)],
)
def test_a_recording_told_by_both_faces_agrees_field_by_field(
    parsers: Parsers, vendor: str, recording: bytes, size: int
) -> None:
    dialect = {"openai": openai_chat, "anthropic": anthropic_messages}[vendor]
    reader = dialect.StreamReader()
    chunks = [chunk for piece in cut_into(recording, size) for chunk in reader.feed(piece)]
    assert (reader.problem, reader.bad_events, reader.done) == (None, 0, True)
    reply = collected(chunks)

    told = [
        parsers.completion_stream(stream_in_openais(chunks), size),
        parsers.message_stream(stream_in_anthropics(chunks), size),
        parsers.completion(
            openai_whole.write_reply(reply, model="m", created=5, answer_id="chatcmpl-1")
        ),
        parsers.message(anthropic_whole.write_reply(reply, model="m", answer_id="msg_1")),
    ]

    assert told == [RECORDED] * 4
