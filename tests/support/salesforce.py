"""A question for Salesforce, and the endpoints it may be put to."""

from typing import Any

from bff.chat.request import (
    ChatRequest,
    Message,
    Role,
    Tags,
    Tool,
)
from bff.dialects.salesforce import (
    Endpoint,
)

TAGS = Tags("bff", "t:1", "u:1", "-", "req_1")
CHAT, ONE_TEXT = Endpoint.CHAT, Endpoint.ONE_TEXT
NOW = Tool("now", "The time.", {"type": "object"})


def asked(*messages: Message, **more: Any) -> ChatRequest:
    return ChatRequest("salesforce/x", messages or (Message(Role.USER, "Hi"),), TAGS, **more)
