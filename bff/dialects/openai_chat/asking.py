"""Our request in OpenAI's words. Source: contract providers.md §1, §6.1-§6.3."""

import hashlib
from collections.abc import Mapping
from operator import attrgetter
from typing import Any

from bff.chat.request import ChatRequest, Choosing, Format, Shape, Tool, ToolChoice, Written
from bff.chat.traits import Traits
from bff.dialects.json_text import write_utf8
from bff.dialects.openai_chat.names import NAME
from bff.dialects.openai_chat.turns import write_messages, write_own_messages

LIMITS = ("max_completion_tokens", "max_tokens")  # the two names of one limit, the newer first

# What families refuse that think before they answer; said with its default it asks for nothing.
_SAMPLING = (
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
)
_DEFAULT: Mapping[str, Any] = {
    "temperature": 1,
    "top_p": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "logit_bias": {},
    "logprobs": False,
    "top_logprobs": 0,
}
_USAGE = {"include_usage": True}
_USER_MOST = 64  # characters of a user's name
_ALWAYS_OURS = frozenset({"model", "messages", "stream", "stream_options"})
_wishes = attrgetter(
    *("tools", "temperature", "top_p", "stop", "count", "format", "effort", "end_user", "others")
)
_NO_WISHES: tuple[Any, ...] = ((), None, None, (), 1, None, "", "", {})


def write_request(request: ChatRequest, *, model: str, traits: Traits) -> Written:
    """The body of a completion. A caller's own body goes out as it is, with *model*, the usage we
    need, and without what the model's family refuses.
    """
    original = request.original
    if original is not None and original.dialect == NAME:
        body, ignored = _own_body(original.original, model, traits)
    else:
        body = {"model": model, "messages": write_messages(request.messages)}
        if request.max_tokens is not None:
            body[traits.limit_field] = request.max_tokens
        ignored = () if _wishes(request) == _NO_WISHES else _add_wishes(body, request, traits)
    options = body.pop("stream_options", None)
    if request.stream:
        body["stream"] = True
        if traits.usage_in_stream:
            kept = options if isinstance(options, dict) else {}
            body["stream_options"] = {**kept, **_USAGE} if kept else _USAGE
    # half a surrogate pair in a question is sent on as it came
    return Written(write_utf8(body), ignored)


def _own_body(
    own: Mapping[str, Any], model: str, traits: Traits
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """*own*, but for how it is to be streamed."""
    body = {**own, "model": model}
    body.pop("stream", None)
    if traits.only_limit:
        limits = [body.pop(name) for name in LIMITS if name in body]
        said = next((limit for limit in limits if limit is not None), None)
        if said is not None:
            body[traits.limit_field] = said
    if not traits.developer:
        body["messages"] = write_own_messages(body.get("messages"))
    return body, _drop(body, traits)


def _drop(body: dict[str, Any], traits: Traits) -> tuple[str, ...]:
    """Takes out what the family refuses; of that the names of what asked for something."""
    refused = () if traits.sampling else tuple(name for name in _SAMPLING if name in body)
    if not traits.effort and "reasoning_effort" in body:
        refused += ("reasoning_effort",)
    dropped = {name: body.pop(name) for name in refused}
    return tuple(
        name for name, value in dropped.items() if value is not None and value != _DEFAULT.get(name)
    )


# -- what is asked beside the question ------------------------------------------------------------


def _add_wishes(body: dict[str, Any], request: ChatRequest, traits: Traits) -> tuple[str, ...]:
    """The parameters. Returns the names of those that cannot be said."""
    if request.tools:
        _add_tools(body, request)
    wishes = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "stop": list(request.stop) or None,
        "n": None if request.count == 1 else request.count,
        "response_format": request.format and _write_format(request.format),
        "reasoning_effort": request.effort or None,
        "user": _write_user(request.end_user) or None,
    }
    body.update((name, value) for name, value in wishes.items() if value is not None)
    unsaid = _add_others(body, request)
    return _drop(body, traits) + unsaid


def _add_others(body: dict[str, Any], request: ChatRequest) -> tuple[str, ...]:
    """What was not read, where the caller spoke as OpenAI does: in another's words it means
    nothing here. Returns the names of such parameters.
    """
    if request.passes != NAME:
        return tuple(name for name in request.others if name.isidentifier())
    for name, value in request.others.items():
        if name.startswith("tools["):  # one that is no function, by its place
            body.setdefault("tools", []).append(value)
        elif name not in _ALWAYS_OURS:
            body.setdefault(name, value)
    return ()


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


def _write_user(name: str) -> str:
    """Names of other vendors' may be longer than OpenAI takes them."""
    if len(name) <= _USER_MOST:
        return name
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
