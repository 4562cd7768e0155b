"""What an answer must be read with, for it was asked in other words than the caller's.

Pure, and known from the request alone. Source: contract providers.md §6.3.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bff.chat.request import ChatRequest, Choosing, Shape
from bff.chat.traits import Traits
from bff.dialects.anthropic_messages.labels import free_name, write_names
from bff.dialects.anthropic_messages.names import NAME


@dataclass(frozen=True, slots=True)
class Hearing:
    """*names* leads from a function's name there to the caller's, where they differ. The arguments
    of *answer_tool* are the answer's text: it stands in for a JSON schema.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    answer_tool: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether the answer's own words are what the caller is to hear."""
        return not (self.names or self.answer_tool)


PLAIN = Hearing()


def hearing_of(request: ChatRequest, traits: Traits) -> Hearing:
    if is_native(request) or not (request.tools or request.format):
        return PLAIN
    told = told_names(request)
    names = {label: name for name, label in told.items() if label != name}
    return Hearing(names, answer_tool(request, traits, told))


def is_native(request: ChatRequest) -> bool:
    """Whether the caller's own body is passed on."""
    return request.original is not None and request.original.dialect == NAME


def told_names(request: ChatRequest) -> dict[str, str]:
    """Every function's name in *request*, and what it is called there."""
    called = (call.name for message in request.messages for call in message.calls)
    chosen = (request.tool_choice.name,) if request.tool_choice.name else ()
    return write_names([*(tool.name for tool in request.tools), *called, *chosen])


def answer_tool(request: ChatRequest, traits: Traits, told: Mapping[str, str]) -> str:
    """The tool that makes an older model keep to a schema; empty where there is none."""
    asked = request.format
    if asked is None or asked.shape is not Shape.SCHEMA or traits.schema:
        return ""
    if not _is_object(asked.schema) or thinking_of(request) is not None:
        return ""  # a tool's input is an object; who thinks cannot be made to call
    if request.tools and request.tool_choice.how in (Choosing.REQUIRED, Choosing.NAMED):
        return ""  # the answer is a call of the caller's
    return free_name(asked.name, set(told.values()))


def thinking_of(request: ChatRequest) -> Mapping[str, Any] | None:
    """Anthropic's own wish to think, which callers of other faces may add; None when it is off."""
    asked = request.others.get("thinking")
    if not isinstance(asked, Mapping) or asked.get("type") not in ("enabled", "adaptive"):
        return None
    return asked


def _is_object(schema: Mapping[str, Any] | None) -> bool:
    return schema is not None and schema.get("type") == "object"
