"""The calls in what a model says, as it says it: text cut anywhere in, events out.

Limits, which are all on the side of text: see the package.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bff.chat.events import Chunk, Event, TextDelta, ToolDelta, ToolStarted
from bff.chat.reply import Collector
from bff.chat.request import ChatRequest, Tool, ToolCall
from bff.dialects.tool_prompt.block import Block
from bff.dialects.tool_prompt.forms import FORMS, Outcome, Verdict, fenced
from bff.dialects.tool_prompt.markdown import Found, Markdown
from bff.dialects.tool_prompt.place import offered
from bff.dialects.tool_prompt.steps import Literal

CALLS_MOST = 128  # of an answer
_PIECE = 4096  # characters; what is left of one may be copied where a piece of markup ends


@dataclass(frozen=True, slots=True)
class Heard:
    """What was said beside the calls, the calls, and how much markup *failed* to be any."""

    text: str
    calls: tuple[ToolCall, ...]
    failed: int


def read_tools(text: str, request: ChatRequest, new_id: Callable[[], str]) -> Heard:
    """A whole answer to *request*, which is the one that `write_tools` was given."""
    reader = ToolReader(offered(request), parallel=request.parallel_calls, new_id=new_id)
    collector = Collector()
    collector.feed([Chunk((*reader.feed(text), *reader.close()))])
    reply = collector.reply()
    return Heard(reply.text or "", reply.calls, reader.failed)


class ToolReader:
    """Text of an answer in, events out: TextDelta, ToolStarted, ToolDelta. *failed* counts markup
    that became text.

    Without *parallel* only the first call is one; the others are markup all the same. Without
    *tools* the text is passed on as it comes, else without blanks around it and between calls.
    """

    def __init__(self, tools: Sequence[Tool], *, parallel: bool, new_id: Callable[[], str]) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._out = _Spoken(new_id, most=CALLS_MOST if parallel else 1, trims=bool(tools))
        self._markdown = Markdown()
        self._opener: Literal | None = None
        self._tag = ""  # what of an opening tag has come
        self._block: Block | None = None
        self._deaf = not tools  # from now on everything is text
        self._heard = 0  # calls
        self.failed = 0

    def feed(self, text: str) -> list[Event]:
        self._hear(text)
        return self._out.take()

    def close(self) -> list[Event]:
        """The end of the text: markup that is not complete is text."""
        while self._block is not None:
            self._block.close()
            self._settle(self._block)
        self._out.say(self._tag)
        self._markdown.release()
        self._take_released()
        return self._out.take()

    def _hear(self, text: str) -> None:
        for start in range(0, len(text), _PIECE):
            piece, at = text[start : start + _PIECE], 0
            while at < len(piece):
                at = self._hear_some(piece, at)

    def _hear_some(self, text: str, at: int) -> int:
        if self._deaf:
            self._out.say(text[at:])
            return len(text)
        if self._block is not None:
            return self._inside(self._block, text, at)
        if self._opener is not None:
            return self._open(self._opener, text, at)
        return self._walk(text, at)

    def _walk(self, text: str, at: int) -> int:
        end = self._markdown.walk(text, at)
        self._take_released()
        if self._markdown.found is Found.TAG:
            self._opener = Literal(*FORMS)
        elif self._markdown.found is Found.JSON:
            held = "".join(self._markdown.held)
            self._block = Block(held, fenced(self._tools, self._markdown.count), is_fence=True)
            self._markdown.held.clear()
        return end

    def _take_released(self) -> None:
        for piece in self._markdown.released:
            self._out.say(piece)
        self._markdown.released.clear()

    def _open(self, opener: Literal, text: str, at: int) -> int:
        end, said = opener.eat(text, at)
        self._tag += text[at:end]
        if said is None:
            return end
        self._opener, tag, self._tag = None, self._tag, ""
        if said:
            self._block = Block(tag, FORMS[tag](self._tools))
        else:
            self._markdown.passed()
            self._out.say(tag)
        return end

    # -- markup ------------------------------------------------------------------------------------

    def _inside(self, block: Block, text: str, at: int) -> int:
        end = block.feed(text, at)
        if block.outcome is not None:
            self._settle(block)
        return end

    def _settle(self, block: Block) -> None:
        self._block = None
        outcome = self._judge(block.outcome)
        if not isinstance(outcome, Verdict):
            for name, arguments in outcome:
                self._out.call(name, arguments)
            self._out.pause()
            if block.is_fence:
                self._markdown.closed()
            return
        self.failed += block.is_meant and outcome is not Verdict.MENTIONED
        self._out.say(block.opening)
        if block.is_fence:
            self._hear(block.eaten())
            return
        self._markdown.passed()
        if outcome is Verdict.MENTIONED:
            self._hear(block.eaten())
            return
        self._out.say(block.eaten())
        self._deaf = outcome is Verdict.BROKEN

    def _judge(self, outcome: Outcome | None) -> Outcome:
        if outcome is None:
            return Verdict.BROKEN
        if not isinstance(outcome, Verdict):
            self._heard += len(outcome)
            if self._heard > CALLS_MOST:
                return Verdict.UNUSABLE
        return outcome


class _Spoken:
    """What goes out: text joined, and trimmed where it must be; calls numbered."""

    def __init__(self, new_id: Callable[[], str], *, most: int, trims: bool) -> None:
        self._new_id, self._most, self._trims = new_id, most, trims
        self._events: list[Event] = []
        self._texts: list[str] = []
        self._gap: list[str] = []  # blanks that are text only if text follows
        self._before: list[str] = []  # the gap before the last markup
        self._began = False  # some text was said
        self._paused = False  # no text since the last markup
        self._count = 0

    def say(self, text: str) -> None:
        if not self._trims:
            self._texts.append(text)
            return
        words = text.rstrip()
        if words:
            if self._began:
                self._texts += [*self._gap, words]
            else:
                self._texts.append(words.lstrip())
            self._gap.clear()
            self._began, self._paused = True, False
        self._gap.append(text[len(words) :])

    def call(self, name: str, arguments: str) -> None:
        if self._count == self._most:
            return
        self._flush()
        self._events.append(ToolStarted(self._count, self._new_id(), name))
        self._events.append(ToolDelta(self._count, arguments))
        self._count += 1

    def pause(self) -> None:
        """Markup stood here. Blanks between two pieces of it are nobody's."""
        if self._paused:
            self._gap = self._before.copy()
        else:
            self._before, self._paused = self._gap.copy(), True

    def take(self) -> list[Event]:
        self._flush()
        events, self._events = self._events, []
        return events

    def _flush(self) -> None:
        text = "".join(self._texts)
        self._texts.clear()
        if text:
            self._events.append(TextDelta(text))
