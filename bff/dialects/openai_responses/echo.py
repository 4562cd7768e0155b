"""What a response says again of its request. Source: contract api-faces.md §2 "/v1/responses"."""

from typing import Any

from bff.chat.request import ChatRequest, Choosing, Format, Shape, Tool, ToolChoice


def write_echo(request: ChatRequest) -> dict[str, Any]:
    """Of a request that asked.py has read. What OpenAI would keep or cut is told as it is here:
    nothing is.
    """
    body = request.original.original if request.original is not None else {}
    return {
        "background": False,
        "instructions": body.get("instructions"),
        "max_output_tokens": request.max_tokens,
        "metadata": body.get("metadata") or {},
        "parallel_tool_calls": request.parallel_calls,
        "previous_response_id": None,
        "reasoning": {"effort": request.effort or None, "summary": None},
        "store": False,
        "temperature": request.temperature,
        "text": {"format": _write_format(request.format)},
        "tool_choice": _write_choice(request.tool_choice),
        "tools": [_write_tool(tool) for tool in request.tools],
        "top_p": request.top_p,
        "truncation": "disabled",
    }


def _write_tool(tool: Tool) -> dict[str, Any]:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description or None,
        "parameters": tool.parameters,
        "strict": tool.strict,
    }


def _write_choice(choice: ToolChoice) -> str | dict[str, str]:
    if choice.how is Choosing.NAMED:
        return {"type": "function", "name": choice.name}
    return choice.how.value


def _write_format(format_: Format | None) -> dict[str, Any]:
    if format_ is None:
        return {"type": "text"}
    if format_.shape is Shape.JSON:
        return {"type": "json_object"}
    return {
        "type": "json_schema",
        "name": format_.name,
        "schema": format_.schema or {},
        "strict": format_.strict,
    }
