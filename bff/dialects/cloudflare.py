"""How Cloudflare's AI Gateway speaks beside the provider's words: headers both ways, and its
errors.

Not the provider's errors: what is not recognised here is the provider's own. Source: gateway.md
§3-§5, §11.
"""

import re
from collections.abc import Mapping

from bff.chat.request import Tags
from bff.dialects.json_text import read_json, write_ascii
from bff.errors import Kind, Problem, Sign

METADATA_LIMIT = 1024  # bytes of the header, ours; Cloudflare takes five entries and no more

_EDGE_ALWAYS = frozenset({*range(520, 528), 530})
_EDGE_UNLESS_JSON = frozenset({502, 503, 504})
_CODE = re.compile(rb'"(?:internalCode|code)"\s*:\s*(\d{1,6})')
_EDGE_REFUSED = re.compile(rb"\s*error code: 10\d\d\s*")

_CONFIG = (Kind.UPSTREAM_AUTH, Sign.GATEWAY_CONFIG)
_PROVIDER = (Kind.UPSTREAM, Sign.GATEWAY_PROVIDER)
_POLICY = (Kind.CONTENT_POLICY, Sign.GATEWAY_POLICY)
_SPEND = (Kind.BUDGET, Sign.GATEWAY_LIMIT)
_BILLING = (Kind.BUDGET, Sign.GATEWAY_BILLING)
_CODES: Mapping[int, tuple[Kind, Sign]] = {
    2001: _CONFIG,
    2002: _PROVIDER,
    2003: (Kind.OWN_RATE_LIMIT, Sign.GATEWAY_LIMIT),
    2005: _PROVIDER,
    2008: _CONFIG,
    2009: _CONFIG,
    2016: _POLICY,
    2017: _POLICY,
    2021: _BILLING,
    2029: _POLICY,
    2030: _POLICY,
    2040: _CONFIG,
    2041: _SPEND,
    2045: _SPEND,
    2047: _CONFIG,
    2049: _BILLING,
    7013: _POLICY,
}
_NEVER_ROUND = frozenset({Sign.GATEWAY_LIMIT, Sign.GATEWAY_POLICY, Sign.GATEWAY_BILLING})
_PUBLIC: Mapping[Kind, str] = {
    Kind.UPSTREAM_AUTH: "The AI gateway is not set up correctly. Please tell your administrator.",
    Kind.UPSTREAM: "The AI gateway could not reach the model. Please try again.",
    Kind.OWN_RATE_LIMIT: "Too many requests at the moment. Please try again in a minute.",
    Kind.BUDGET: "The spending limit for AI answers has been reached.",
    Kind.CONTENT_POLICY: "The request was declined by a content policy.",
    Kind.BAD_REQUEST: "The AI gateway refused this request.",
}


def write_headers(
    tags: Tags, *, token: str | None, first_byte_s: float, log_payload: bool = True
) -> dict[str, str]:
    """What every gateway call carries (gateway.md §11 "Send"). *first_byte_s* is our own budget."""
    headers = {
        "cf-aig-no-wholesale": "true",
        "cf-aig-max-attempts": "1",
        "cf-aig-skip-cache": "true",
        "cf-aig-collect-log-payload": "true" if log_payload else "false",
        "cf-aig-request-timeout": str(round(max(first_byte_s - 1, first_byte_s / 2) * 1000)),
        "cf-aig-metadata": write_metadata(tags),
    }
    if token:
        headers["cf-aig-authorization"] = f"Bearer {token}"
    return headers


def write_metadata(tags: Tags) -> str:
    """Exactly five strings as ASCII JSON: a sixth is dropped silently, a null drops all of them."""
    metadata = {
        "app": tags.face,
        "tenant": tags.tenant,
        "user": tags.user,
        "conv": tags.conversation,
        "req": tags.request_id,
    }
    text = write_ascii(metadata)
    if len(text) > METADATA_LIMIT or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("gateway metadata must be five short strings")
    return text.decode("ascii")


def read_refusal(status: int, content_type: str, data: bytes) -> Problem | None:
    """The gateway's or the edge's own failure; None when the answer is the provider's."""
    value = _json(data)
    code = _gateway_code(value)
    if code is None and value is None and b'"AiGatewayError"' in data:
        code = _code_of_part(data)
    if code is not None:
        kind, sign = _CODES.get(code, _by_status(status))
        return Problem(kind, _PUBLIC[kind], status=status, sign=sign)
    says_json = "json" in content_type or data.lstrip()[:1] == b"{"
    if status in _EDGE_ALWAYS or (status in _EDGE_UNLESS_JSON and not says_json):
        kind = Kind.TIMEOUT if status in (504, 522, 524) else Kind.CONNECTION
        return Problem(
            kind,
            "The AI service could not be reached. Please try again.",
            status=status,
            sign=Sign.EDGE,
        )
    if status == 403 and _EDGE_REFUSED.fullmatch(data) and "json" not in content_type:
        return Problem(
            Kind.UPSTREAM_AUTH, _PUBLIC[Kind.UPSTREAM_AUTH], status=status, sign=Sign.EDGE_REFUSED
        )
    return None


def _by_status(status: int) -> tuple[Kind, Sign]:
    """A code we do not know is never a reason to go round the gateway, nor to another model: it may
    be a policy's.
    """
    if status == 402:
        return _BILLING
    if status == 424:
        return _POLICY
    if status == 429:
        return _SPEND
    if status >= 500:
        return Kind.UPSTREAM, Sign.GATEWAY_UNKNOWN
    return Kind.BAD_REQUEST, Sign.PROVIDER_REFUSED


def _gateway_code(value: object) -> int | None:
    """The internal code of an AiGatewayError; 0 when it has none; None when it is not one."""
    if not isinstance(value, dict):
        return None
    listed = value.get("error")
    if value.get("name") != "AiGatewayError" and not (
        value.get("success") is False and isinstance(listed, list)
    ):
        return None
    code = value.get("internalCode")
    if code is None and isinstance(listed, list) and listed and isinstance(listed[0], dict):
        code = listed[0].get("code")
    return code if isinstance(code, int) else 0


def _code_of_part(data: bytes) -> int:
    """Too long, or cut, it is still the gateway's; but it may be a provider that quotes a caller,
    so that it is never a reason to go round the gateway.
    """
    found = _CODE.search(data)
    code = int(found[1]) if found else 0
    return code if code in _CODES and _CODES[code][1] in _NEVER_ROUND else 0


def _json(data: bytes) -> object:
    try:
        return read_json(data)
    except ValueError:
        return None
