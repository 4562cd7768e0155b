"""JSON from models that have no setting for it: asked for in words, taken out of its code fence.

Whether the answer fits the schema is for its caller to see: nothing here validates it. Source:
contract providers.md §6.3 (`response_format`).
"""

from dataclasses import replace

from bff.chat.request import ChatRequest, Format
from bff.dialects.json_text import read_json, write_utf8
from bff.dialects.plain_turns import add_to_system

_FENCE = "```"
_LANGUAGES = frozenset({"", "json"})


def ask_for_json(request: ChatRequest) -> ChatRequest:
    """*request* with its `format` said in the system message; the same where it asks for none.

    To be called before `write_tools`: a request with tools is told that a call is no answer.
    """
    if request.format is None:
        return request
    words = _instruction(request.format, with_tools=bool(request.tools))
    return replace(
        request, messages=add_to_system(request.messages, words), format=None, original=None
    )


def _instruction(asked: Format, *, with_tools: bool) -> str:
    whole = "Your whole answer must be one JSON object: no other words, no code fence."
    lines = [f"{whole} This does not concern tool calls." if with_tools else whole]
    if asked.schema is not None:
        schema = write_utf8(asked.schema).decode()
        lines.append(f"The JSON object must fit this JSON schema:\n{schema}")
    return "\n".join(lines)


def unwrap_json(text: str) -> str:
    """The inside of *text* when it is wholly one fenced block of JSON, else *text* unchanged."""
    block = text.strip()
    opening, line_end, rest = block.partition("\n")
    if not (line_end and opening.startswith(_FENCE) and rest.endswith(_FENCE)):
        return text
    if opening.removeprefix(_FENCE).strip().lower() not in _LANGUAGES:
        return text
    inside = rest.removesuffix(_FENCE).strip()
    try:
        read_json(inside.encode("utf-8", "surrogatepass"))
    except ValueError:
        return text
    return inside
