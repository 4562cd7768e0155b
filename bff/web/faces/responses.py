"""`POST /v1/responses`: any model, in the words of OpenAI's newer endpoint. Nothing is stored.

Source: contract api-faces.md §2 "/v1/responses, minimal".
"""

from dataclasses import replace
from functools import partial

from aiohttp import web

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
    services = request.app[SERVICES]
    question = await read_question(request, caller, RESPONSES)
    chat = asked.read_request(
        question.json,
        tags=question.tags,
        most_messages=services.limits.messages,
        most_parts=services.limits.parts,
    )
    chat = replace(chat, body=question.data)
    model, created, answer_id = chat.model, int(services.now()), new_id("resp_")
    return await answer(
        request,
        caller,
        chat,
        RESPONSES,
        open_writer=lambda: telling.StreamWriter(
            model=model,
            created=created,
            answer_id=answer_id,
            echo=echo.write_echo(chat),
            input_tokens=estimated_prompt(chat),
            request_id=request[REQUEST_LINE].request_id,
        ),
        write_whole=partial(
            told_whole.write_reply,
            model=model,
            created=created,
            answer_id=answer_id,
            echo=echo.write_echo(chat),
        ),
    )


ROUTES = (Route("POST", "/v1/responses", key_or_token, respond, RESPONSES.refuse),)
