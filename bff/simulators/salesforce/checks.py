"""What the Models API refuses, in the order in which it looks: token, headers, model, body.

The order is ours [?]: it is what lets an empty body ask about a model without spending anything.
Source: providers.md §4; messages are ours.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from bff.simulators.salesforce.wire import Refusal, error

_HEADERS = {
    "x-sfdc-app-context": "EinsteinGPT",
    "x-client-feature-id": "ai-platform-models-connected-app",
}
_CONTAMINATION = frozenset({"tools", "tool_choice", "functions", "function_call"})
_PARAMETERS = frozenset({"temperature", "max_tokens"})
_SPOKEN = {"chat-generations": "messages", "generations": "prompt"}
_LONGEST = 4_000_000  # characters


@dataclass(slots=True)
class Manners:
    """Switches for what is not determined. *headers_status*: 400 or 403 where a header is missing;
    *models*: None for all that begin with sfdc_ai__; *forbidden*: models the org has no right to;
    *system*: whether there is a system role; *parameters*: whether `parameters` may be sent;
    *contaminated*: what `tools` are answered by, a `string` or an `error`; *longest*: characters.
    """

    headers_status: int = 400
    models: Collection[str] | None = None
    forbidden: Collection[str] = field(default_factory=frozenset)
    system: bool = True
    parameters: bool = True
    contaminated: str = "string"
    longest: int = _LONGEST


def check_headers(headers: Mapping[str, str], manners: Manners) -> None:
    """Raises Refusal."""
    for name, value in _HEADERS.items():
        if headers.get(name) != value:
            raise Refusal(manners.headers_status, error("INVALID_HEADER", f"{name} is missing."))


def check_model(name: str, manners: Manners) -> None:
    """Raises Refusal."""
    if not (name.startswith("sfdc_ai__") if manners.models is None else name in manners.models):
        raise Refusal(404, error("MODEL_NOT_FOUND", f"Model {name} was not found."))
    if name in manners.forbidden:
        raise Refusal(403, error("FEATURE_NOT_ENTITLED", f"Not entitled to {name}."))


def contaminated(body: object) -> bool:
    """Whether a field is in the body that makes the answer something else."""
    return isinstance(body, dict) and not _CONTAMINATION.isdisjoint(body)


def check_body(endpoint: str, body: Any, manners: Manners) -> list[dict[str, str]]:
    """The turns of the conversation; a prompt is one of them. Raises Refusal."""
    if not isinstance(body, dict):
        raise _bad("The body is not a JSON object.")
    spoken = _SPOKEN[endpoint]
    allowed = {spoken, "localization", "tags"} | ({"parameters"} if manners.parameters else set())
    for name in body:
        if name not in allowed:
            raise _bad(f"Unrecognized field {name}.")
    if not set(body.get("parameters", ())) <= _PARAMETERS:
        raise _bad("parameters has a field that is not known.")
    turns: Any = body.get(spoken)
    if endpoint == "generations":
        turns = [{"role": "user", "content": turns}]
    if not isinstance(turns, list) or not turns:
        raise _bad(f"{spoken} must not be empty.")
    for turn in turns:
        _check_turn(turn, spoken, manners)
    said: list[dict[str, str]] = turns
    if sum(len(turn["content"]) for turn in said) > manners.longest:
        raise _bad("The prompt is too long for this model.")
    return said


def _check_turn(turn: Any, spoken: str, manners: Manners) -> None:
    roles = {"user", "assistant"} | ({"system"} if manners.system else set())
    if not isinstance(turn, dict) or turn.get("role") not in roles:
        raise _bad(f"{spoken} has a role that is not known.")
    if set(turn) != {"role", "content"}:
        raise _bad(f"{spoken} has a field that is not known.")
    if not isinstance(turn.get("content"), str) or not turn["content"]:
        raise _bad(f"{spoken} must be text.")


def _bad(message: str) -> Refusal:
    return Refusal(400, error("BAD_REQUEST", message))
