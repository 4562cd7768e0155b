"""What OpenAI refuses of a request for a response, and how the embedded model reads one that
passed. Pure. Source: api-faces.md §2; messages are OpenAI's where they are widely quoted.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bff.simulators.faults import content_text
from bff.simulators.openai.checks import Refusal, check_model, is_reasoning
from bff.simulators.openai.tools import NAME as _NAME

_FIELDS = frozenset(
    {
        "background",
        "context_management",
        "conversation",
        "include",
        "input",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "metadata",
        "model",
        "parallel_tool_calls",
        "previous_response_id",
        "prompt",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning",
        "safety_identifier",
        "service_tier",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "truncation",
        "user",
    }
)
_MOVED: Mapping[str, str] = {
    "max_completion_tokens": "max_output_tokens",
    "max_tokens": "max_output_tokens",
    "messages": "input",
    "reasoning_effort": "reasoning.effort",
    "response_format": "text.format",
}
_ROLES = ("assistant", "system", "developer", "user")
_PARTS: Mapping[bool, tuple[str, ...]] = {  # by whether the assistant says them
    True: ("output_text", "refusal"),
    False: ("input_text", "input_image", "input_file"),
}
_ITEMS = ("message", "function_call", "function_call_output", "reasoning", "item_reference")
_FORMATS = ("text", "json_object", "json_schema")
_CHOICES = ("none", "auto", "required")
_LEAST_OUTPUT = 16  # tokens


def check_response_request(asked: object, models: frozenset[str] | None) -> Mapping[str, Any]:
    """The body; raises the first Refusal there is. *models*: None for all of OpenAI's."""
    if not isinstance(asked, dict):
        raise Refusal(400, "We could not parse the JSON body of your request.")
    _check_names(asked)
    if asked.get("model") is None:
        raise _missing("model")
    model = check_model(asked["model"], models)
    if asked.get("previous_response_id") is not None:
        raise Refusal(
            400,
            f"Previous response with id '{asked['previous_response_id']}' not found.",
            param="previous_response_id",
            code="previous_response_not_found",
        )
    if asked.get("input") is None:
        raise _missing("input")
    _check_input(asked["input"])
    _check_numbers(asked)
    _check_model_takes(asked, reasoning=is_reasoning(model))
    _check_tools(asked)
    _check_format(asked.get("text") or {})
    if not isinstance(asked.get("stream", False), bool | None):
        raise _invalid("stream", "is not a boolean", code="invalid_type")
    return asked


def as_chat(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """A request that passed, as the embedded model is asked: in the words of completions."""
    said = asked["input"]
    items = [{"role": "user", "content": said}] if isinstance(said, str) else said
    messages = [turn for item in items if (turn := _turn(item))]
    if asked.get("instructions"):
        messages.insert(0, {"role": "system", "content": asked["instructions"]})
    choice = asked.get("tool_choice")
    if isinstance(choice, dict):
        choice = {"function": choice} if choice.get("type") == "function" else "auto"
    return {
        "model": asked["model"],
        "messages": messages,
        "max_completion_tokens": asked.get("max_output_tokens"),
        "parallel_tool_calls": asked.get("parallel_tool_calls"),
        "tool_choice": choice,
        "tools": [{"function": tool} for tool in _functions(asked)],
    }


def _turn(item: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if item.get("type") == "function_call_output":
        return {"role": "tool", "content": content_text(item["output"])}
    return item if "role" in item else None


def _functions(asked: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [tool for tool in asked.get("tools") or () if tool["type"] == "function"]


# -- checks ----------------------------------------------------------------------------------------


def _check_names(asked: Mapping[str, Any]) -> None:
    for name in asked:
        if name in _MOVED:
            raise Refusal(
                400,
                f"Unsupported parameter: '{name}'. In the Responses API, this parameter has moved "
                f"to '{_MOVED[name]}'. Try again with the new parameter.",
                param=None if name == "messages" else name,
                code="unsupported_parameter",
            )
        if name not in _FIELDS:
            raise Refusal(
                400, f"Unknown parameter: '{name}'.", param=name, code="unknown_parameter"
            )


def _check_input(said: object) -> None:
    if isinstance(said, str):
        return
    if not isinstance(said, list):
        raise _invalid("input", "is neither text nor a list", code="invalid_type")
    for index, item in enumerate(said):
        _check_item(item, f"input[{index}]")
    _check_tool_pairs(said)


def _check_item(item: object, at: str) -> None:
    if not isinstance(item, dict):
        raise _invalid(at, "is not an object", code="invalid_type")
    type_ = item.get("type", "message")
    if type_ not in _ITEMS:
        raise _not_among(f"{at}.type", type_, _ITEMS)
    if type_ == "function_call":
        _check_needed(item, ("call_id", "name", "arguments"), at)
    elif type_ == "function_call_output":
        _check_needed(item, ("call_id", "output"), at)
    elif type_ == "message":
        _check_message(item, at)


def _check_message(item: Mapping[str, Any], at: str) -> None:
    role, content = item.get("role"), item.get("content")
    if role not in _ROLES:
        raise _not_among(f"{at}.role", role, _ROLES)
    if content is None:
        raise _missing(f"{at}.content")
    known = _PARTS[role == "assistant"]
    for index, part in enumerate(content if isinstance(content, list) else ()):
        type_ = part.get("type") if isinstance(part, dict) else None
        if type_ not in known:
            raise _not_among(f"{at}.content[{index}].type", type_, known)


def _check_tool_pairs(items: Sequence[Mapping[str, Any]]) -> None:
    """Wherever it stands, every call needs its output, and every output its call."""
    called, told = (
        [item["call_id"] for item in items if item.get("type") == type_]
        for type_ in ("function_call", "function_call_output")
    )
    for call in called:
        if call not in told:
            raise Refusal(400, f"No tool output found for function call {call}.", param="input")
    for call in told:
        if call not in called:
            raise Refusal(
                400,
                f"No tool call found for function call output with call_id {call}.",
                param="input",
            )


def _check_numbers(asked: Mapping[str, Any]) -> None:
    limit = asked.get("max_output_tokens")
    if limit is not None and (not isinstance(limit, int) or limit < _LEAST_OUTPUT):
        raise Refusal(
            400,
            "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= "
            f"{_LEAST_OUTPUT}, but got {limit} instead.",
            param="max_output_tokens",
            code="integer_below_min_value",
        )
    for name, most in (("temperature", 2), ("top_p", 1)):
        value = asked.get(name)
        if value is not None and (not isinstance(value, int | float) or not 0 <= value <= most):
            raise _invalid(name, f"is not a number from 0 to {most}")


def _check_model_takes(asked: Mapping[str, Any], *, reasoning: bool) -> None:
    effort = (asked.get("reasoning") or {}).get("effort")
    refused = {
        "reasoning.effort": not reasoning and effort is not None,
        "temperature": reasoning and asked.get("temperature") not in (None, 1),
        "top_p": reasoning and asked.get("top_p") not in (None, 1),
    }
    for name, is_refused in refused.items():
        if is_refused:
            raise Refusal(
                400,
                f"Unsupported parameter: '{name}' is not supported with this model.",
                param=name,
                code="unsupported_parameter",
            )


def _check_tools(asked: Mapping[str, Any]) -> None:
    tools = asked.get("tools") or ()
    for index, tool in enumerate(tools):
        at = f"tools[{index}]"
        _check_needed(tool if isinstance(tool, dict) else {}, ("type",), at)
        if tool["type"] == "function":
            _check_needed(tool, ("name",), at)
            if not isinstance(tool["name"], str) or not _NAME.fullmatch(tool["name"]):
                raise _invalid(f"{at}.name", f"does not match {_NAME.pattern}")
    choice = asked.get("tool_choice")
    if choice is None or choice in _CHOICES:
        return
    names = {tool["name"] for tool in _functions(asked)}
    if not isinstance(choice, dict) or (
        choice.get("type") == "function" and choice.get("name") not in names
    ):
        raise Refusal(
            400, "Tool choice 'function' not found in 'tools' parameter.", param="tool_choice"
        )


def _check_format(text: Mapping[str, Any]) -> None:
    wanted = text.get("format") or {"type": "text"}
    if wanted.get("type") not in _FORMATS:
        raise _not_among("text.format.type", wanted.get("type"), _FORMATS)
    if wanted["type"] == "json_schema":
        _check_needed(wanted, ("name", "schema"), "text.format")


def _check_needed(value: Mapping[str, Any], names: Sequence[str], at: str) -> None:
    for name in names:
        if value.get(name) is None:
            raise _missing(f"{at}.{name}")


def _missing(param: str) -> Refusal:
    return Refusal(
        400,
        f"Missing required parameter: '{param}'.",
        param=param,
        code="missing_required_parameter",
    )


def _not_among(param: str, value: object, known: Sequence[str]) -> Refusal:
    listed = ", ".join(f"'{name}'" for name in known)
    message = f"Invalid value: '{value}'. Supported values are: {listed}."
    return Refusal(400, message, param=param, code="invalid_value")


def _invalid(param: str, what: str, *, code: str = "invalid_value") -> Refusal:
    return Refusal(400, f"Invalid value: '{param}' {what}.", param=param, code=code)
