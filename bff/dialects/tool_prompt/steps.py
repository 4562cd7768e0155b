"""The steps a piece of markup is read in. Each eats text cut anywhere, every character once, until
it has something to say; `ToolReader` is linear because they are.

What a step says is a text: "" where the step has failed, so that the character it stands before is
not eaten.
"""

import re
from typing import Protocol

from bff.dialects.tool_prompt.values import MOST_DEPTH

_BLANK = re.compile(r"[ \t\r\n]*")
_NAME = re.compile(r"[^\s<]+")
_OUTSIDE_STRINGS = re.compile(r"[ \t\r\n\w.,:+-]+", re.ASCII)
_INSIDE_STRINGS = re.compile(r'[^"\\]+')
_INSIDE_LINES = re.compile(r'[^"\\\n]+')
_LINE_BLANK = re.compile(r"[ \t\r]*")
_NAME_MOST = 128


class Step(Protocol):
    def eat(self, text: str, start: int) -> tuple[int, str | None]:
        """Where in *text* it stopped eating, and what it says; None while it needs more."""
        ...

    def end(self) -> str | None:
        """What it says when the text ends here."""
        ...


class _Midway:
    """A step that has nothing to say when the text ends."""

    def end(self) -> str | None:
        return None


class Blank(_Midway):
    """Eats blanks; says the character after them, which is left."""

    def eat(self, text: str, start: int) -> tuple[int, str | None]:
        at = _BLANK.match(text, start).end()  # type: ignore[union-attr]  # it always matches
        return at, text[at] if at < len(text) else None


class Literal(_Midway):
    """Eats and says one of *options*, of which none is the beginning of another."""

    def __init__(self, *options: str) -> None:
        self._options = options
        self._eaten = ""

    def eat(self, text: str, start: int) -> tuple[int, str | None]:
        for at in range(start, len(text)):
            longer = self._eaten + text[at]
            if not any(option.startswith(longer) for option in self._options):
                return at, ""
            if longer in self._options:
                return at + 1, longer
            self._eaten = longer
        return len(text), None


class Name(_Midway):
    """Eats and says a word such as a tool's name."""

    def __init__(self) -> None:
        self._eaten = ""

    def eat(self, text: str, start: int) -> tuple[int, str | None]:
        found = _NAME.match(text, start)
        at = found.end() if found else start
        self._eaten += text[start:at]
        if len(self._eaten) > _NAME_MOST:
            return at, ""
        return at, self._eaten if at < len(text) else None


class Until(_Midway):
    """Eats up to and with *literal*; says what came before it, behind a `:`, for that may be
    nothing.
    """

    def __init__(self, literal: str) -> None:
        self._literal = literal
        self._eaten: list[str] = []
        self._last = ""  # what of the literal may have come

    def eat(self, text: str, start: int) -> tuple[int, str | None]:
        length = len(self._literal)
        seam = self._last + text[start : start + length - 1]
        found = seam.find(self._literal)
        at = start - len(self._last) + found if found >= 0 else text.find(self._literal, start)
        if at < 0 and found < 0:
            self._eaten.append(text[start:])
            self._last = (self._last + text[max(start, len(text) - length) :])[1 - length :]
            return len(text), None
        self._eaten.append(text[start : at + length])
        return at + length, ":" + "".join(self._eaten)[:-length]


class Json(_Midway):
    """Eats and says an array or object; what stands in its strings is nothing but text.

    Looks at brackets and strings only: whether it is JSON is for who reads it. *depth* is how many
    of its brackets are eaten already. Without *lines* no string may hold a line end.
    """

    def __init__(self, *, depth: int = 0, lines: bool = True) -> None:
        self._depth = depth
        self._inside = _INSIDE_STRINGS if lines else _INSIDE_LINES
        self._eat_some = self._eat_outside
        self._eaten: list[str] = []

    def eat(self, text: str, start: int) -> tuple[int, str | None]:
        at: int = start
        while at < len(text):
            before, at = at, self._eat_some(text, at)
            if at == before:
                return at, ""
            if not self._depth:
                self._eaten.append(text[start:at])
                return at, "".join(self._eaten)
        self._eaten.append(text[start:])
        return at, None

    def _eat_outside(self, text: str, at: int) -> int:
        """Eats nothing where no JSON goes on so."""
        character = text[at]
        if character == '"':
            self._eat_some = self._eat_inside
        elif character in "[{":
            self._depth += 1
            if self._depth > MOST_DEPTH:
                return at
        elif character in "]}":
            self._depth -= 1
        else:
            found = _OUTSIDE_STRINGS.match(text, at)
            return found.end() if found else at
        return at + 1

    def _eat_inside(self, text: str, at: int) -> int:
        character = text[at]
        if character == '"':
            self._eat_some = self._eat_outside
        elif character == "\\":
            self._eat_some = self._eat_escaped
        else:
            found = self._inside.match(text, at)
            return found.end() if found else at
        return at + 1

    def _eat_escaped(self, text: str, at: int) -> int:
        self._eat_some = self._eat_inside
        return at + 1


class Run:
    """Eats and says a run of backticks, at least *least* of them."""

    def __init__(self, least: int) -> None:
        self._least, self._count = least, 0

    def eat(self, text: str, start: int) -> tuple[int, str | None]:
        at = start
        while at < len(text) and text[at] == "`":
            at += 1
        self._count += at - start
        return at, self.end() or "" if at < len(text) else None

    def end(self) -> str | None:
        return "`" * self._count if self._count >= self._least else None


class LineEnd:
    """Eats the rest of a line without words; says its end."""

    def eat(self, text: str, start: int) -> tuple[int, str | None]:
        at = _LINE_BLANK.match(text, start).end()  # type: ignore[union-attr]  # it always matches
        if at == len(text):
            return at, None
        return (at + 1, "\n") if text[at] == "\n" else (at, "")

    def end(self) -> str | None:
        return "\n"
