"""What both faces are tried with: answers of every shape, bodies of every shape."""

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

from bff.chat.events import Chunk, Event, FinishReason, Started, UsageReported
from bff.chat.reply import Reply, replay
from bff.chat.request import (
    ChatRequest,
    Choosing,
    Document,
    Format,
    Image,
    Message,
    Part,
    Role,
    Shape,
    Tags,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
)
from bff.errors import Problem

TAGS = Tags("face", "t:1", "u:1", "-", "req_1")

_texts = st.text(st.characters(codec="utf-8"), max_size=60)
_arguments = st.sampled_from(["{}", '{"tz":"UTC"}', '{"a":{"b":[1,{"c":"}"}]}, "d": "é"}'])
_names = st.text("abc_-XYZ019", min_size=1, max_size=64)
_counts = st.integers(0, 2**40)
calls = st.lists(
    st.builds(ToolCall, _names, _names, _arguments), max_size=3, unique_by=lambda call: call.id
).map(tuple)
usages = st.builds(
    lambda plain, completion, cached, written, thought: UsageReported(
        plain + cached + written,
        completion + thought,
        plain + cached + written + completion + thought,
        cached,
        written,
        thought,
    ),
    *[_counts] * 5,
)


@st.composite
def replies(draw: st.DrawFn, *, thoughts: bool = False) -> Reply:
    """Answers as they may come from any vendor, ending as their content says."""
    said = draw(calls)
    endings = [FinishReason.LENGTH, FinishReason.CONTENT_FILTER]
    endings.append(FinishReason.TOOL_CALLS if said else FinishReason.STOP)
    return Reply(
        text=draw(_texts),
        usage=draw(usages),
        calls=said,
        reason=draw(st.sampled_from(endings)),
        started=Started("theirs", "their-model", 7),
        thought=draw(_texts) if thoughts else "",
    )


@st.composite
def batched(draw: st.DrawFn, of: st.SearchStrategy[Reply]) -> tuple[Reply, list[Chunk]]:
    """An answer, and its chunks with one or more events in each."""
    reply = draw(of)
    chunks: list[Chunk] = []
    for one in replay(reply):
        if chunks and draw(st.booleans()):
            last = chunks[-1]
            chunks[-1] = Chunk(last.events + one.events, content=last.content or one.content)
        else:
            chunks.append(one)
    return reply, chunks


def chunk(*events: Event, content: bool = True) -> Chunk:
    return Chunk(events, content=content)


def cut_into(data: bytes, size: int) -> Sequence[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


# -- questions -------------------------------------------------------------------------------------

_words = st.text("abc é\n", max_size=12)
_some_words = st.text("abcé", min_size=1, max_size=12)
_schemas = st.sampled_from([{"type": "object"}, {"type": "object", "properties": {}}])
_pictures = st.sampled_from(
    [
        Image("data:image/png;base64,AA=="),
        Image("https://example.org/a.png"),
        Document("data:application/pdf;base64,AA==", "a.pdf"),
    ]
)
tools = st.lists(
    st.builds(Tool, _names, _words, st.none() | _schemas, st.sampled_from([None, True, False])),
    max_size=3,
    unique_by=lambda tool: tool.name,
).map(tuple)


@st.composite
def histories(draw: st.DrawFn, *, least_text: int = 0) -> tuple[Message, ...]:
    """A conversation in which every call has its result."""
    words = _some_words if least_text else _words
    parts: st.SearchStrategy[Part] = st.builds(Text, words) | _pictures
    contents = words | st.lists(parts, min_size=1, max_size=3).map(tuple)
    messages = [Message(Role.SYSTEM, draw(words))] if draw(st.booleans()) else []
    for turn in range(draw(st.integers(1, 3))):
        messages.append(Message(Role.USER, draw(contents)))
        made = [
            ToolCall(f"{turn}_{call.id}"[:40], call.name, call.arguments) for call in draw(calls)
        ]
        messages.append(Message(Role.ASSISTANT, draw(words), calls=tuple(made)))
        messages += [Message(Role.TOOL, draw(words), answers=call.id) for call in made]
    return (*messages, Message(Role.USER, draw(contents)))


@st.composite
def questions(draw: st.DrawFn, *, least_text: int = 0) -> ChatRequest:
    """What a vendor may be asked in any dialect that has tools; no text is shorter than
    *least_text*, 0 or 1.
    """
    declared = draw(tools)
    choices = [ToolChoice()]
    if declared:
        choices += [ToolChoice(how) for how in (Choosing.NONE, Choosing.REQUIRED)]
        choices.append(ToolChoice(Choosing.NAMED, declared[0].name))
    return ChatRequest(
        model="a-model",
        messages=draw(histories(least_text=least_text)),
        tags=TAGS,
        max_tokens=draw(st.none() | st.integers(1, 99)),
        stream=draw(st.booleans()),
        tools=declared,
        tool_choice=draw(st.sampled_from(choices)),
        parallel_calls=not declared or draw(st.booleans()),
        temperature=draw(st.none() | st.floats(0, 1)),
        top_p=draw(st.none() | st.floats(0, 1)),
        stop=tuple(draw(st.lists(st.text("abc", min_size=1, max_size=3), max_size=3))),
        format=draw(st.none() | st.builds(Format, st.just(Shape.SCHEMA), _schemas)),
        effort=draw(st.sampled_from(["", "low", "high"])),
        end_user=draw(st.sampled_from(["", "u:1"])),
    )


# -- bodies ----------------------------------------------------------------------------------------

_scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
SECRET = "xyzzy-secret"


def bodies(words: Sequence[str], names: Sequence[str]) -> st.SearchStrategy[Any]:
    """Any JSON, with *names* and *words* that a face looks for wherever they may or may not fit."""
    leaves = _scalars | st.sampled_from([*words, SECRET])
    keys = st.sampled_from([*names, SECRET]) | st.text(max_size=5)
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6),
        max_leaves=8,
    )


def complaint(read: Callable[[], Any]) -> str:
    """All that a refusal says, and empty when there was none."""
    try:
        read()
    except Problem as problem:
        return f"{problem} {problem.at}"
    return ""
