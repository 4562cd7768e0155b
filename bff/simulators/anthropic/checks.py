"""What Anthropic refuses, before it answers: who asks, the parameters. Pure.

The conversation: turn_checks.py. Source: providers.md §2, §10; sentences as seen, where seen.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from bff.simulators.anthropic.families import Family, family_of

VERSIONS = ("2023-06-01", "2026-10-21")
NEWEST = VERSIONS[-1]
NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_COUNTED = frozenset({"messages", "model", "system", "thinking", "tool_choice", "tools"})
_FIELDS = _COUNTED | {
    "cache_control",
    "container",
    "context_management",
    "inference_geo",
    "max_tokens",
    "mcp_servers",
    "metadata",
    "output_config",
    "service_tier",
    "stop_sequences",
    "stream",
    "temperature",
    "top_k",
    "top_p",
}
_SAMPLING = ("temperature", "top_p", "top_k")
_CHOICES = ("auto", "any", "tool", "none")
_EFFORTS = ("low", "medium", "high", "xhigh", "max")


@dataclass(eq=False)
class Refusal(Exception):  # noqa: N818 - what Anthropic calls an error is a refusal to us
    status: int
    message: str
    type: str = "invalid_request_error"


def refused(at: str, what: str) -> Refusal:
    return Refusal(400, f"{at}: {what}")


def check_key(headers: Mapping[str, str], keys: frozenset[str] | None) -> None:
    """*keys*: those that open; None: every key but `bad-key`. A key is sent in either header."""
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    key = headers.get("x-api-key") or (token.strip() if scheme.lower() == "bearer" else "")
    if not key:
        raise Refusal(401, "x-api-key header is required", "authentication_error")
    if key == "bad-key" if keys is None else key not in keys:
        raise Refusal(401, "invalid x-api-key", "authentication_error")


def check_version(version: str | None) -> str:
    if version is None:
        raise refused("anthropic-version", "header is required")
    if version not in VERSIONS:
        raise refused("anthropic-version", f'"{version}" is not a valid version')
    return version


def check_parameters(
    asked: object,
    *,
    version: str,
    models: frozenset[str] | None,
    counting: bool = False,
    strict: bool = True,
) -> dict[str, Any]:
    """The body, but for its turns; raises the first Refusal there is. *models*: None for all of
    Anthropic's. With *counting* nothing is to be answered; *strict* takes no field it does not
    know.
    """
    if not isinstance(asked, dict):
        raise Refusal(400, "The request body is not valid JSON.")
    fields = _COUNTED if counting else _FIELDS
    unknown = next((name for name in asked if name not in fields), None)
    if unknown is not None and strict:
        raise refused(unknown, "Extra inputs are not permitted")
    family = _check_model(asked.get("model"), models)
    if not counting:
        _check_limit(asked.get("max_tokens"), family)
    _check_sampling(asked, version, family)
    _check_thinking(asked)
    _check_tools(asked)
    _check_output(asked.get("output_config"), family)
    _check_rest(asked)
    return asked


def _check_model(model: object, models: frozenset[str] | None) -> Family:
    if not isinstance(model, str) or not model:
        raise refused("model", "Field required")
    name = model.partition("!")[0]
    family = family_of(name)
    if family is None if models is None else name not in models:
        raise Refusal(404, f"model: {name}", "not_found_error")
    return family or Family()


def _check_limit(limit: object, family: Family) -> None:
    if limit is None:
        raise refused("max_tokens", "Field required")
    if not _is_whole(limit) or limit < 1:
        raise refused("max_tokens", "Input should be greater than or equal to 1")
    if limit > family.most_output:
        raise refused("max_tokens", f"{limit} > {family.most_output}, which is the maximum allowed")


def _check_sampling(asked: Mapping[str, Any], version: str, family: Family) -> None:
    sent = [name for name in _SAMPLING if asked.get(name) is not None]
    if sent and version == NEWEST:
        raise refused(sent[0], "Extra inputs are not permitted")
    if sent and not family.sampling:
        raise Refusal(400, f"`{sent[0]}` is deprecated for this model.")
    for name in {"temperature", "top_p"} & set(sent):
        value = asked[name]
        if not isinstance(value, int | float) or not 0 <= value <= 1:
            raise refused(name, "Input should be between 0 and 1")
    if {"temperature", "top_p"} <= set(sent) and not family.both_samplings:
        raise Refusal(400, "`temperature` and `top_p` cannot both be specified for this model.")
    if thinks(asked) and (asked.get("temperature") or 1) != 1:
        raise Refusal(400, "`temperature` may only be set to 1 when thinking is enabled.")


def thinks(asked: Mapping[str, Any]) -> bool:
    thinking = asked.get("thinking")
    return isinstance(thinking, dict) and thinking.get("type") in ("enabled", "adaptive")


def _check_thinking(asked: Mapping[str, Any]) -> None:
    thinking = asked.get("thinking")
    if thinking is None:
        return
    type_ = thinking.get("type") if isinstance(thinking, dict) else None
    if type_ not in ("enabled", "adaptive", "disabled"):
        raise refused("thinking", "Input tag does not match any of the expected tags")
    if type_ != "enabled":
        return
    budget = thinking.get("budget_tokens")
    if not _is_whole(budget) or budget < 1024:
        raise refused("thinking.enabled.budget_tokens", "Input should be at least 1024")
    if budget >= asked.get("max_tokens", budget + 1):
        raise Refusal(400, "`max_tokens` must be greater than `thinking.budget_tokens`.")


def _check_tools(asked: Mapping[str, Any]) -> None:
    tools = asked.get("tools") or []
    names = [_check_tool(tool, f"tools.{index}") for index, tool in enumerate(tools)]
    if len(set(names)) < len(names):
        raise refused("tools", "Tool names must be unique.")
    choice = asked.get("tool_choice")
    if choice is None:
        return
    if not names:
        raise refused("tool_choice", "tool_choice may only be specified while providing tools.")
    type_ = choice.get("type") if isinstance(choice, dict) else None
    if type_ not in _CHOICES:
        raise refused("tool_choice", "Input tag does not match any of the expected tags")
    if type_ == "tool" and choice.get("name") not in names:
        raise Refusal(400, f"Tool '{choice.get('name')}' not found in provided tools")
    if type_ in ("any", "tool") and thinks(asked):
        raise Refusal(400, "Thinking may not be enabled when tool_choice forces tool use.")


def _check_tool(tool: object, at: str) -> str:
    if not isinstance(tool, dict):
        raise refused(at, "Input should be a valid dictionary")
    name = tool.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise refused(f"{at}.custom.name", f"String should match pattern '^{NAME.pattern}$'")
    if tool.get("type") not in (None, "custom"):
        return name
    schema = tool.get("input_schema")
    if not isinstance(schema, dict):
        raise refused(f"{at}.custom.input_schema", "Field required")
    if schema.get("type") != "object":
        raise refused(f"{at}.custom.input_schema.type", "Input should be 'object'")
    return name


def _check_output(output: object, family: Family) -> None:
    if output is None:
        return
    if not isinstance(output, dict) or output.keys() - {"effort", "format"}:
        raise refused("output_config", "Extra inputs are not permitted")
    effort, shape = output.get("effort"), output.get("format")
    if effort is not None and not family.effort:
        raise Refusal(400, "This model does not support the effort parameter.")
    if effort is not None and effort not in _EFFORTS:
        raise refused("output_config.effort", "Input should be 'low', 'medium' or 'high'")
    if shape is None:
        return
    if not family.schema:
        raise Refusal(400, "This model does not support the output_format parameter.")
    if not isinstance(shape, dict) or shape.get("type") != "json_schema":
        raise refused("output_config.format.type", "Input should be 'json_schema'")
    if not _is_closed(shape.get("schema")):
        raise refused(
            "output_config.format.schema",
            "For 'object' type, 'additionalProperties' must be explicitly set to false",
        )


def _is_closed(schema: object) -> bool:
    if isinstance(schema, list):
        return all(map(_is_closed, schema))
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        return False
    return all(map(_is_closed, schema.values()))


def _check_rest(asked: Mapping[str, Any]) -> None:
    if not isinstance(asked.get("stream", False), bool):
        raise refused("stream", "Input should be a valid boolean")
    for index, stop in enumerate(asked.get("stop_sequences") or ()):
        if not isinstance(stop, str) or not stop.strip():
            raise refused(f"stop_sequences.{index}", "each stop sequence must contain text")
    metadata = asked.get("metadata") or {}
    if not isinstance(metadata, dict) or metadata.keys() - {"user_id"}:
        raise refused("metadata", "Extra inputs are not permitted")
    if len(str(metadata.get("user_id") or "")) > 256:
        raise refused("metadata.user_id", "String should have at most 256 characters")


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
