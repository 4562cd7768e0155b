"""Where the definitions of the tools stand in the prompt, and which tools those are."""

from enum import StrEnum

from bff.chat.request import ChatRequest, Choosing, Tool


class Place(StrEnum):
    SYSTEM = "system"  # at the end of the system message, which is made where there is none
    USER = "user"  # in front of the first user message


def offered(request: ChatRequest) -> tuple[Tool, ...]:
    """The tools the model is told of, and may call: by the caller's choice none, one or all."""
    choice = request.tool_choice
    if choice.how is Choosing.NONE:
        return ()
    if choice.how is Choosing.NAMED:
        return tuple(tool for tool in request.tools if tool.name == choice.name)
    return request.tools
