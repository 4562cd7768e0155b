"""What became of one request, in a form that two services can be compared by and a person can read.

Not the bytes: what differs by nature is out of it, and so is every secret (reading.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class End(StrEnum):
    """How the answer ended. Only the first is an answer that a caller can use."""

    COMPLETE = "answered"
    UNFINISHED = "begun, never ended"
    SILENT = "no answer"
    CUT = "connection broken off"
    GARBLED = "not readable as HTTP"
    NO_CONNECTION = "no connection"


@dataclass(frozen=True, slots=True)
class Nothing:
    """An empty body."""


@dataclass(frozen=True, slots=True)
class Json:
    value: Any


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Binary:
    """Of bytes that are no text: how many, and their fingerprint."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Stream:
    """An event stream by what it says, however it was cut into events.

    *others* are the events that are not a piece of an answer; *fields* the places of a piece that
    held something; *done* how often it said `[DONE]`; *spoilt* what the frontend cannot read.
    """

    text: str = ""
    finish: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    others: tuple[Any, ...] = ()
    fields: tuple[str, ...] = ()
    done: int = 0
    spoilt: tuple[str, ...] = ()


Body = Nothing | Json | Text | Binary | Stream


@dataclass(frozen=True, slots=True)
class Outcome:
    """*headers* by lower-case name, several values of one name joined; *status* None when no answer
    began.
    """

    end: End
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body = Nothing()
