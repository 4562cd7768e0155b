"""Problem: the one failure we can explain, and its kinds.

The status and the envelope of an answer belong to the face's dialect, whose table covers every
Kind. Source of the kinds: contract providers.md §6.6; of the signs: gateway.md §11.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What went wrong, in our own words; every dialect has a row for each."""

    BAD_REQUEST = "bad_request"  # the body cannot be read at all
    INVALID = "invalid"  # the body can be read, its content is refused
    MEDIA_TYPE = "media_type"
    CALLER_AUTH = "caller_auth"
    CALLER_FORBIDDEN = "caller_forbidden"
    NOT_FOUND = "not_found"
    TOO_LARGE = "too_large"
    SLOW_BODY = "slow_body"
    CONTEXT_LENGTH = "context_length"
    CONTENT_POLICY = "content_policy"
    OWN_RATE_LIMIT = "own_rate_limit"
    BUDGET = "budget"
    UPSTREAM_RATE_LIMIT = "upstream_rate_limit"
    UPSTREAM_AUTH = "upstream_auth"
    OVERLOADED = "overloaded"
    UPSTREAM = "upstream"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    SHUTTING_DOWN = "shutting_down"
    INTERNAL = "internal"


class Sign(StrEnum):
    """What one attempt looked like from outside; retry and fallback decide by this alone."""

    NONE = "none"  # not an upstream failure
    UNREACHABLE = "unreachable"  # DNS, TCP, TLS, connect timeout, reset before headers
    NO_FIRST_BYTE = "no_first_byte"
    EDGE = "edge"  # 520-527, 530, or 502/503/504 whose body is not JSON
    EDGE_REFUSED = "edge_refused"  # 403, plain text `error code: 10xx`
    GATEWAY_CONFIG = "gateway_config"  # 2001 2008 2009 2040 2047
    GATEWAY_PROVIDER = "gateway_provider"  # 2002 2005
    EMPTY_STREAM = "empty_stream"  # 200, then ended before any content and no finish
    GATEWAY_LIMIT = "gateway_limit"  # 2003 2041 2045
    GATEWAY_POLICY = "gateway_policy"  # 2016 2017 2029 2030 7013
    GATEWAY_UNKNOWN = "gateway_unknown"  # a 5xx of the gateway's own under a code we do not know
    GATEWAY_BILLING = "gateway_billing"  # 402, 2021 2049
    PROVIDER_REFUSED = "provider_refused"  # the provider's own 4xx
    PROVIDER_BUSY = "provider_busy"  # the provider's own 429
    PROVIDER_DOWN = (
        "provider_down"  # 5xx with a JSON error object, or an error frame before content
    )
    NOT_AN_ANSWER = "not_an_answer"  # 200 that is neither a stream nor a completion
    CUT = "cut"  # broke after the stream had begun
    STALLED = "stalled"  # silent for longer than the idle limit, or a mere trickle
    POOL_FULL = "pool_full"  # never asked: all our connections to this vendor were taken


@dataclass(frozen=True, slots=True)
class Said:
    """A refusal as its vendor spelled it, in the dialect named *dialect*: passed on unchanged by a
    face of that dialect. *status* is 0 where it came inside a 200; *headers* are those that its
    callers read.
    """

    dialect: str
    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


class Problem(Exception):  # noqa: N818 - the house's word for it
    """A failure we can explain: a kind and one public sentence.

    *public* holds no key, no URL and no user content. *at* is where in the body
    ("messages[2].role"), *retry_after* seconds, *status* the HTTP status upstream answered with,
    if it did; *should_retry* is what upstream itself said of asking again, and *code* what it calls
    a fault in the question, if it did. *ours* says that its status is about us and is told to
    nobody. *original* is what upstream said in its own words, where it may be passed on.
    """

    def __init__(
        self,
        kind: Kind,
        public: str,
        *,
        at: str = "",
        retry_after: float | None = None,
        status: int | None = None,
        sign: Sign = Sign.NONE,
    ) -> None:
        super().__init__(f"{kind}: {public}")
        self.kind, self.public = kind, public
        self.at, self.retry_after = at, retry_after
        self.status, self.sign = status, sign
        self.should_retry: bool | None = None
        self.code = ""
        self.ours = False
        self.original: Said | None = None
