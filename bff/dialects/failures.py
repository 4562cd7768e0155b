"""What every vendor's dialect says of a failure: its kind by the status, one public sentence for
each kind, and the sign by which it is decided what follows.

None of it is the vendor's own words: those may hold what is ours or the caller's. Source: contract
providers.md §6.6.
"""

import re
from collections.abc import Mapping

from bff.errors import Kind, Problem, Sign

_KIND_OF_STATUS: Mapping[int, Kind] = {
    401: Kind.UPSTREAM_AUTH,
    402: Kind.UPSTREAM_AUTH,
    403: Kind.UPSTREAM_AUTH,
    404: Kind.NOT_FOUND,
    408: Kind.TIMEOUT,
    409: Kind.UPSTREAM,  # a conflict: asked again it may be none
    413: Kind.TOO_LARGE,
    429: Kind.UPSTREAM_RATE_LIMIT,
    503: Kind.OVERLOADED,
    504: Kind.TIMEOUT,
    524: Kind.TIMEOUT,
    529: Kind.OVERLOADED,
}
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
_OUR_ACCOUNT = re.compile(
    r"\b(?:sk|pk|org|proj)[-_][a-z0-9*][\w*-]{5,}"
    r"|\b(?:your|this) (?:organization|workspace|project|account|plan|subscription|api key)"
    r"|\bcredit balance\b|\bbilling\b|[\w-]+\.azure\.com\b",
    re.IGNORECASE | re.ASCII,
)


def kind_of_status(status: int) -> Kind:
    """What a status that is not 2xx says by itself."""
    kind = Kind.BAD_REQUEST if 400 <= status < 500 else Kind.UPSTREAM
    return _KIND_OF_STATUS.get(status, kind)


def failure(
    kind: Kind,
    *,
    status: int | None = None,
    retry_after: float | None = None,
    at: str = "",
    public: str = "",
    sign: Sign | None = None,
) -> Problem:
    """*public* and *sign* where they are not simply the kind's. A *status* below 400 is a redirect:
    asking again would be sent away again.
    """
    if status is not None and status < 400:
        sign, retry_after, at = Sign.PROVIDER_REFUSED, None, ""
    return Problem(
        kind,
        public or _PUBLIC[kind],
        status=status,
        retry_after=retry_after,
        sign=sign or _SIGN_OF_KIND.get(kind, Sign.PROVIDER_REFUSED),
        at=at,
    )


def names_our_account(text: str) -> bool:
    """Whether a vendor's sentence says something of who pays it: nobody else's business."""
    return _OUR_ACCOUNT.search(text) is not None


def not_an_answer() -> Problem:
    """A 2xx that is none of what the vendor answers with."""
    return failure(Kind.UPSTREAM, sign=Sign.NOT_AN_ANSWER)


def empty() -> Problem:
    return failure(
        Kind.UPSTREAM,
        public="The AI service gave no answer. Please try again.",
        sign=Sign.EMPTY_STREAM,
    )


def cut() -> Problem:
    return failure(Kind.UPSTREAM, public="The answer was cut off. Please try again.", sign=Sign.CUT)
