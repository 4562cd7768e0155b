"""`/image-to-dsl` and `/image-to-dsl2`: a diagram's source from its picture, or from a dialogue.

The same engine and gateway as the chat, but the answer comes whole, and it costs quota. Every path
answers: whatever fails upstream is said under a 200, as the editor can read it. Source: node-bff.md
§3.4, operations.md (diagram routes).
"""

from collections.abc import Callable

from aiohttp import web

from bff.chat.reply import Reply
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
from bff.web.whole import give_whole


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
    services = request.app[SERVICES]
    pace = services.streams.pace()  # a router counts the wait for tokens too
    async with services.quotas.reserve(
        caller, model=chat.model, tokens=most_tokens(chat)
    ) as reservation:
        return await give_whole(request, chat, pace=pace, settle=reservation.settle, write=write)


def _tags(request: web.Request, caller: Caller) -> Tags:
    line = request[REQUEST_LINE]
    line.face, line.tenant = "bff", caller.tenant_tag
    return Tags("bff", caller.tenant_tag, caller.user_tag, "-", line.request_id)


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
