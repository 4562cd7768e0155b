"""The face of the add-on's own frontend: its question in, its answer streamed.

Source: contract node-bff.md §3.2, operations.md (VISIBLE_ERRORS, order of checks).
"""

from aiohttp import HttpVersion11, web

from bff.chat.request import Tags
from bff.dialects import chatgpt
from bff.errors import Kind, Problem
from bff.records import Caller
from bff.web.answer import stream_answer
from bff.web.body import read_body
from bff.web.callers import stream_slot
from bff.web.doors import context_token, write_refusal
from bff.web.middleware import REQUEST_LINE
from bff.web.routes import Route
from bff.web.services import SERVICES

_STREAM_HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}


async def converse(request: web.Request, caller: Caller) -> web.StreamResponse:
    """`POST /conversations`: one question of the add-on's frontend, its answer streamed."""
    services = request.app[SERVICES]
    facts, limits = services.chat, services.limits
    line = request[REQUEST_LINE]
    line.face, line.tenant = "bff", caller.tenant_tag
    body = await read_body(request)
    chat = chatgpt.read_request(
        body.json,
        model=facts.model,
        system_prompt=facts.system_prompt,
        max_tokens=facts.max_tokens,
        tags=Tags("bff", caller.tenant_tag, caller.user_tag, "-", line.request_id),
        most_messages=limits.messages,
        most_parts=limits.parts,
    )
    created = int(services.now())
    headers = dict(_STREAM_HEADERS)
    if request.keep_alive and request.version >= HttpVersion11 and not services.draining:
        headers["Connection"] = "keep-alive"
    async with stream_slot(request, caller):
        return await stream_answer(
            request,
            chat,
            open_writer=lambda: chatgpt.StreamWriter(
                model=facts.model, created=created, answer_id=f"chatcmpl-{line.request_id}"
            ),
            heartbeat=chatgpt.HEARTBEAT,
            headers=headers,
        )


def refuse_conversation(request: web.Request, problem: Problem) -> web.StreamResponse:
    """The error's own status, in a form its reader shows: the frontend shows event streams only."""
    visible = request.app[SERVICES].chat.visible_errors
    if visible == "always" or (visible == "auto" and "Sec-Fetch-Mode" in request.headers):
        status, frames = chatgpt.write_visible_error(problem)
        response = web.Response(status=status, body=frames, headers=_STREAM_HEADERS)
    elif problem.kind is Kind.CALLER_AUTH:
        return write_refusal(request, problem)
    else:
        status, frames = chatgpt.write_error(problem)
        response = web.Response(
            status=status, body=frames, content_type="application/json", charset="utf-8"
        )
    if problem.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, round(problem.retry_after)))
    return response


ROUTES = (Route("POST", "/conversations", context_token, converse, refuse_conversation),)
