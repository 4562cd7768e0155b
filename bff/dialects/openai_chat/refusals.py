"""OpenAI's failures in our words: refusals by status, errors inside a 200, answers that are none.

Azure's words are among them. Source: contract providers.md §1, §3, §6.6.
"""

import re
from collections.abc import Mapping

from bff.dialects.json_text import read_json
from bff.errors import Kind, Problem, Sign

_KIND_OF_STATUS: Mapping[int, Kind] = {
    401: Kind.UPSTREAM_AUTH,
    402: Kind.UPSTREAM_AUTH,
    403: Kind.UPSTREAM_AUTH,
    404: Kind.NOT_FOUND,
    408: Kind.TIMEOUT,
    413: Kind.TOO_LARGE,
    429: Kind.UPSTREAM_RATE_LIMIT,
    503: Kind.OVERLOADED,
    504: Kind.TIMEOUT,
    524: Kind.TIMEOUT,
    529: Kind.OVERLOADED,
}
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
_UNKNOWN_PARAMETER = frozenset({"unsupported_parameter", "unknown_parameter"})
_PARAMETER = re.compile(r"[\w.\[\]]{1,80}", re.ASCII)
_UNRECOGNIZED = re.compile(
    r"(?:unrecognized request arguments? supplied|unknown parameter): '?([\w.]{1,80})",
    re.IGNORECASE | re.ASCII,
)
_STATUS = re.compile(r"[45]\d\d")
_PUBLIC: Mapping[Kind, str] = {
    Kind.BAD_REQUEST: "The model refused this request.",
    Kind.CONTEXT_LENGTH: "The conversation is too long for the model. Please shorten it.",
    Kind.CONTENT_POLICY: "The request was declined by a content policy.",
    Kind.NOT_FOUND: "The model is not available.",
    Kind.TOO_LARGE: "The request is too large for the model.",
    Kind.UPSTREAM_RATE_LIMIT: "The AI service is busy. Please try again in a moment.",
    Kind.BUDGET: "The usage limit of the AI service has been reached.",
    Kind.UPSTREAM_AUTH: "The AI service is not set up correctly. Please tell your administrator.",
    Kind.OVERLOADED: "The AI service is overloaded. Please try again in a moment.",
    Kind.TIMEOUT: "The AI service took too long to answer. Please try again.",
    Kind.UPSTREAM: "The AI service failed. Please try again.",
}
_SIGN_OF_KIND: Mapping[Kind, Sign] = {
    Kind.UPSTREAM_RATE_LIMIT: Sign.PROVIDER_BUSY,
    Kind.OVERLOADED: Sign.PROVIDER_DOWN,
    Kind.TIMEOUT: Sign.PROVIDER_DOWN,
    Kind.UPSTREAM: Sign.PROVIDER_DOWN,
}


def read_refusal(status: int, data: bytes, *, retry_after: float | None = None) -> Problem:
    """The provider's own answer when it is not 2xx; *data* may be anything.

    `at` names the parameter that it calls unsupported, so that it can be sent under its other name.
    """
    error = _error_of(data)
    kind = _named_kind(error)
    if kind is None and _word(error, "type") == "insufficient_quota":
        kind = Kind.BUDGET
    if kind is None or (status >= 500 and kind is not Kind.CONTEXT_LENGTH):
        kind = _kind_of_status(status)
    if status < 400:  # a redirect: asking again would be sent away again
        return Problem(kind, _PUBLIC[kind], status=status, sign=Sign.PROVIDER_REFUSED)
    if status == 409:
        kind = Kind.UPSTREAM
    return _problem(kind, status=status, retry_after=retry_after, at=_unsupported(error))


def not_set_up(status: int) -> Problem:
    """Our own name for something is wrong."""
    return _problem(Kind.UPSTREAM_AUTH, status=status)


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
    return _problem(kind or _kind_of_status(_status_in(error)))


def _status_in(error: object) -> int:
    code = error.get("code") if isinstance(error, dict) else None
    found = _STATUS.fullmatch(str(code))
    return int(found[0]) if found else 500


def _kind_of_status(status: int) -> Kind:
    kind = Kind.BAD_REQUEST if 400 <= status < 500 else Kind.UPSTREAM
    return _KIND_OF_STATUS.get(status, kind)


def not_an_answer() -> Problem:
    """A 200 that is neither a stream nor a completion."""
    return Problem(Kind.UPSTREAM, _PUBLIC[Kind.UPSTREAM], sign=Sign.NOT_AN_ANSWER)


def _problem(
    kind: Kind, *, status: int | None = None, retry_after: float | None = None, at: str = ""
) -> Problem:
    sign = _SIGN_OF_KIND.get(kind, Sign.PROVIDER_REFUSED)
    return Problem(kind, _PUBLIC[kind], status=status, retry_after=retry_after, sign=sign, at=at)


def empty() -> Problem:
    return Problem(
        Kind.UPSTREAM, "The AI service gave no answer. Please try again.", sign=Sign.EMPTY_STREAM
    )


def cut() -> Problem:
    return Problem(Kind.UPSTREAM, "The answer was cut off. Please try again.", sign=Sign.CUT)


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
