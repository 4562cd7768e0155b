"""Our request in OpenAI's words. Source: contract providers.md §1, §6.1-§6.3."""

from collections.abc import Mapping
from typing import Any

from bff.chat.request import ChatRequest, Choosing, Format, Shape, Tool, ToolChoice, Written
from bff.chat.traits import Traits
from bff.dialects.json_text import write_utf8
from bff.dialects.openai_chat.names import NAME
from bff.dialects.openai_chat.turns import write_messages

# What families refuse that think before they answer.
_SAMPLING = (
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
)
_LIMITS = ("max_completion_tokens", "max_tokens")
_DEFAULT = {"temperature": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0}


def write_request(request: ChatRequest, *, model: str, traits: Traits) -> Written:
    """The body of a completion. A caller's own body goes out as it is, with *model*, the usage we
    need, and without what the model's family refuses.
    """
    original = request.original
    if original is not None and original.dialect == NAME:
        body = dict(original.original)
        body["model"] = model
        if traits.only_limit:
            _rename_limit(body, traits.limit_field)
    else:
        body = {"model": model, "messages": write_messages(request.messages)}
        if request.max_tokens is not None:
            body[traits.limit_field] = request.max_tokens
        _add_wishes(body, request)
    _ask_for_usage(body, stream=request.stream and traits.usage_in_stream)
    if request.stream:
        body["stream"] = True
    ignored = _drop(body, traits)
    if request.passes != NAME:
        ignored += tuple(request.others)  # said in another face's words, and of no use here
    # half a surrogate pair in a question is sent on as it came
    return Written(write_utf8(body), ignored)


def _ask_for_usage(body: dict[str, Any], *, stream: bool) -> None:
    options = body.pop("stream_options", None)
    body.pop("stream", None)
    if stream:
        kept = options if isinstance(options, dict) else {}
        body["stream_options"] = {**kept, "include_usage": True}


def _rename_limit(body: dict[str, Any], field: str) -> None:
    limits = [body.pop(name) for name in _LIMITS if name in body]
    said = next((limit for limit in limits if limit is not None), None)
    if said is not None:
        body[field] = said


def _drop(body: dict[str, Any], traits: Traits) -> tuple[str, ...]:
    refused = () if traits.sampling else tuple(name for name in _SAMPLING if name in body)
    if not traits.effort and "reasoning_effort" in body:
        refused += ("reasoning_effort",)
    dropped = {name: body.pop(name) for name in refused}
    return tuple(
        name for name, value in dropped.items() if value is not None and value != _DEFAULT.get(name)
    )


# -- what is asked beside the question ------------------------------------------------------------


def _add_wishes(body: dict[str, Any], request: ChatRequest) -> None:
    """The parameters; a plain question has none."""
    if request.tools:
        _add_tools(body, request)
    wishes = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "stop": list(request.stop) or None,
        "n": None if request.count == 1 else request.count,
        "response_format": request.format and _write_format(request.format),
        "reasoning_effort": request.effort or None,
        "user": request.end_user or None,
        **(request.others if request.passes == NAME else {}),
    }
    body.update((name, value) for name, value in wishes.items() if value is not None)


def _add_tools(body: dict[str, Any], request: ChatRequest) -> None:
    body["tools"] = [_write_tool(tool) for tool in request.tools]
    if request.tool_choice.how is not Choosing.AUTO:
        body["tool_choice"] = _write_choice(request.tool_choice)
    if not request.parallel_calls:
        body["parallel_tool_calls"] = False


def _write_tool(tool: Tool) -> Mapping[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.parameters is not None:
        function["parameters"] = tool.parameters
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _write_choice(choice: ToolChoice) -> Any:
    if choice.how is Choosing.NAMED:
        return {"type": "function", "function": {"name": choice.name}}
    return choice.how.value


def _write_format(wanted: Format) -> Mapping[str, Any]:
    if wanted.shape is Shape.JSON:
        return {"type": "json_object"}
    schema: dict[str, Any] = {"name": wanted.name, "schema": wanted.schema or {}}
    if wanted.strict is not None:
        schema["strict"] = wanted.strict
    return {"type": "json_schema", "json_schema": schema}
