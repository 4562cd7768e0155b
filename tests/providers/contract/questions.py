"""What every row is asked, and what all of them must answer: the embedded model is the same."""

from dataclasses import replace

import orjson

from bff.chat.events import FinishReason
from bff.chat.reply import Reply
from bff.chat.request import ChatRequest, Message, Role, Tags, Tool, ToolCall
from bff.simulators import embedded_model
from tests.providers.contract.opened import OpenRow

_TAGS = Tags("bff", "t:1", "u:1", "-", "req_1")
_ZONE = {"type": "object", "properties": {"tz": {"type": "string"}}, "required": ["tz"]}
TOOLS = (
    Tool("now", "The time in a zone.", _ZONE),
    Tool("weather", "The weather somewhere.", {"type": "object", "properties": {}}),
)
GREETING = "Hello, who are you?"
GREETED = embedded_model.answer(GREETING)
WISH = 'Please look: now {"tz":"Europe/Paris"} and then weather {"city":"Köln"}'
RESULT = "It is noon, 12:00 sharp."


def asking(row: OpenRow, text: str = GREETING, *, stream: bool = True) -> ChatRequest:
    message = Message(Role.USER, text)
    return ChatRequest(row.model, (message,), _TAGS, max_tokens=4096, stream=stream)


def asking_for_calls(row: OpenRow, *, stream: bool) -> ChatRequest:
    return replace(asking(row, WISH, stream=stream), tools=TOOLS)


def with_the_result_of(asked: ChatRequest, call: ToolCall) -> ChatRequest:
    """The next turn: the model made one *call*, and here is what came of it."""
    history = (
        Message(Role.ASSISTANT, "", calls=(call,)),
        Message(Role.TOOL, RESULT, answers=call.id),
    )
    return replace(asked, messages=(*asked.messages, *history))


def check_greeting(reply: Reply) -> None:
    assert reply.text == GREETED
    assert (reply.calls, reply.reason) == ((), FinishReason.STOP)
    assert reply.started.id
    assert reply.started.model


def check_calls(reply: Reply) -> None:
    assert [(call.name, orjson.loads(call.arguments)) for call in reply.calls] == [
        ("now", {"tz": "Europe/Paris"}),
        ("weather", {"city": "Köln"}),
    ]
    ids = {call.id for call in reply.calls}
    assert len(ids) == 2
    assert all(ids)
    assert (reply.text or "", reply.reason) == ("", FinishReason.TOOL_CALLS)


def check_result_is_told(reply: Reply) -> None:
    assert reply.text == embedded_model.told(RESULT)
    assert (reply.calls, reply.reason) == ((), FinishReason.STOP)
