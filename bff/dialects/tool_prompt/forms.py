"""The forms a call comes in, each as the steps it is read in: a generator that asks for one step
after the other, is sent what it said, and returns the calls, or why there are none.
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

from bff.chat.request import Tool
from bff.dialects.tool_prompt import markup
from bff.dialects.tool_prompt.steps import Blank, Json, LineEnd, Literal, Name, Run, Step, Until
from bff.dialects.tool_prompt.values import Said, read_call, read_value, write_compact

LISTED = '"function_calls"'


class Verdict(Enum):
    """Why markup is no call; it becomes text."""

    MENTIONED = "a tag and no more, as in a sentence about it"
    UNUSABLE = "well-formed, but no call of a tool we offered"
    BROKEN = "not to be read, so that nobody knows where it ends"


Outcome = Sequence[Said] | Verdict
Form = Generator[Step, str, Outcome]
Tools = Mapping[str, Tool]


def _listed(tools: Tools) -> Form:
    """`<tool_calls>[…]</tool_calls>`; a single call may stand without its brackets."""
    first = yield Blank()
    if first not in "[{":
        return (yield from _empty(first, markup.CALLS_END))
    text = yield Json()
    return (yield from _closed(text, markup.CALLS_END, tools))


def _single(tools: Tools) -> Form:
    """`<tool_call>{…}</tool_call>`, or GLM's keys and values in it."""
    first = yield Blank()
    if first == "{":
        text = yield Json()
        return (yield from _closed(text, markup.CALL_END, tools))
    name = yield Name()
    if not name:
        return (yield from _empty(first, markup.CALL_END))
    return (yield from _pairs(name, tools))


def _empty(first: str, end: str) -> Form:
    """Neither JSON nor a name: a word about the tag, or something in it that we do not know."""
    if first != "<" or (yield Literal(end)):
        return Verdict.MENTIONED
    return Verdict.BROKEN


def _closed(text: str, end: str, tools: Tools) -> Form:
    yield Blank()
    if not text or not (yield Literal(end)):
        return Verdict.BROKEN
    return _read_text(text, tools)


def _pairs(name: str, tools: Tools) -> Form:
    """`name<arg_key>k</arg_key><arg_value>v</arg_value>…</tool_call>`."""
    pairs: dict[str, str] = {}
    while True:
        yield Blank()
        tag = yield Literal(markup.KEY, markup.CALL_END)
        if tag == markup.CALL_END:
            return _offered([(name, _arguments(pairs, tools.get(name)))], tools)
        if not tag:
            return Verdict.BROKEN if pairs else Verdict.MENTIONED
        key = yield Until(markup.KEY_END)
        yield Blank()
        if not (yield Literal(markup.VALUE)):
            return Verdict.BROKEN
        value = yield Until(markup.VALUE_END)
        pairs[key[1:].strip()] = value[1:]


def _section(tools: Tools) -> Form:
    """Kimi's section, of calls with an argument each."""
    calls: list[tuple[str, str]] = []
    while True:
        yield Blank()
        tag = yield Literal(markup.BEGIN, markup.SECTION_END)
        if tag == markup.SECTION_END:
            return _read_section(calls, tools)
        if not tag:
            return Verdict.BROKEN if calls else Verdict.MENTIONED
        head = yield Until(markup.ARGUMENTS)
        first = yield Blank()
        text = (yield Json()) if first == "{" else ""
        yield Blank()
        if not text or not (yield Literal(markup.END)):
            return Verdict.BROKEN
        calls.append((_name_in(head[1:].strip(), tools), text))


def fenced(tools: Tools, ticks: int) -> Form:
    """A block of JSON in a fence of *ticks* backticks that is wholly calls: what follows the
    fence's first line.
    """
    first = yield Blank()
    opening = yield Literal("{" if first == "{" else "[")
    inner = yield Blank()
    if opening == "{":
        opening += yield Literal(LISTED)
    if opening not in ("[", "{" + LISTED) or (opening == "[" and inner != "{"):
        return Verdict.MENTIONED
    rest = yield Json(depth=1, lines=False)
    whole = rest and (yield LineEnd()) and (yield Blank()) and (yield Run(ticks))
    if not whole or not (yield LineEnd()):
        return Verdict.BROKEN
    outcome = _read_text(opening + rest, tools, listed=opening != "[")
    return outcome or Verdict.UNUSABLE


def _stray(_: Tools) -> Form:
    """A tag that stands inside markup, where we have seen none begin: what it holds is lost."""
    yield from ()
    return Verdict.BROKEN


FORMS: Mapping[str, Callable[[Tools], Form]] = {
    markup.CALLS: _listed,
    markup.CALL: _single,
    markup.SECTION: _section,
    **dict.fromkeys((markup.KEY, markup.VALUE, markup.BEGIN, markup.ARGUMENTS), _stray),
}


# -- what was read ---------------------------------------------------------------------------------


def _read_text(text: str, tools: Tools, *, listed: bool = False) -> Outcome:
    try:
        value = read_value(text)
    except ValueError:
        return Verdict.BROKEN
    items = value["function_calls"] if listed else value
    if isinstance(items, dict):
        items = [items]
    if not isinstance(items, list):
        return Verdict.UNUSABLE
    return _offered([read_call(item) for item in items], tools)


def _read_section(calls: Iterable[tuple[str, str]], tools: Tools) -> Outcome:
    try:
        items = [{"name": name, "arguments": read_value(text)} for name, text in calls]
    except ValueError:
        return Verdict.BROKEN
    return _offered([read_call(item) for item in items], tools)


def _offered(calls: Sequence[Said | None], tools: Tools) -> Outcome:
    """All of *calls* or none: half of what the model wanted may be worse than nothing."""
    said = [call for call in calls if call is not None and call[0] in tools]
    return said if len(said) == len(calls) else Verdict.UNUSABLE


def _name_in(head: str, tools: Tools) -> str:
    """`functions.now:0` is the first call, of `now`."""
    if head in tools:
        return head
    name, _, number = head.removeprefix("functions.").rpartition(":")
    return name if number.isdigit() else head.removeprefix("functions.")


def _arguments(pairs: Mapping[str, str], tool: Tool | None) -> str:
    known = (tool.parameters or {}).get("properties") if tool else None
    schemas = known if isinstance(known, Mapping) else {}
    return write_compact({key: _value(text, schemas.get(key)) for key, text in pairs.items()})


def _value(text: str, schema: object) -> Any:
    """JSON where it is JSON, else a string. A number for what the tool wants as a string is one."""
    try:
        value = read_value(text)
    except ValueError:
        return text
    wants_text = isinstance(schema, Mapping) and schema.get("type") == "string"
    return text if wants_text and not isinstance(value, str) else value
