"""Where in a Markdown text we are: in plain text, in a quote, in code of a line, in a fenced block.
Nothing in quotes and code is markup, but a block of JSON may be a call.

Roughly CommonMark, and where it is rough it takes more for code: a fence may be indented, stand in
a quote or list, or behind words where it is of backticks; code of a line that is not closed lasts
to the end of the line. Code made by mere indentation is not known. Every character is looked at
once.
"""

import re
from collections.abc import Callable
from enum import Enum

# With as many characters behind it as it takes to see, most `<` are seen to open nothing at once.
_PLAIN = re.compile(r"(?:[^<`~]+|<(?=(?s:.{10}))(?!tool_call|arg_|\|tool_call))+")
_UNTIL_TICK = re.compile(r"[^\n`]*")
_UNTIL_LINE_END = re.compile(r"[^\n]*")
_QUOTED = re.compile(r"[ \t>]*")
_BLANK = re.compile(r"[ \t\r]*")
_CONTAINERS = " \t>*+-.)0123456789"  # what a quote or a list puts before the text of a line
_INFO_MOST = 16


class Found(Enum):
    NOTHING = 0  # the text has ended
    TAG = 1  # the next character, not yet walked over, is a `<` in plain text
    JSON = 2  # a fence of JSON was opened; its first line is *held*


class Markdown:
    """`walk` puts text that cannot be markup into *released*."""

    def __init__(self) -> None:
        self.found = Found.NOTHING
        self.released: list[str] = []
        self.held: list[str] = []  # what may be the first line of a block of JSON
        self.count = 0  # the length of the run that opened code, or may have
        self._walk_some: Callable[[str, int], int] = self._in_text
        self._bare = self._leading = True  # only blanks on this line, only a container's marks
        self._quoted = False  # a `>` was the first on this line
        self._holding = False
        self._mark = "`"
        self._info = ""
        self._run = 0  # the length of a run that may close code
        self._fence_line: Callable[[str, int], int] = self._fence_start

    def walk(self, text: str, start: int) -> int:
        """Where in *text* it stopped, for the reason *found*."""
        self.found, at = Found.NOTHING, start
        while at < len(text) and self.found is Found.NOTHING:
            at = self._walk_some(text, at)
        return at

    def release(self) -> None:
        """What was held is text, whatever comes."""
        self.released += self.held
        self.held.clear()
        self._holding = False

    def passed(self) -> None:
        """Text that no walk has seen stands on this line."""
        self._bare = self._leading = False

    def closed(self) -> None:
        """The fence was read to the end of its last line."""
        self._walk_some = self._in_text
        self._begin_line()

    def _begin_line(self) -> None:
        self._bare, self._leading, self._quoted = True, True, False

    # -- text --------------------------------------------------------------------------------------

    def _in_text(self, text: str, at: int) -> int:
        plain = _PLAIN.match(text, at)
        if plain:
            self._pass(plain.group())
            return plain.end()
        if text[at] == "<":
            return self._on_tag(at)
        self._mark, self.count = text[at], 0
        self._holding = self._bare and self._mark == "`"
        self._walk_some = self._in_run
        return at

    def _on_tag(self, at: int) -> int:
        if not self._quoted:
            self.found = Found.TAG
            return at
        self.released.append("<")
        self.passed()
        return at + 1

    def _pass(self, plain: str) -> None:
        self.released.append(plain)
        _, line_end, line = plain.rpartition("\n")
        if line_end:
            self._begin_line()
        if self._bare:
            self._quoted = line.lstrip(" \t\r").startswith(">")
        self._bare = self._bare and not line.strip(" \t\r")
        self._leading = self._leading and not line.strip(_CONTAINERS)

    def _in_run(self, text: str, at: int) -> int:
        end = _end_of_run(text, at, self._mark)
        self.count += end - at
        self._keep(text[at:end])
        if end < len(text):
            if self.count >= 3 and (self._leading or self._mark == "`"):
                self._info, self._walk_some = "", self._in_info
            else:
                self._leave_run()
            self._bare = self._leading = False
        return end

    def _leave_run(self) -> None:
        self.release()
        self._run = 0
        self._walk_some = self._in_line if self._mark == "`" else self._in_text

    def _keep(self, piece: str) -> None:
        (self.held if self._holding else self.released).append(piece)

    # -- code --------------------------------------------------------------------------------------

    def _in_line(self, text: str, at: int) -> int:
        if text[at] == "`":
            end = _end_of_run(text, at, "`")
            self._run += end - at
        elif text[at] == "\n" or self._run == self.count:
            self._walk_some = self._in_text
            return at
        else:
            end = _UNTIL_TICK.match(text, at).end()  # type: ignore[union-attr]  # always matches
            self._run = 0
        self.released.append(text[at:end])
        return end

    def _in_info(self, text: str, at: int) -> int:
        """The words behind a fence's opening. A backtick among them makes it code of a line."""
        pattern = _UNTIL_TICK if self._mark == "`" else _UNTIL_LINE_END
        end = pattern.match(text, at).end()  # type: ignore[union-attr]  # it always matches
        self._info = (self._info + text[at:end])[: _INFO_MOST + 1]
        self._keep(text[at:end])
        if len(self._info) > _INFO_MOST or not "json".startswith(self._info.strip().lower()):
            self.release()
        if end == len(text):
            return end
        if text[end] == "`":
            self._leave_run()
            return end
        self._keep("\n")
        self._walk_some, self._fence_line = self._in_fence, self._fence_start
        if self._holding and self._info.strip().lower() == "json":
            self.found = Found.JSON
        else:
            self.release()
        return end + 1

    def _in_fence(self, text: str, at: int) -> int:
        end = self._fence_line(text, at)
        self.released.append(text[at:end])
        return end

    def _fence_start(self, text: str, at: int) -> int:
        end = _QUOTED.match(text, at).end()  # type: ignore[union-attr]  # it always matches
        if end < len(text):
            self._run = 0
            self._fence_line = self._fence_run
        return end

    def _fence_run(self, text: str, at: int) -> int:
        end = _end_of_run(text, at, self._mark)
        self._run += end - at
        if end < len(text):
            self._fence_line = self._fence_end if self._run >= self.count else self._fence_rest
        return end

    def _fence_end(self, text: str, at: int) -> int:
        end = _BLANK.match(text, at).end()  # type: ignore[union-attr]  # it always matches
        if end == len(text):
            return end
        if text[end] == "\n":
            self.closed()
            return end + 1
        self._fence_line = self._fence_rest
        return end

    def _fence_rest(self, text: str, at: int) -> int:
        end = text.find("\n", at) + 1
        if not end:
            return len(text)
        self._fence_line = self._fence_start
        return end


def _end_of_run(text: str, at: int, mark: str) -> int:
    while at < len(text) and text[at] == mark:
        at += 1
    return at
