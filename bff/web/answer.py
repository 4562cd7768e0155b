"""An answer's chunks onto the wire as an event stream. Decides nothing about the chunks themselves.

Before the status line is out a Problem goes to the caller of this module, for a status of its own;
after it the Problem is the stream's last words. Source: api-faces.md §1, node-bff.md §7.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import structlog
from aiohttp import HttpVersion11, web

from bff.chat.events import Chunk
from bff.chat.request import ChatRequest
from bff.engine.attempts import Answer
from bff.engine.metering import Facts
from bff.errors import Kind, Problem
from bff.web.live import LiveStream
from bff.web.middleware import REQUEST_LINE
from bff.web.services import SERVICES

_WORD = re.compile(r"[!-~]{1,200}")
_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
_MOST_NAMES = 32
_log = structlog.get_logger("bff.stream")


class _EventStream(web.StreamResponse):
    """The headers leave together with the first frame, in one packet."""

    _send_headers_immediately = False


class Writer(Protocol):
    """A face's half of a dialect: chunks to whole frames. What `begin` gives are the first words of
    a stream that begins before upstream has said any.
    """

    def begin(self) -> bytes: ...

    def feed(self, chunk: Chunk) -> bytes: ...

    def end(self) -> bytes: ...

    def fail(self, problem: Problem) -> bytes: ...


async def stream_answer(
    request: web.Request,
    chat: ChatRequest,
    *,
    open_writer: Callable[[], Writer],
    heartbeat: bytes,
    headers: Mapping[str, str],
) -> web.StreamResponse:
    """Raises Problem while the status is still ours to choose."""
    services = request.app[SERVICES]
    line = request[REQUEST_LINE]
    line.model = chat.model
    facts: Facts | None = None
    voice = _Voice(open_writer)

    async def open_response(early: bool) -> web.StreamResponse:
        told = {} if facts is None else {**facts.passed, **told_headers(facts, early=early)}
        response = _EventStream(headers={**headers, **told})
        if request.version < HttpVersion11:
            response.force_close()  # its end is the end of the connection
        await response.prepare(request)
        return response

    live = LiveStream(
        request,
        heartbeat=heartbeat,
        pace=services.streams.pace(),
        open_response=open_response,
        begin=voice.begin,
    )
    with services.streams.opened(live):
        try:
            async with asyncio.timeout(None) as leash, services.engine.answer(chat) as answer:
                live.tie(leash)
                line.facts = facts = answer.facts
                await _pipe(answer, voice, live)
        except Exception as error:  # noqa: BLE001 - a stream that has begun ends in words
            if live.over:  # all has been said: what failed is the tidying
                return live.response
            problem = _problem_of(error, live)
            line.kind = problem.kind
            if not live.committed:
                raise problem from error.__cause__
            await live.finish(voice.writer.fail(problem))
        finally:
            live.untie()
            line.sent_status = 200 if live.over else None
    return live.response


class _Voice:
    """The writer of one answer: a new one for each try, until the first word of one is out."""

    def __init__(self, open_writer: Callable[[], Writer]) -> None:
        self._open_writer, self._tries = open_writer, 1
        self.writer = open_writer()

    def begin(self) -> bytes:
        return self.writer.begin()

    def turn_to(self, tries: int, live: LiveStream) -> None:
        """What an earlier try had said of itself was its own: nobody has heard it."""
        if tries != self._tries and not live.committed:
            live.drop()
            self.writer = self._open_writer()
        self._tries = tries


async def _pipe(answer: Answer, voice: _Voice, live: LiveStream) -> None:
    async for batch in answer.batches:
        voice.turn_to(answer.facts.attempts, live)
        if not batch:
            await live.finish(voice.writer.end())
            continue
        frames = _frames(voice.writer, batch)
        if live.committed or any(chunk.content for chunk in batch):
            if frames:
                await live.write(frames)
        elif frames:
            await live.hold(frames)


def _problem_of(error: Exception, live: LiveStream) -> Problem:
    """What to say of *error*: a wait that ran out was ended from outside, with words of its own.

    Raises what can no longer be said, or must be said with a status.
    """
    if isinstance(error, Problem):
        return error
    if isinstance(error, TimeoutError) and live.ending is not None:
        return live.ending
    if isinstance(error, ConnectionError) or not live.committed:
        raise error
    _log.error("stream.crashed", exc_info=error)
    return Problem(Kind.INTERNAL, "Something went wrong here. Please try again.")


def _frames(writer: Writer, batch: Sequence[Chunk]) -> bytes:
    if len(batch) == 1:
        return writer.feed(batch[0])
    return b"".join([writer.feed(chunk) for chunk in batch])


def told_headers(facts: Facts, *, stream: bool = True, early: bool = False) -> dict[str, str]:
    """Our own headers; upstream's are never forwarded under their own names. *early*, before the
    first content, another way may still answer, and another model.
    """
    sure = stream and (facts.sure_mode or not early)
    told: dict[str, str | None] = {"X-Stream-Mode": facts.mode if sure else None}
    if not early:
        told |= {
            "X-Upstream-Via": facts.via,
            "X-Aig-Log-Id": facts.log_id,
            "X-Cache": facts.cache_status if facts.cache_status in ("HIT", "MISS") else None,
            "X-Model-Used": facts.model_used if _WORD.fullmatch(facts.model_used or "") else None,
            "X-Ignored-Params": _listed(facts.ignored),
            "X-Content-Toxicity": "true" if facts.toxic else None,
        }
    return {name: value for name, value in told.items() if value}


def _listed(names: Sequence[str]) -> str:
    """The *names* that look like names: a caller may have made them up."""
    return ",".join([name for name in names if _NAME.fullmatch(name)][:_MOST_NAMES])
