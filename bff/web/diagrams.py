"""`/image-to-dsl` and `/image-to-dsl2`: a diagram's source from its picture, or from a dialogue.

The same engine and gateway as the chat, but the answer comes whole, and it costs quota. Every path
answers: whatever fails upstream is said under a 200, as the editor can read it. Source: node-bff.md
§3.4, operations.md (diagram routes).
"""

from collections.abc import Callable

import structlog
from aiohttp import web

from bff.chat.reply import Collector, Reply
from bff.chat.request import ChatRequest, Tags
from bff.dialects import diagrams
from bff.dialects.diagrams import MissingFieldError
from bff.errors import Kind, Problem
from bff.policy import prompts
from bff.policy.estimates import most_tokens
from bff.records import Caller
from bff.web.body import read_body
from bff.web.doors import context_token
from bff.web.middleware import REQUEST_LINE
from bff.web.refusals import write_json, write_refusal
from bff.web.routes import Route
from bff.web.services import SERVICES

_log = structlog.get_logger("bff.diagram")


async def draw_picture(request: web.Request, caller: Caller) -> web.StreamResponse:
    """`POST /image-to-dsl`: one picture, a JSON string."""
    body = await read_body(request)
    facts = request.app[SERVICES].diagrams
    try:
        chat = diagrams.read_picture(
            body.json,
            model=facts.model,
            system_prompt=prompts.DIAGRAM_EXPERT,
            prompt=prompts.FROM_IMAGE,
            max_tokens=facts.max_tokens,
            tags=_tags(request, caller),
        )
    except MissingFieldError:
        return web.Response(status=422)
    return await _answer(request, caller, chat, diagrams.write_picture)


async def draw_dialogue(request: web.Request, caller: Caller) -> web.StreamResponse:
    """`POST /image-to-dsl2`: the whole dialogue, the answer beside it."""
    body = await read_body(request)
    services = request.app[SERVICES]
    facts, limits = services.diagrams, services.limits
    try:
        chat = diagrams.read_dialogue(
            body.json,
            model=facts.model,
            system_prompt=prompts.DIAGRAM_EXPERT,
            max_tokens=facts.max_tokens,
            tags=_tags(request, caller),
            most_messages=limits.messages,
            most_parts=limits.parts,
        )
    except MissingFieldError:
        return web.Response(status=422)
    said = body.fields["messages"]
    return await _answer(request, caller, chat, lambda reply: diagrams.write_dialogue(reply, said))


async def _answer(
    request: web.Request,
    caller: Caller,
    chat: ChatRequest,
    write: Callable[[Reply | None], bytes],
) -> web.StreamResponse:
    """Quota is set aside before upstream is asked, and settled before the answer is given."""
    quotas = request.app[SERVICES].quotas
    async with quotas.reserve(caller, model=chat.model, tokens=most_tokens(chat)) as reservation:
        reply = await _ask(request, chat)
        if reply is not None and reply.usage is not None:
            await reservation.settle(reply.usage.total_tokens)
    return web.Response(body=write(reply), content_type="application/json", charset="utf-8")


async def _ask(request: web.Request, chat: ChatRequest) -> Reply | None:
    """None when upstream failed, however it did."""
    line = request[REQUEST_LINE]
    line.model = chat.model
    collector = Collector()
    try:
        async with request.app[SERVICES].engine.answer(chat) as answer:
            line.facts = answer.facts
            async for batch in answer.batches:
                collector.feed(batch)
    except Problem as problem:
        line.kind = problem.kind
        _log.warning(
            "diagram.failed",
            kind=problem.kind.value,
            sign=problem.sign.value,
            status=problem.status,
        )
        return None
    return collector.reply()


def _tags(request: web.Request, caller: Caller) -> Tags:
    line = request[REQUEST_LINE]
    line.face, line.tenant = "diagram", caller.tenant_tag
    return Tags("diagram", caller.tenant_tag, caller.user_tag, "-", line.request_id)


def refuse(request: web.Request, problem: Problem) -> web.StreamResponse:
    """Storage that is away has the Node app's one text; a body that is refused says where."""
    if problem.kind is Kind.INTERNAL:
        return write_json(500, {"error": "Internal server error"})
    if problem.kind is Kind.INVALID:
        return write_json(422, {"error": problem.public, "at": problem.at})
    return write_refusal(request, problem)


ROUTES = (
    Route("POST", "/image-to-dsl", context_token, draw_picture, refuse),
    Route("POST", "/image-to-dsl2", context_token, draw_dialogue, refuse),
)
