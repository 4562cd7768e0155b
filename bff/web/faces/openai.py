"""`POST /v1/chat/completions`: any model, in OpenAI's words. Source: contract api-faces.md §2."""

from functools import partial

from aiohttp import web

from bff.chat.request import ChatRequest
from bff.chat.usage import estimated_prompt
from bff.dialects.openai_chat import asked, errors, rates, telling, told_whole
from bff.records import Caller
from bff.web.faces.answering import Face, answer, new_id, read_question
from bff.web.faces.entry import key_or_token
from bff.web.middleware import REQUEST_LINE
from bff.web.routes import Route
from bff.web.services import SERVICES

OPENAI = Face(
    "openai",
    telling.HEARTBEAT,
    errors.write_error,
    errors.write_unknown_url,
    rates.write_standing,
)


async def complete(request: web.Request, caller: Caller) -> web.StreamResponse:
    """A completion, streamed or whole."""
    chat = await _read(request, caller)
    manner = asked.read_manner(chat)
    model, answer_id = chat.model, new_id("chatcmpl-")
    created = int(request.app[SERVICES].now())
    return await answer(
        request,
        caller,
        chat,
        OPENAI,
        open_writer=lambda: telling.StreamWriter(
            model=model,
            created=created,
            answer_id=answer_id,
            include_usage=manner.include_usage,
            input_tokens=estimated_prompt(chat) if manner.include_usage else 0,
            legacy=manner.legacy,
            request_id=request[REQUEST_LINE].request_id,
        ),
        write_whole=partial(
            told_whole.write_reply,
            model=model,
            created=created,
            answer_id=answer_id,
            legacy=manner.legacy,
        ),
    )


async def _read(request: web.Request, caller: Caller) -> ChatRequest:
    """The body's own bytes are not kept: they may be many, and an answer long."""
    limits = request.app[SERVICES].limits
    question = await read_question(request, caller, OPENAI)
    return asked.read_request(
        question.json,
        tags=question.tags,
        most_messages=limits.messages,
        most_parts=limits.parts,
    )


ROUTES = (Route("POST", "/v1/chat/completions", key_or_token, complete, OPENAI.refuse),)
