"""What OpenAI says where a fault orders it: a refusal in place of the answer, and what is left of a
whole completion. Pure.
"""

from collections.abc import Mapping
from typing import Any

from bff.simulators.faults import Fault
from bff.simulators.openai.checks import Refusal
from bff.simulators.openai.frames import error

_ERRORS: Mapping[int, tuple[str, str | None]] = {
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("request_forbidden", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
    500: ("server_error", None),
    502: ("server_error", None),
    503: ("server_error", None),
}


def maimed(value: dict[str, Any], fault: Fault) -> dict[str, Any]:
    """A whole completion without what it shall lack."""
    if fault.error_object:
        return error("Simulated error.", type="server_error")
    lacking = {name for name in ("usage", "choices") if getattr(fault, f"no_{name}")}
    kept = {name: part for name, part in value.items() if name not in lacking}
    return kept | {"choices": []} if fault.empty_choices else kept


def ordered_refusal(fault: Fault) -> Refusal | None:
    if fault.quota:
        return Refusal(
            429,
            "You exceeded your current quota, please check your plan and billing details.",
            code="insufficient_quota",
            type="insufficient_quota",
        )
    if fault.status is None:
        return None
    type_, code = _ERRORS.get(fault.status, ("invalid_request_error", None))
    message = f"Simulated error {fault.status}."
    return Refusal(fault.status, message, code=fault.code or code, type=type_)
