"""What OpenAI refuses, before it answers. Pure. Source: providers.md §1; messages are ours."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bff.simulators.openai.frames import error
from bff.simulators.openai.tools import wrong_tools

_FIELDS = frozenset(
    {
        "audio",
        "frequency_penalty",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "metadata",
        "modalities",
        "model",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_retention",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
        "web_search_options",
    }
)
_ROLES = frozenset({"developer", "system", "user", "assistant", "tool", "function"})
_PARTS = frozenset({"text", "image_url", "input_audio", "file", "refusal"})
_REASONING = re.compile(r"o\d|gpt-5(?!-chat)")
_ID_MOST = 40  # characters of a call's id
_STOPS_MOST = 4
# What reasoning models refuse, but for the value that asks for nothing.
_SAMPLING: Mapping[str, object] = {
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "logit_bias": {},
    "logprobs": False,
    "top_logprobs": 0,
}
_MODEL = re.compile(r"(gpt-|chatgpt-|o\d)[\w.\-]*")


@dataclass(eq=False)
class Refusal(Exception):  # noqa: N818 - what OpenAI calls an error is a refusal to us
    status: int
    message: str
    param: str | None = None
    code: str | None = None
    type: str = "invalid_request_error"

    @property
    def body(self) -> dict[str, Any]:
        return error(self.message, type=self.type, param=self.param, code=self.code)


def check_key(authorization: str | None, keys: frozenset[str] | None) -> None:
    """*keys*: those that open; None: every key but `bad-key`."""
    scheme, _, key = (authorization or "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        raise Refusal(401, "You did not provide an API key.", code="invalid_api_key")
    if key == "bad-key" if keys is None else key not in keys:
        raise Refusal(401, "Incorrect API key provided.", code="invalid_api_key")


def check_request(asked: object, models: frozenset[str] | None) -> Mapping[str, Any]:
    """The body; raises the first Refusal there is. *models*: None for all of OpenAI's."""
    if not isinstance(asked, dict):
        raise Refusal(400, "We could not parse the JSON body of your request.")
    unknown = next((name for name in asked if name not in _FIELDS), None)
    if unknown is not None:
        raise Refusal(400, f"Unrecognized request argument supplied: {unknown}")
    model = check_model(asked.get("model"), models)
    _check_messages(asked.get("messages"))
    reasoning = is_reasoning(model)
    _check_numbers(asked, reasoning=reasoning)
    _check_reasoning(asked, reasoning=reasoning)
    stop = asked.get("stop")
    if isinstance(stop, list) and len(stop) > _STOPS_MOST:
        raise _invalid("stop", f"has more than {_STOPS_MOST} items", code="array_above_max_length")
    wrong = wrong_tools(asked)
    if wrong is not None:
        raise _invalid(*wrong)
    if not isinstance(asked.get("stream", False), bool | None):
        raise _invalid("stream", "is not a boolean")
    if asked.get("stream_options") is not None and not asked.get("stream"):
        raise Refusal(
            400,
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            param="stream_options",
        )
    return asked


def is_reasoning(model: str) -> bool:
    """Whether it is of a family that thinks before it answers."""
    return _REASONING.match(model) is not None


def check_model(model: object, models: frozenset[str] | None) -> str:
    if not isinstance(model, str) or not model:
        raise Refusal(400, "You must provide a model parameter.")
    name = model.partition("!")[0]
    known = _MODEL.fullmatch(name) is not None if models is None else name in models
    if not known:
        raise Refusal(
            404,
            f"The model `{name}` does not exist or you do not have access to it.",
            code="model_not_found",
        )
    return name


def _check_messages(messages: object) -> None:
    if messages is None:
        raise Refusal(
            400,
            "Missing required parameter: 'messages'.",
            param="messages",
            code="missing_required_parameter",
        )
    if not isinstance(messages, list):
        raise _invalid("messages", "is not an array", code="invalid_type")
    if not messages:
        raise _invalid("messages", "is an empty array", code="empty_array")
    for index, message in enumerate(messages):
        _check_message(message, f"messages[{index}]")
    _check_tool_pairs(messages)


def _check_message(message: object, at: str) -> None:
    if not isinstance(message, dict):
        raise _invalid(at, "is not an object", code="invalid_type")
    if message.get("role") not in _ROLES:
        raise _invalid(f"{at}.role", f"is none of {', '.join(sorted(_ROLES))}")
    content = message.get("content")
    if content is None:
        if message["role"] == "assistant" and (message.get("tool_calls") or message.get("refusal")):
            return
        raise _invalid(f"{at}.content", "is missing", code="invalid_type")
    if isinstance(content, list):
        _check_parts(content, f"{at}.content", of_a_tool=message["role"] == "tool")
    elif not isinstance(content, str):
        raise _invalid(f"{at}.content", "is neither text nor parts", code="invalid_type")


def _check_parts(parts: Sequence[object], at: str, *, of_a_tool: bool) -> None:
    known = frozenset({"text"}) if of_a_tool else _PARTS
    if not parts:
        raise _invalid(at, "is an empty array", code="empty_array")
    for index, part in enumerate(parts):
        type_ = part.get("type") if isinstance(part, dict) else None
        if type_ not in known:
            raise _invalid(f"{at}[{index}].type", f"is none of {', '.join(sorted(known))}")


def _check_tool_pairs(messages: Sequence[Mapping[str, Any]]) -> None:
    """Every call must be answered before the next other message; answers need a call."""
    waiting: set[str] = set()
    for index, message in enumerate(messages):
        at = f"messages[{index}]"
        if message["role"] == "tool":
            called = message.get("tool_call_id")
            if called not in waiting:
                raise _invalid(f"{at}.role", "answers no preceding tool call")
            waiting.remove(called)
            continue
        if waiting:
            raise _invalid(at, "comes before every tool call has been answered")
        waiting = {str(call.get("id")) for call in message.get("tool_calls") or ()}
        if any(len(id_) > _ID_MOST for id_ in waiting):
            raise _invalid(f"{at}.tool_calls", "has too long an id", code="string_above_max_length")
    if waiting:
        raise _invalid("messages", "ends with tool calls that nobody answered")


def _check_numbers(asked: Mapping[str, Any], *, reasoning: bool) -> None:
    if reasoning and asked.get("max_tokens") is not None:
        raise Refusal(
            400,
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
            param="max_tokens",
            code="unsupported_parameter",
        )
    if asked.get("max_tokens") is not None and asked.get("max_completion_tokens") is not None:
        raise _invalid("max_tokens", "and 'max_completion_tokens' cannot both be set")
    for name in ("max_tokens", "max_completion_tokens"):
        limit = asked.get(name)
        if limit is not None and (not isinstance(limit, int) or limit < 1):
            raise _invalid(name, "is not a whole number of at least 1")
    for name, most in (("temperature", 2), ("top_p", 1)):
        value = asked.get(name)
        if value is None:
            continue
        if not isinstance(value, int | float) or not 0 <= value <= most:
            raise _invalid(name, f"is not a number from 0 to {most}")
        if reasoning and value != 1:
            raise Refusal(
                400,
                f"Unsupported value: '{name}' does not support {value} with this model.",
                param=name,
                code="unsupported_value",
            )


def _check_reasoning(asked: Mapping[str, Any], *, reasoning: bool) -> None:
    if not reasoning and asked.get("reasoning_effort") is not None:
        raise Refusal(400, "Unrecognized request argument supplied: reasoning_effort")
    for name, nothing in _SAMPLING.items() if reasoning else ():
        if asked.get(name) not in (None, nothing):
            raise Refusal(
                400,
                f"Unsupported parameter: '{name}' is not supported with this model.",
                param=name,
                code="unsupported_parameter",
            )


def _invalid(param: str, what: str, *, code: str = "invalid_value") -> Refusal:
    return Refusal(400, f"Invalid value: '{param}' {what}.", param=param, code=code)
