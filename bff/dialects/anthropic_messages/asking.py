"""Our request in Anthropic's words. Its turns: turns.py. Source: providers.md §2, §6.1-§6.3.

A caller's own body in this dialect goes out as it is, but for the model: a cached prompt, a signed
thought or a field of tomorrow would not survive being said anew.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from bff.chat.request import ChatRequest, Choosing, Shape, Tool, Written
from bff.chat.traits import Traits
from bff.dialects.anthropic_messages.hearing import (
    answer_tool,
    is_native,
    thinking_of,
    told_names,
)
from bff.dialects.anthropic_messages.turns import write_turns
from bff.dialects.json_prompt import ask_for_json
from bff.dialects.json_splice import replace_top_level
from bff.dialects.json_text import write_utf8
from bff.errors import Kind, Problem

_NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}}
_CHOICES: Mapping[Choosing, str] = {
    Choosing.AUTO: "auto",
    Choosing.NONE: "none",
    Choosing.REQUIRED: "any",
    Choosing.NAMED: "tool",
}
# OpenAI's efforts, in words that every family knows which knows any.
_EFFORTS: Mapping[str, str] = {
    "none": "low",
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}
_THINKING = ("enabled", "adaptive", "disabled")
_OWN = frozenset({"thinking", "top_k"})  # parameters of Anthropic's that any caller may add


def write_request(request: ChatRequest, *, model: str, traits: Traits) -> Written:
    """The body of a message. Raises Problem(BAD_REQUEST) for what Anthropic cannot be asked."""
    if is_native(request):
        return Written(_passed_on(request, model))
    if request.count > 1:
        raise Problem(Kind.BAD_REQUEST, "The model gives one answer at a time.", at="n")
    _check_tools(request)
    names = told_names(request)
    form = answer_tool(request, traits, names)
    if request.format is not None and not form and not _by_schema(request, traits):
        request = ask_for_json(request)
    turns = write_turns(request.messages, names)
    body: dict[str, Any] = {"model": model, "max_tokens": request.max_tokens or traits.most_output}
    if turns.system is not None:
        body["system"] = turns.system
    body["messages"] = turns.messages
    if request.stream:
        body["stream"] = True
    _add_tools(body, request, traits, names, form)
    ignored = _add_wishes(body, request, traits)
    return Written(write_utf8(body), tuple(ignored))


def _passed_on(request: ChatRequest, model: str) -> bytes:
    """The caller's bytes but for the model's name: what is spelled otherwise is cached anew. Where
    they are not at hand, or say anything twice that matters, the caller's fields in their order.
    """
    original = request.original.original if request.original is not None else {}
    if request.body and (original.get("stream") or False) is request.stream:
        told = replace_top_level(request.body, "model", model)
        if told is not None:
            return told
    body = {**original, "model": model}
    if request.stream:
        body["stream"] = True
    else:
        body.pop("stream", None)
    return write_utf8(body)


# -- tools -----------------------------------------------------------------------------------------


def _check_tools(request: ChatRequest) -> None:
    """What Anthropic would refuse is refused here, where its place is known."""
    declared = {tool.name for tool in request.tools}
    if len(declared) < len(request.tools):
        raise Problem(Kind.BAD_REQUEST, "Each function needs a name of its own.", at="tools")
    if any((tool.parameters or {}).get("type", "object") != "object" for tool in request.tools):
        raise Problem(
            Kind.BAD_REQUEST, "The parameters of a function must be an object.", at="tools"
        )
    chosen = request.tool_choice
    if chosen.how is Choosing.NAMED and chosen.name not in declared:
        raise Problem(Kind.BAD_REQUEST, "There is no function of this name.", at="tool_choice")


def _add_tools(
    body: dict[str, Any],
    request: ChatRequest,
    traits: Traits,
    names: Mapping[str, str],
    form: str,
) -> None:
    tools = [_write_tool(tool, names, traits) for tool in request.tools]
    choice = _write_choice(request, names)
    if form and request.format is not None:
        tools.append(_form(form, request.format.schema or {}))
        wanted = request.tools and request.tool_choice.how is Choosing.AUTO
        choice = _must(choice) if wanted else _only(form)
    if not tools and names:  # a history with calls is refused without the tools they name
        tools = [_write_tool(Tool(name), names, traits) for name in names]
        choice = {"type": "none"}
    if tools:
        body["tools"] = tools
        if choice != {"type": "auto"}:
            body["tool_choice"] = choice


def _must(choice: Mapping[str, Any]) -> dict[str, Any]:
    return {**choice, "type": "any"}


def _only(name: str) -> dict[str, Any]:
    return {"type": "tool", "name": name, "disable_parallel_tool_use": True}


def _write_tool(tool: Tool, names: Mapping[str, str], traits: Traits) -> dict[str, Any]:
    told: dict[str, Any] = {"name": names[tool.name]}
    if tool.description:
        told["description"] = tool.description
    told["input_schema"] = {"type": "object", **(tool.parameters or _NO_PARAMETERS)}
    if tool.strict and traits.schema:
        told["strict"] = True
    return told


def _form(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "description": "Give the answer here.", "input_schema": schema}


def _write_choice(request: ChatRequest, names: Mapping[str, str]) -> dict[str, Any]:
    how = Choosing.AUTO if _may_not_be_forced(request) else request.tool_choice.how
    choice: dict[str, Any] = {"type": _CHOICES[how]}
    if how is Choosing.NAMED:
        choice["name"] = names[request.tool_choice.name]
    if not request.parallel_calls and how is not Choosing.NONE:
        choice["disable_parallel_tool_use"] = True
    return choice


def _may_not_be_forced(request: ChatRequest) -> bool:
    """Who thinks cannot be made to call."""
    forced = request.tools and request.tool_choice.how in (Choosing.REQUIRED, Choosing.NAMED)
    return bool(forced) and thinking_of(request) is not None


# -- what is asked beside the question -------------------------------------------------------------


def _add_wishes(body: dict[str, Any], request: ChatRequest, traits: Traits) -> list[str]:
    """Adds what can be said; returns OpenAI's names of what cannot."""
    thinking = request.others.get("thinking")
    if isinstance(thinking, Mapping) and thinking.get("type") in _THINKING:
        body["thinking"] = thinking
    stops = [stop for stop in request.stop if stop.strip()]
    if stops:
        body["stop_sequences"] = stops
    thinks = thinking_of(request) is not None
    ignored = _add_sampling(body, request, sampling=traits.sampling and not thinks)
    if not traits.both_samplings and {"temperature", "top_p"} <= body.keys():
        del body["top_p"]
        ignored.append("top_p")
    if _may_not_be_forced(request):
        ignored.append("tool_choice")
    output, refused = _write_output(request, traits)
    if output:
        body["output_config"] = output
    if request.end_user:
        named = request.end_user.encode("utf-8", "surrogatepass")
        body["metadata"] = {"user_id": hashlib.sha256(named).hexdigest()}
    said = _OWN & body.keys()
    return ignored + refused + [name for name in request.others if name not in said]


def _add_sampling(body: dict[str, Any], request: ChatRequest, *, sampling: bool) -> list[str]:
    """Who thinks takes no sampling; the newest families take none at all."""
    temperature = request.temperature
    wishes = {
        "temperature": None if temperature is None else min(temperature, 1.0),
        "top_p": request.top_p,
        "top_k": request.others.get("top_k"),
    }
    wanted = {name: value for name, value in wishes.items() if value is not None}
    if not sampling:
        return [name for name in wanted if name != "top_k"]  # that one is among the others
    body.update(wanted)
    return []


def _write_output(request: ChatRequest, traits: Traits) -> tuple[dict[str, Any], list[str]]:
    output: dict[str, Any] = {}
    if _by_schema(request, traits) and request.format is not None:
        schema = _closed(request.format.schema)
        output["format"] = {"type": "json_schema", "schema": schema}
    if not request.effort:
        return output, []
    effort = _EFFORTS.get(request.effort)
    if effort is None or not traits.effort:
        return output, ["reasoning_effort"]
    return {"effort": effort, **output}, []


def _by_schema(request: ChatRequest, traits: Traits) -> bool:
    """Whether the family can be held to the schema that is asked for."""
    asked = request.format
    return bool(traits.schema and asked and asked.shape is Shape.SCHEMA and asked.schema)


def _closed(schema: Any) -> Any:
    """*schema* with every object in it closed, which Anthropic insists on."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    closed = {name: _closed(value) for name, value in schema.items()}
    if closed.get("type") == "object" and "properties" in closed:
        closed.setdefault("additionalProperties", False)
    return closed
