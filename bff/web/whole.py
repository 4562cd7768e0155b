"""A whole answer onto the wire as one JSON value: in one piece, or behind blanks when it takes
long.

A router hangs up when an answer has not begun after 30 s, and a long one takes longer. Blanks
before a JSON value mean nothing, so after EARLY_COMMIT_SECONDS the 200 goes out with one, and more
keep the line alive. For faces that say every failure of upstream under a 200. Source: node-bff.md
§3.4, §8; api-faces.md §1.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from aiohttp import HttpVersion11, web

from bff.chat.events import Original
from bff.chat.reply import Collector, Reply
from bff.chat.request import ChatRequest
from bff.errors import Problem
from bff.policy.pace import Pace
from bff.web.answer import told_headers
from bff.web.leash import Leash
from bff.web.live import LiveStream
from bff.web.middleware import REQUEST_LINE
from bff.web.services import SERVICES

WHOLE = "message"  # the event under which an answer in one piece keeps its vendor's words
_BLANK = b" "
_JSON = {"Content-Type": "application/json; charset=utf-8"}
_log = structlog.get_logger("bff.whole")


async def give_whole(
    request: web.Request,
    chat: ChatRequest,
    *,
    pace: Pace,
    settle: Callable[[int], Awaitable[None]],
    write: Callable[[Reply | None], bytes],
) -> web.StreamResponse:
    """*pace* runs since the question was read, whatever the caller has waited for since. *settle*
    is told the tokens used before the answer is given; *write* spells it, and gets None when
    upstream failed, however it did.
    """
    services, line = request.app[SERVICES], request[REQUEST_LINE]
    line.model = chat.model

    async def open_response(_early: bool) -> web.StreamResponse:
        response = web.StreamResponse(headers=_JSON)
        if request.version < HttpVersion11:
            response.force_close()  # its end is the end of the connection
        await response.prepare(request)
        return response

    live = LiveStream(request, heartbeat=_BLANK, pace=pace, open_response=open_response)
    with services.streams.opened(live):
        reply = await _collect(request, chat, live)
        if reply is not None and reply.usage is not None:
            await settle(reply.usage.total_tokens)
        body = write(reply)
        if await live.forgo():
            told = {}
            if reply is not None and line.facts is not None:
                told = told_headers(line.facts, stream=False)
            return web.Response(body=body, headers=_JSON | told)
        try:
            await live.finish(body)
        finally:
            line.sent_status = 200
    return live.response


async def _collect(request: web.Request, chat: ChatRequest, live: LiveStream) -> Reply | None:
    """None when upstream failed, or when the service stops and can wait no longer."""
    try:
        return (await collect(request, chat, live)).reply
    except Problem as problem:
        request[REQUEST_LINE].kind = problem.kind
        _log.warning(
            "whole.failed", kind=problem.kind.value, sign=problem.sign.value, status=problem.status
        )
        return None


@dataclass(frozen=True, slots=True)
class Collected:
    """A whole answer; *original* is it in its vendor's words, where it came in one piece."""

    reply: Reply
    original: Original | None


async def collect(
    request: web.Request, chat: ChatRequest, leash: Leash, *, seconds: float | None = None
) -> Collected:
    """Raises Problem: upstream's, or what *leash* was ended with. *seconds* is how long the caller
    can wait, None as long as we would.
    """
    line, collector = request[REQUEST_LINE], Collector()
    original: Original | None = None
    try:
        async with (
            asyncio.timeout(None) as limit,
            request.app[SERVICES].engine.answer(chat, seconds) as answer,
        ):
            leash.tie(limit)
            line.facts = answer.facts
            async for batch in answer.batches:
                collector.feed(batch)
                for chunk in batch:
                    if chunk.original is not None and chunk.original.event == WHOLE:
                        original = chunk.original
    except TimeoutError:
        if leash.ending is None:
            raise
        raise leash.ending from None
    finally:
        leash.untie()
    return Collected(collector.reply(), original)
