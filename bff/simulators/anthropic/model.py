"""What is answered, and what it costs: the embedded model behind Anthropic's parameters. Pure.

Source: providers.md §2.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from bff.simulators import embedded_model
from bff.simulators.anthropic.checks import thinks
from bff.simulators.anthropic.turn_checks import blocks_of, merged
from bff.simulators.faults import content_text

_THOUGHT = ("Let me think: ", "what was asked, and what do I know?")
SIGNATURE = "c2ltdWxhdGVkIHNpZ25hdHVyZQ=="


@dataclass(frozen=True, slots=True)
class Spoken:
    """An answer: *thought* and *pieces* of text, each a token, *calls* by name and arguments."""

    pieces: list[str]
    reason: str = "end_turn"
    sequence: str | None = None
    thought: Sequence[str] = ()
    calls: Sequence[tuple[str, str]] = ()

    @property
    def tokens(self) -> int:
        return len(self.pieces) + len(self.thought) + 8 * len(self.calls)


def question_of(messages: Sequence[Mapping[str, Any]]) -> str:
    """What the user said last, without the results of calls."""
    said = [turn for turn in messages if turn.get("role") == "user"]
    return content_text(said[-1].get("content")) if said else ""


def speak(asked: Mapping[str, Any], question: str, text: str | None) -> Spoken:
    """*text*, when it is set, is the answer."""
    thought = _THOUGHT if thinks(asked) else ()
    results = _results(asked)
    if text is None and not results:
        calls = _wanted_calls(asked, question)
        if calls:
            return Spoken([], "tool_use", thought=thought, calls=calls)
    said = text if text is not None else _text(asked, question, results)
    if (asked.get("output_config") or {}).get("format"):
        said = orjson.dumps({"answer": said}).decode()
    said, sequence = _stopped(said, asked.get("stop_sequences") or ())
    pieces = embedded_model.pieces(said)
    if len(pieces) > asked["max_tokens"]:
        return Spoken(pieces[: asked["max_tokens"]], "max_tokens", thought=thought)
    return Spoken(pieces, "stop_sequence" if sequence else "end_turn", sequence, thought)


def _text(asked: Mapping[str, Any], question: str, results: Sequence[str]) -> str:
    if results:
        return embedded_model.told("\n".join(results))
    return embedded_model.answer(question, earlier=len(asked["messages"]) - 1)


def _results(asked: Mapping[str, Any]) -> list[str]:
    """What the calls brought that were made last."""
    role, blocks = merged(asked["messages"])[-1]
    return [
        content_text(block.get("content"))
        for block in blocks
        if role == "user" and block["type"] == "tool_result"
    ]


def _wanted_calls(asked: Mapping[str, Any], question: str) -> list[tuple[str, str]]:
    names = [tool["name"] for tool in asked.get("tools") or () if "input_schema" in tool]
    choice = asked.get("tool_choice") or {"type": "auto"}
    if not names or choice["type"] == "none":
        return []
    if choice["type"] == "tool":
        names = [choice["name"]]
    calls = embedded_model.calls(question, names)
    if not calls and choice["type"] != "auto":
        calls = [(names[0], "{}")]
    return calls[:1] if choice.get("disable_parallel_tool_use") else calls


def _stopped(text: str, stops: Sequence[str]) -> tuple[str, str | None]:
    found = [(text.find(stop), stop) for stop in stops if stop in text]
    if not found:
        return text, None
    place, stop = min(found)
    return text[:place], stop


# -- what it costs ---------------------------------------------------------------------------------


def count_input(asked: Mapping[str, Any]) -> int:
    return 3 + sum(embedded_model.count_tokens(text) for text, _ in _prompt(asked))


class Cache:
    """Prompts up to their last mark; who asks again with the same beginning reads it."""

    def __init__(self) -> None:
        self._known: set[bytes] = set()

    def usage(self, asked: Mapping[str, Any]) -> dict[str, int]:
        """The input of a message, split as Anthropic splits it."""
        total = count_input(asked)
        marked, key = _marked(asked)
        read = marked if key in self._known else 0
        if marked:
            self._known.add(key)
        return {
            "input_tokens": total - marked,
            "cache_creation_input_tokens": marked - read,
            "cache_read_input_tokens": read,
        }


def _marked(asked: Mapping[str, Any]) -> tuple[int, bytes]:
    """The tokens that stand before the last mark, and what they are."""
    digest, tokens = hashlib.sha256(), 0
    marked, key = 0, b""
    for text, mark in _prompt(asked):
        digest.update(text.encode())
        tokens += embedded_model.count_tokens(text)
        if mark:
            marked, key = tokens, digest.digest()
    return marked, key


def _prompt(asked: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """All that is read, in its order, and whether it is marked."""
    parts = [
        *(asked.get("tools") or ()),
        *blocks_of(asked.get("system")),
        *(block for _, blocks in merged(asked["messages"]) for block in blocks),
    ]
    if "cache_control" in asked:  # as a whole: what stands last is marked
        parts[-1] = {**parts[-1], "cache_control": asked["cache_control"]}
    for part in parts:
        plain = {name: value for name, value in part.items() if name != "cache_control"}
        text = plain["text"] if part.get("type") == "text" else orjson.dumps(plain).decode()
        yield text, "cache_control" in part
