"""One question of an integrator, answered: as a stream or in one piece, as its body asked.

What is said is the dialects' business; here it is read, asked, and given its headers. Source:
contract api-faces.md §1.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from aiohttp import web

from bff.chat.events import Original
from bff.chat.reply import Reply
from bff.chat.request import ChatRequest, Tags
from bff.engine.metering import Facts
from bff.errors import Kind, Problem
from bff.policy.deadline import whole_budget
from bff.records import Caller
from bff.web.answer import Writer, stream_answer, told_headers
from bff.web.body import read_face_body
from bff.web.callers import WriteStanding, count_request, stream_slot
from bff.web.faces.access import check_arguments, check_model
from bff.web.leash import Leash
from bff.web.middleware import REQUEST_LINE
from bff.web.services import SERVICES
from bff.web.whole import collect

JSON_HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "Cache-Control": "no-cache, no-store, must-revalidate",
}
_STREAM_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}
WriteProblem = Callable[[Problem, str], tuple[int, bytes, dict[str, str]]]


@dataclass(frozen=True, slots=True)
class Face:
    """How a face sounds. *write_problem* takes a request id, and gives status, body and headers;
    *write_unknown* does for a path that is not there, or answers to other methods;
    *write_standing* tells a caller how many requests are left.
    """

    name: str
    heartbeat: bytes
    write_problem: WriteProblem
    write_unknown: Callable[..., tuple[int, bytes, dict[str, str]]]
    write_standing: WriteStanding

    def refuse(self, request: web.Request, problem: Problem) -> web.Response:
        """*problem* in this face's envelope."""
        return write(self.write_problem(problem, request[REQUEST_LINE].request_id))


class WriteWhole(Protocol):
    """The answer in one piece; *original* is it in its vendor's own words, where there are some."""

    def __call__(self, reply: Reply, *, original: Original | None) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Question:
    """A body as it came, and who asks."""

    json: Any = field(repr=False)
    data: bytes = field(repr=False)
    tags: Tags


async def read_question(request: web.Request, caller: Caller, face: Face) -> Question:
    """Raises Problem."""
    line = request[REQUEST_LINE]
    line.face, line.tenant = face.name, caller.tenant_tag
    await count_request(request, caller, write=face.write_standing)
    limits = request.app[SERVICES].limits
    data, value = await read_face_body(request, limit=limits.face_body_bytes)
    tags = Tags(face.name, caller.tenant_tag, caller.user_tag, "-", line.request_id)
    return Question(value, data, tags)


async def answer(
    request: web.Request,
    caller: Caller,
    chat: ChatRequest,
    face: Face,
    *,
    open_writer: Callable[[], Writer],
    write_whole: WriteWhole,
) -> web.StreamResponse:
    """By a stream, or by one JSON object; the body's `stream` alone decides. Raises Problem."""
    services = request.app[SERVICES]
    check_model(services.engine, caller, chat.model)
    check_arguments(chat, most_values=services.limits.json_values)
    if not chat.stream:
        return await _answer_whole(request, chat, write_whole)
    async with stream_slot(request, caller):
        return await stream_answer(
            request,
            chat,
            open_writer=open_writer,
            heartbeat=face.heartbeat,
            headers=_STREAM_HEADERS,
        )


async def _answer_whole(
    request: web.Request, chat: ChatRequest, write_whole: WriteWhole
) -> web.StreamResponse:
    """Nothing is sent before the outcome is known: a status says it (api-faces.md §8)."""
    services, line, leash = request.app[SERVICES], request[REQUEST_LINE], Leash()
    line.model = chat.model
    with services.streams.opened(leash):
        seconds = whole_budget(services.limits.router_seconds, spent_s=0.0)  # the body is just here
        collected = await collect(request, chat, leash, seconds=seconds)
    told = {} if line.facts is None else {**line.facts.passed, **told_headers(line.facts)}
    body = write_whole(_complete(collected.reply, line.facts), original=collected.original)
    told["X-Proxy-Latency-Ms"] = str(round(line.spent_s() * 1000))
    return web.Response(body=body, headers={**JSON_HEADERS, **told})


def _complete(reply: Reply, facts: Facts | None) -> Reply:
    """*reply* with what we think was used, where nobody said. Raises Problem where it is none:
    upstream charged for it, but there is nothing to tell.
    """
    if reply.text is None:
        raise Problem(Kind.UPSTREAM, "The AI service gave no answer. Please try again.")
    if reply.usage is None and facts is not None:
        return replace(reply, usage=facts.usage)
    return reply


def write(written: tuple[int, bytes, dict[str, str]]) -> web.Response:
    """Status, JSON body and headers, as a response."""
    status, body, headers = written
    return web.Response(status=status, body=body, headers=JSON_HEADERS | headers)


def new_id(prefix: str) -> str:
    """An answer's id: not from the clock, and nobody's twice."""
    return f"{prefix}{secrets.token_hex(12)}"
