"""`POST /v1/responses`: any model, in the words of OpenAI's newer endpoint. Nothing is stored.

Source: contract api-faces.md §2 "/v1/responses, minimal".
"""

from functools import partial

from aiohttp import web

from bff.chat.request import ChatRequest
from bff.chat.usage import estimated_prompt
from bff.dialects.openai_chat.rates import write_standing
from bff.dialects.openai_responses import asked, echo, errors, telling, told_whole
from bff.records import Caller
from bff.web.faces.answering import Face, answer, new_id, read_question
from bff.web.faces.entry import key_or_token
from bff.web.middleware import REQUEST_LINE
from bff.web.routes import Route
from bff.web.services import SERVICES

RESPONSES = Face(
    "responses",
    telling.HEARTBEAT,
    errors.write_error,
    errors.write_unknown_url,
    write_standing,
)


async def respond(request: web.Request, caller: Caller) -> web.StreamResponse:
    """A response, streamed or whole."""
    chat = await _read(request, caller)
    model, answer_id = chat.model, new_id("resp_")
    created, said = int(request.app[SERVICES].now()), echo.write_echo(chat)
    return await answer(
        request,
        caller,
        chat,
        RESPONSES,
        open_writer=lambda: telling.StreamWriter(
            model=model,
            created=created,
            answer_id=answer_id,
            echo=said,
            input_tokens=estimated_prompt(chat),
            request_id=request[REQUEST_LINE].request_id,
        ),
        write_whole=partial(
            told_whole.write_reply,
            model=model,
            created=created,
            answer_id=answer_id,
            echo=said,
        ),
    )


async def _read(request: web.Request, caller: Caller) -> ChatRequest:
    """The body's own bytes are not kept: they may be many, and an answer long."""
    limits = request.app[SERVICES].limits
    question = await read_question(request, caller, RESPONSES)
    return asked.read_request(
        question.json,
        tags=question.tags,
        most_messages=limits.messages,
        most_parts=limits.parts,
    )


ROUTES = (Route("POST", "/v1/responses", key_or_token, respond, RESPONSES.refuse),)
