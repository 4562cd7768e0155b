"""OpenAI's failures in our words: refusals by status, errors inside a 200, answers that are none.

Azure's words are among them. Source: contract providers.md §1, §3, §6.6.
"""

import re
from collections.abc import Mapping

from bff.dialects.failures import (
    cut,
    empty,
    failure,
    kind_of_status,
    names_our_account,
    not_an_answer,
)
from bff.dialects.json_text import read_json
from bff.dialects.openai_chat.names import NAME
from bff.errors import Kind, Problem, Said

__all__ = [
    "cut",
    "empty",
    "not_an_answer",
    "not_set_up",
    "read_code",
    "read_error_object",
    "read_refusal",
]

_KIND_OF_CODE: Mapping[str, Kind] = {
    "context_length_exceeded": Kind.CONTEXT_LENGTH,
    "content_policy_violation": Kind.CONTENT_POLICY,
    "content_filter": Kind.CONTENT_POLICY,
    "moderation_blocked": Kind.CONTENT_POLICY,
    "ResponsibleAIPolicyViolation": Kind.CONTENT_POLICY,
    "billing_hard_limit_reached": Kind.BUDGET,
    "billing_not_active": Kind.BUDGET,
    "insufficient_quota": Kind.BUDGET,
    "invalid_api_key": Kind.UPSTREAM_AUTH,
    "PermissionDenied": Kind.UPSTREAM_AUTH,
    "rate_limit_exceeded": Kind.UPSTREAM_RATE_LIMIT,
    "RateLimitReached": Kind.UPSTREAM_RATE_LIMIT,
    "too_many_requests": Kind.UPSTREAM_RATE_LIMIT,
    "model_not_found": Kind.NOT_FOUND,
    "DeploymentNotFound": Kind.NOT_FOUND,
    "Timeout": Kind.TIMEOUT,
    "InternalServerError": Kind.UPSTREAM,
    "ServiceUnavailable": Kind.OVERLOADED,
}
_KIND_OF_TYPE: Mapping[str, Kind] = {
    "invalid_request_error": Kind.BAD_REQUEST,
    "insufficient_quota": Kind.BUDGET,
    "overloaded_error": Kind.OVERLOADED,
    "rate_limit_error": Kind.UPSTREAM_RATE_LIMIT,
}
# Asked again it would be refused again, or answered by somebody who may not.
_WHATEVER_STATUS = frozenset({Kind.CONTEXT_LENGTH, Kind.CONTENT_POLICY, Kind.BUDGET})
# About the question, and for who asked it; limits, keys and bills are about us.
_THEIR_BUSINESS = frozenset(
    {
        Kind.BAD_REQUEST,
        Kind.CONTEXT_LENGTH,
        Kind.CONTENT_POLICY,
        Kind.NOT_FOUND,
        Kind.TOO_LARGE,
    }
)
_TOLD_STATUSES = frozenset({400, 404, 413, 422})
_LONGEST_TOLD = 4000  # characters of a sentence
_UNKNOWN_PARAMETER = frozenset({"unsupported_parameter", "unknown_parameter"})
_PARAMETER = re.compile(r"[\w.\[\]]{1,80}", re.ASCII)
_CODE = re.compile(r"[a-z_]{1,64}")  # one of a vendor's own list, no sentence
_UNRECOGNIZED = re.compile(
    r"(?:unrecognized request arguments? supplied|unknown parameter): '?([\w.]{1,80})",
    re.IGNORECASE | re.ASCII,
)
_STATUS = re.compile(r"[45]\d\d")


def read_refusal(status: int, data: bytes, *, retry_after: float | None = None) -> Problem:
    """The provider's own answer when it is not 2xx; *data* may be anything.

    `at` names the parameter that it calls unsupported, so that it can be sent under its other name.
    """
    error = _error_of(data)
    kind = _named_kind(error)
    if kind is None and _word(error, "type") == "insufficient_quota":
        kind = Kind.BUDGET
    if kind is None or (status >= 500 and kind not in _WHATEVER_STATUS):
        kind = kind_of_status(status)
    if status == 409:
        kind = Kind.UPSTREAM
    problem = failure(kind, status=status, retry_after=retry_after, at=_unsupported(error))
    if kind is Kind.BAD_REQUEST and _CODE.fullmatch(_word(error, "code")):
        problem.code = _word(error, "code")
    if kind in _THEIR_BUSINESS and status in _TOLD_STATUSES and _may_be_told(error):
        problem.original = Said(NAME, status, data)
    return problem


def _may_be_told(error: object) -> bool:
    """Whether it is an error of OpenAI's form, whose words say nothing of our account."""
    message = _word(error, "message")
    if not message or len(message) > _LONGEST_TOLD or names_our_account(message):
        return False
    named = (
        [error.get(name) for name in ("type", "param", "code")] if isinstance(error, dict) else []
    )
    return all(value is None or isinstance(value, str) for value in named)


def not_set_up(status: int) -> Problem:
    """Our own name for something is wrong."""
    return failure(Kind.UPSTREAM_AUTH, status=status)


def read_code(data: bytes) -> str:
    """The code of a refusal; empty where there is none that is text."""
    return _word(_error_of(data), "code")


def _unsupported(error: object) -> str:
    """The parameter that is refused as such; older servers name it in their sentence only, at its
    beginning. What a sentence quotes further in is a caller's, who could choose what nobody is sent
    any more.
    """
    if _word(error, "code") in _UNKNOWN_PARAMETER:
        param = _word(error, "param")
        return param if _PARAMETER.fullmatch(param) else ""
    named = _UNRECOGNIZED.match(_word(error, "message"))
    return named[1] if named else ""


def read_error_object(error: object) -> Problem:
    """An error that came inside a 200: no status of its own, but some servers name one as its
    code.
    """
    kind = _named_kind(error) or _KIND_OF_TYPE.get(_word(error, "type"))
    return failure(kind or kind_of_status(_status_in(error)))


def _status_in(error: object) -> int:
    code = error.get("code") if isinstance(error, dict) else None
    found = _STATUS.fullmatch(str(code))
    return int(found[0]) if found else 500


def _error_of(data: bytes) -> object:
    try:
        value = read_json(data)
    except ValueError:
        return None
    return value.get("error") if isinstance(value, dict) else None


def _word(error: object, field: str) -> str:
    word = error.get(field) if isinstance(error, dict) else None
    return word if isinstance(word, str) else ""


def _named_kind(error: object) -> Kind | None:
    """By its code, or by the one inside it."""
    kind = _KIND_OF_CODE.get(_word(error, "code"))
    if kind is None and isinstance(error, dict):
        kind = _KIND_OF_CODE.get(_word(error.get("innererror"), "code"))
    return kind
