"""Fault: what shall go wrong with one answer, and its text form. Pure; who performs it is wire.py.

The text form is a comma separated list of `key` and `key=value`, for example
`status=429,retry-after=2`. A key alone addresses the provider; with `gateway-` before it, the
gateway in front of it; `gateway=2003` is the gateway's own error of that code. So one text can make
the gateway fail while the direct way works. It is read, first found first served, from the header
`x-simulate`, from the model's name after `!`, or from `[[simulate: ...]]` in the last user message.
A frame is one server-sent event of the answer; the role chunk is the first.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

HEADER = "x-simulate"
GATEWAY = "gateway"
_PREFIX = f"{GATEWAY}-"
_DIRECTIVE = re.compile(r"\s*\[\[\s*simulate\s*:([^\]]*)\]\]")
_WORD = re.compile(r"[A-Za-z0-9_.\-]+")
_ALIASES = {"refuse": "reset"}
_MOST = 10**9


class WrongFaultError(ValueError):
    """A text that names no fault; its message says what is wrong with it."""


MEANINGS: Mapping[str, str] = {
    "status": "this HTTP status with an error body; from the gateway a page of the edge",
    "code": "the error's code; written gateway=2003 for the gateway's own error",
    "retry-after": "seconds, in the headers of the error",
    "quota": "429 insufficient_quota",
    "hang": "no answer, not even headers",
    "reset": "connection reset before the headers (also: refuse)",
    "garbage": "a status line that is none",
    "html": "200 with a page",
    "json": "a whole completion in answer to a stream request",
    "empty": "200 event stream with nothing in it",
    "error-object": "an error in place of a whole completion, under a 200",
    "no-usage": "a whole completion that does not say what it used",
    "no-choices": "a whole completion without the field choices",
    "empty-choices": "a whole completion with no choice in it",
    "not-json": "a whole completion cut in half, under a 200",
    "hang-after": "silence after so many frames",
    "cut-after": "connection reset after so many frames",
    "end-after": "clean end after so many frames, without finish and [DONE]",
    "error-after": "an error frame after so many frames, then the end",
    "bad-line-after": "a data line that is not JSON after so many frames; the answer goes on",
    "role-only": "the role chunk, then a clean end",
    "no-done": "everything but [DONE]",
    "crlf": "lines end with CR LF",
    "cr": "lines end with CR",
    "bom": "a byte order mark in front",
    "no-space": "no space after data:",
    "multiline": "each event over several data: lines",
    "comments": "a keep-alive comment before each frame",
    "obfuscation": "a padding field in each chunk",
    "split": "each byte in a write of its own",
    "burst": "everything in one write, at the end",
    "huge": "an event of so many bytes after the first frame",
    "delay-ms": "wait before the headers",
    "frame-delay-ms": "wait before each frame",
    "words": "so many words instead of an answer",
    "endless": "deltas of so many characters, for ever",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One answer's mishaps; several may be combined. MEANINGS says what each of them does."""

    # instead of the answer
    status: int | None = None
    code: str = ""
    retry_after: float | None = None
    quota: bool = False
    hang: bool = False
    reset: bool = False
    garbage: bool = False
    html: bool = False
    json: bool = False
    empty: bool = False

    # what a whole completion lacks
    error_object: bool = False
    no_usage: bool = False
    no_choices: bool = False
    empty_choices: bool = False
    not_json: bool = False

    # where the answer ends or breaks, in frames
    hang_after: int | None = None
    cut_after: int | None = None
    end_after: int | None = None
    error_after: int | None = None
    bad_line_after: int | None = None
    role_only: bool = False
    no_done: bool = False

    # how the answer is spelled and cut into writes
    crlf: bool = False
    cr: bool = False
    bom: bool = False
    no_space: bool = False
    multiline: bool = False
    comments: bool = False
    obfuscation: bool = False
    split: bool = False
    burst: bool = False
    huge: int | None = None

    # when, and how much
    delay_ms: int | None = None
    frame_delay_ms: int | None = None
    words: int | None = None
    endless: int | None = None

    @property
    def shapes_frames(self) -> bool:
        """Whether the frames of a stream are touched at all."""
        values = (getattr(self, name) for name in _SHAPING)
        return any(value is not None and value is not False for value in values)

    def __str__(self) -> str:
        return write_fault(self)


NONE = Fault()
_FIELDS = {field.name.replace("_", "-"): field for field in fields(Fault)}
_SHAPING = (
    "hang_after",
    "cut_after",
    "end_after",
    "error_after",
    "bad_line_after",
    "role_only",
    "no_done",
    "crlf",
    "cr",
    "bom",
    "no_space",
    "multiline",
    "comments",
    "obfuscation",
    "split",
    "burst",
    "huge",
    "frame_delay_ms",
)


@dataclass(frozen=True, slots=True)
class Faults:
    """One text's faults by whom they address."""

    provider: Fault = NONE
    gateway: Fault = NONE


NO_FAULTS = Faults()


def read_faults(text: str) -> Faults:
    """Raises WrongFaultError."""
    provider: list[str] = []
    gateway: list[str] = []
    for item in _items(text):
        key, equals, value = item.partition("=")
        if key == GATEWAY:
            gateway.append(f"code{equals}{value}")
        elif key.startswith(_PREFIX):
            gateway.append(item.removeprefix(_PREFIX))
        else:
            provider.append(item)
    return Faults(_read(provider), _read(gateway))


def write_faults(faults: Faults) -> str:
    provider = _written(faults.provider)
    gateway = [
        item.replace("code=", f"{GATEWAY}=", 1) if item.startswith("code=") else _PREFIX + item
        for item in _written(faults.gateway)
    ]
    return ",".join([*provider, *gateway])


def read_fault(text: str) -> Fault:
    """One party's fault, without an address. Raises WrongFaultError."""
    return _read(_items(text))


def write_fault(fault: Fault) -> str:
    return ",".join(_written(fault))


def forms() -> list[tuple[str, str]]:
    """Every fault as it is written, and what it does."""
    return [
        (key if _FIELDS[key].type is bool else f"{key}=N", meaning)
        for key, meaning in MEANINGS.items()
    ]


def find_faults(*, header: str | None, model: str, question: str) -> Faults:
    """What the request itself asks for. Raises WrongFaultError."""
    if header:
        return read_faults(header)
    _, mark, suffix = model.partition("!")
    if mark:
        return read_faults(suffix)
    found = _DIRECTIVE.search(question) if "[[" in question else None
    return read_faults(found[1]) if found else NO_FAULTS


def plain_model(model: str) -> str:
    """The model's name without faults."""
    return model.partition("!")[0]


def plain_question(question: str) -> str:
    """The question without directives."""
    return _DIRECTIVE.sub("", question).strip() if "[[" in question else question


def last_question(messages: object) -> str:
    """The text of the last user message; empty where there is none. A text is one itself."""
    if isinstance(messages, str):
        return messages
    for message in reversed(messages if isinstance(messages, list) else []):
        if isinstance(message, Mapping) and message.get("role") == "user":
            return content_text(message.get("content"))
    return ""


def content_text(content: object) -> str:
    """A message's text, whether it is a string or parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, Mapping)]
    return "\n".join(text for text in texts if isinstance(text, str))


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _read(items: Iterable[str]) -> Fault:
    said: dict[str, Any] = {}
    for item in items:
        key, equals, value = (part.strip() for part in item.partition("="))
        field = _FIELDS.get(_ALIASES.get(key, key))
        if field is None:
            raise WrongFaultError(f"There is no fault called {key!r}.")
        said[field.name] = _value(field.type, key, value if equals else None)
    return Fault(**said)


def _value(type_: object, key: str, value: str | None) -> object:
    if type_ is bool:
        if value is not None:
            raise WrongFaultError(f"{key} takes no value.")
        return True
    if not value:
        raise WrongFaultError(f"{key} needs a value: {key}=...")
    if type_ is str:
        if not _WORD.fullmatch(value):
            raise WrongFaultError(f"{key}={value} is not one word.")
        return value
    return _number(key, value, whole=type_ == int | None)


def _number(key: str, value: str, *, whole: bool) -> float:
    try:
        number = int(value) if whole else float(value)
    except ValueError:
        raise WrongFaultError(f"{key}={value} is not a number.") from None
    if not 0 <= number <= _MOST:
        raise WrongFaultError(f"{key}={value} is out of range.")
    return number


def _written(fault: Fault) -> list[str]:
    items = []
    for key, field in _FIELDS.items():
        value = getattr(fault, field.name)
        if value is True:
            items.append(key)
        elif value is not None and value is not False and value != "":
            items.append(f"{key}={value}")
    return items
