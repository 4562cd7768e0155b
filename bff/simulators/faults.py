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


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One answer's mishaps. The default is none at all; several may be combined."""

    # instead of the answer
    status: int | None = None  # this HTTP status, with the speaker's own error body
    code: str = ""  # the error's code; at the gateway its internal code
    retry_after: float | None = None  # seconds
    quota: bool = False  # 429 insufficient_quota
    hang: bool = False  # no answer, not even headers
    reset: bool = False  # the connection is reset before the headers
    garbage: bool = False  # a status line that is none
    html: bool = False  # 200 with a page
    json: bool = False  # a whole completion, in answer to a stream request too
    empty: bool = False  # 200 event stream with nothing in it

    # where the answer ends or breaks, in frames
    hang_after: int | None = None
    cut_after: int | None = None  # the connection is reset
    end_after: int | None = None  # a clean end without finish and [DONE]
    error_after: int | None = None  # an error frame, then the end
    bad_line_after: int | None = None  # a data line that is not JSON; the answer goes on
    role_only: bool = False  # the role chunk, then a clean end
    no_done: bool = False

    # how the answer is spelled and cut into writes
    crlf: bool = False
    cr: bool = False
    bom: bool = False
    no_space: bool = False  # `data:{`
    multiline: bool = False  # each event over several data lines
    comments: bool = False  # a keep-alive comment before each frame
    obfuscation: bool = False  # the padding field on each chunk
    split: bool = False  # each byte in a write of its own
    burst: bool = False  # everything in one write, at the end
    huge: int | None = None  # bytes of one event, after the first frame

    # when, and how much
    delay_ms: int | None = None  # before the headers
    frame_delay_ms: int | None = None
    words: int | None = None  # this many words instead of an answer
    endless: int | None = None  # deltas of so many bytes, for ever

    @property
    def shapes_frames(self) -> bool:
        """Whether the frames of a stream are touched at all."""
        return any(getattr(self, name) not in (None, False) for name in _SHAPING)

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
    """The text of the last user message; empty where there is none."""
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
        elif value not in (None, False, "") or (value == 0 and value is not False):
            items.append(f"{key}={value}")
    return items
