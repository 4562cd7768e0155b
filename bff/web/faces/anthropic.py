"""`POST /v1/messages`, also below `/anthropic`: any model, in Anthropic's words.

Source: contract api-faces.md §3.
"""

from dataclasses import replace
from functools import partial

from aiohttp import web

from bff.chat.request import ChatRequest
from bff.chat.usage import estimated_prompt
from bff.dialects.anthropic_messages import asked, errors, rates, telling, told_whole
from bff.records import Caller
from bff.web.faces.access import check_arguments, check_model
from bff.web.faces.answering import JSON_HEADERS, Face, answer, new_id, read_question
from bff.web.faces.key_door import admit_key
from bff.web.middleware import REQUEST_LINE
from bff.web.routes import Route
from bff.web.services import SERVICES

ANTHROPIC = Face(
    "anthropic",
    telling.HEARTBEAT,
    errors.write_error,
    errors.write_unknown_url,
    rates.write_standing,
)
MOUNTS = ("/v1", "/anthropic/v1")


async def message(request: web.Request, caller: Caller) -> web.StreamResponse:
    """A message, streamed or whole."""
    chat = await _read(request, caller)
    model, answer_id = chat.model, new_id("msg_")
    return await answer(
        request,
        caller,
        chat,
        ANTHROPIC,
        open_writer=lambda: telling.StreamWriter(
            model=model,
            answer_id=answer_id,
            input_tokens=estimated_prompt(chat),
            request_id=request[REQUEST_LINE].request_id,
        ),
        write_whole=partial(told_whole.write_reply, model=model, answer_id=answer_id),
    )


async def count(request: web.Request, caller: Caller) -> web.StreamResponse:
    """The tokens of a message that is not asked: Anthropic's own count where it is Anthropic's
    model, else our estimate.
    """
    services = request.app[SERVICES]
    engine = services.engine
    chat = await _read(request, caller, counting=True)
    check_model(engine, caller, chat.model)
    check_arguments(chat, most_values=services.limits.json_values)
    request[REQUEST_LINE].model = chat.model
    counted = await engine.count(chat)
    return web.Response(body=told_whole.write_count(counted), headers=JSON_HEADERS)


async def _read(request: web.Request, caller: Caller, *, counting: bool = False) -> ChatRequest:
    limits = request.app[SERVICES].limits
    question = await read_question(request, caller, ANTHROPIC)
    chat = asked.read_request(
        question.json,
        tags=question.tags,
        headers=request.headers,
        query=request.rel_url.raw_query_string,
        most_messages=limits.messages,
        most_parts=limits.parts,
        counting=counting,
    )
    return replace(chat, body=question.data)


ROUTES = tuple(
    Route("POST", f"{mount}/messages{path}", admit_key, handler, ANTHROPIC.refuse)
    for mount in MOUNTS
    for path, handler in (("", message), ("/count_tokens", count))
)
