"""Our conversation as Anthropic's turns: user and assistant in alternation, what the system says
beside them, every call with its result in the turn that follows it.

Whatever the history, it is made one that Anthropic takes. Source: contract providers.md §2, §6.1.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bff.chat.request import Message, Role, ToolCall
from bff.dialects.anthropic_messages.blocks import (
    Block,
    is_thought,
    shortest,
    text_block,
    write_content,
)
from bff.dialects.anthropic_messages.labels import CallIds
from bff.dialects.anthropic_messages.names import NAME
from bff.dialects.json_text import depth_exceeds, read_json
from bff.errors import Kind, Problem

_EARLIER = "An earlier message of the assistant, before the conversation that follows:\n"
_NO_RESULT = "There is no result of this call."
_MOST_DEPTH = 200  # of arguments: what is nested deeper can be read, but not always written


@dataclass(frozen=True, slots=True)
class Turns:
    """*system* is None where there is nothing to say."""

    system: str | list[Block] | None
    messages: list[Block]


def write_turns(messages: Sequence[Message], names: Mapping[str, str]) -> Turns:
    """*names* are the functions' names there. Raises Problem(BAD_REQUEST) for what Anthropic cannot
    be sent, and where there is nothing at all to answer.
    """
    writer = _Writer(names, CallIds(_kept_ids(messages)))
    for index, message in enumerate(messages):
        writer.write(message, f"messages[{index}].content")
    return writer.finish()


@dataclass(slots=True)
class _Turn:
    role: str
    blocks: list[Block] = field(default_factory=list)

    def ids(self, type_: str, name: str) -> list[Any]:
        return [block.get(name) for block in self.blocks if block.get("type") == type_]


class _Writer:
    def __init__(self, names: Mapping[str, str], ids: CallIds) -> None:
        self._names, self._ids = names, ids
        self._system: list[list[Block]] = []
        self._earlier: list[Block] = []
        self._turns: list[_Turn] = []
        self._spoken = False  # by anybody but the system

    def write(self, message: Message, at: str) -> None:
        self._spoken = self._spoken or message.role is not Role.SYSTEM
        if message.original is not None and message.original.dialect == NAME:
            self._keep(message.role, message.original.original)
            return
        match message.role:
            case Role.SYSTEM:
                self._write_system(message, at)
            case Role.USER:
                self._add("user", write_content(message.content, at))
            case Role.ASSISTANT:
                self._write_assistant(message, at)
            case _:
                self._write_result(message, at)

    def _write_system(self, message: Message, at: str) -> None:
        blocks = write_content(message.content, at)
        if not all(block["type"] == "text" for block in blocks):
            raise Problem(Kind.BAD_REQUEST, "A system message can be text only.", at=at)
        if not self._spoken:
            self._system.append(blocks)
        elif blocks:
            text = "\n".join(str(block["text"]) for block in blocks)
            self._add("user", text_block(f"<system>\n{text}\n</system>"))

    def _write_assistant(self, message: Message, at: str) -> None:
        blocks = write_content(message.content, at, thoughts=True)
        if not self._turns:  # nobody had asked: Anthropic's first turn is the user's
            self._earlier += [block for block in blocks if block["type"] == "text"]
            return
        while blocks and is_thought(blocks[-1]) and not message.calls:
            blocks.pop()  # a thought that led to nothing
        self._begin_answer([*blocks, *message.calls])
        self._add("assistant", [*blocks, *map(self._write_call, message.calls)])

    def _write_call(self, call: ToolCall) -> Block:
        return {
            "type": "tool_use",
            "id": self._ids.call(call.id),
            "name": self._names[call.name],
            "input": _read_input(call.arguments),
        }

    def _write_result(self, message: Message, at: str) -> None:
        """A result that nobody waits for is something that the user says."""
        content = write_content(message.content, at)
        id_ = self._ids.answer(message.answers)
        if id_ is None:
            self._add("user", content)
        else:
            self._add("user", [_result(id_, content, is_error=message.is_error)])

    def _keep(self, role: Role, turn: Mapping[str, Any]) -> None:
        """A turn in Anthropic's own words."""
        content = turn.get("content")
        blocks = text_block(content) if isinstance(content, str) else list(content or ())
        if role is Role.SYSTEM and not self._spoken:
            self._system.append(blocks)
        elif role is Role.ASSISTANT and not self._turns:
            self._earlier += [block for block in blocks if block.get("type") == "text"]
        elif role is Role.ASSISTANT:
            self._begin_answer(blocks)
            self._add("assistant", blocks)
        else:
            self._add("user", blocks)
        self._note(blocks)

    def _note(self, blocks: Iterable[Block]) -> None:
        for block in blocks:
            if block.get("type") == "tool_use":
                self._ids.note(str(block.get("id")))
            elif block.get("type") == "tool_result":
                self._ids.answer(str(block.get("tool_use_id")))

    def _begin_answer(self, said: Sequence[object]) -> None:
        """Calls before what the user said last can be answered no more."""
        if said and self._turns[-1].role != "assistant":
            self._ids.begin_turn()

    def _add(self, role: str, blocks: Iterable[Block]) -> None:
        blocks = list(blocks)
        if not blocks:
            return
        if not self._turns or self._turns[-1].role != role:
            self._turns.append(_Turn(role))
        self._turns[-1].blocks += blocks

    # -- the end -----------------------------------------------------------------------------------

    def finish(self) -> Turns:
        system = self._told_system()
        turns = _answered(self._turns)
        if not turns:  # whoever says nothing else asks with the system's words
            if system is None:
                raise Problem(Kind.BAD_REQUEST, "There is nothing to answer.", at="messages")
            return Turns(None, [{"role": "user", "content": system}])
        _trim(turns[-1])
        return Turns(
            system, [{"role": turn.role, "content": shortest(turn.blocks)} for turn in turns]
        )

    def _told_system(self) -> str | list[Block] | None:
        """One text, its messages apart by a blank line; blocks where they were blocks."""
        groups = [group for group in self._system if group]
        if self._earlier:
            text = "\n".join(str(block["text"]) for block in self._earlier)
            groups.append(text_block(_EARLIER + text))
        texts = [shortest(group) for group in groups]
        if all(isinstance(text, str) for text in texts):
            return "\n\n".join(map(str, texts)) or None
        return [block for group in groups for block in group]


def _answered(turns: list[_Turn]) -> list[_Turn]:
    """*turns*, each call with a result behind it: results first of all, calls last."""
    told: list[_Turn] = []
    open_: list[Any] = []
    for turn in turns:
        if turn.role == "user":
            results = set(turn.ids("tool_result", "tool_use_id"))
            turn.blocks += [_missing(id_) for id_ in open_ if id_ not in results]
            turn.blocks.sort(key=lambda block: block.get("type") != "tool_result")
        else:
            turn.blocks.sort(key=lambda block: block.get("type") == "tool_use")
        open_ = turn.ids("tool_use", "id")
        told.append(turn)
    if open_:
        told.append(_Turn("user", [_missing(id_) for id_ in open_]))
    return told


def _result(id_: str, content: list[Block], *, is_error: bool) -> Block:
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": id_}
    if content:
        block["content"] = shortest(content)
    if is_error:
        block["is_error"] = True
    return block


def _missing(id_: Any) -> Block:
    return _result(str(id_), text_block(_NO_RESULT), is_error=True)


def _trim(turn: _Turn) -> None:
    """An answer that the caller has begun must not end with a blank."""
    last = turn.blocks[-1]
    if turn.role == "assistant" and last.get("type") == "text":
        turn.blocks[-1] = {**last, "text": str(last["text"]).rstrip()}


def _read_input(arguments: str) -> dict[str, Any]:
    """The object; arguments that are none are kept under one name, for the model wrote them and may
    be told what was wrong with them.
    """
    if not arguments.strip():
        return {}
    try:
        value = read_json(arguments.encode("utf-8", "surrogatepass"))
    except ValueError:
        return {"arguments": arguments}
    if depth_exceeds([value], _MOST_DEPTH):
        return {"arguments": arguments}
    return value if isinstance(value, dict) else {"arguments": value}


def _kept_ids(messages: Iterable[Message]) -> set[str]:
    """The ids of calls that are sent as they are."""
    return {
        str(block.get("id"))
        for message in messages
        if message.original is not None and message.original.dialect == NAME
        for block in message.original.original.get("content") or ()
        if isinstance(block, Mapping) and block.get("type") == "tool_use"
    }
