"""What Cloudflare's AI Gateway says in its own words: errors, metadata, guard findings, ids. Pure.

Source: gateway.md §3-§5. Messages are ours where only the code is known.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import orjson

METADATA_ENTRIES = 5
GUARDRAILS_OR_DLP = frozenset({2016, 2017, 2029, 2030})
AFTER_THE_PROVIDER = frozenset(
    {2017, 2030}
)  # it was asked, and paid, before the answer was blocked
WITHOUT_LOG = frozenset({401, 402})  # statuses of rejections that name no log
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ERRORS: Mapping[int, tuple[int, str]] = {
    2001: (400, "Please configure AI Gateway in the Cloudflare dashboard"),
    2002: (400, "Could not parse the model's output"),
    2003: (429, "Rate limited"),
    2005: (400, "Failed to get response from provider"),
    2008: (400, "Invalid provider"),
    2009: (401, "Unauthorized"),
    2016: (424, "Prompt blocked due to security configurations"),
    2017: (424, "Response blocked due to security configurations"),
    2019: (400, "Invalid request body"),
    2021: (402, "Insufficient credits"),
    2029: (400, "Request content blocked due to DLP policy violations"),
    2030: (400, "Response content blocked due to DLP policy violations"),
    2040: (400, "No stored key under that alias"),
    2041: (429, "Spend limit exceeded: rule 'simulated', window 86400 s"),
    2045: (429, "Spend limit exceeded: rule 'simulated', window 3600 s"),
    2047: (401, "Model is not available through Unified Billing"),
    2049: (402, "Guardrails needs credits"),
    7003: (400, "Bad input"),
    7013: (503, "Guardrails scanner is unavailable"),
}


@dataclass(eq=False)
class GatewayRefusal(Exception):  # noqa: N818 - what Cloudflare calls an error is a refusal to us
    """The gateway's own answer, instead of the provider's. *status* None: the code's own."""

    code: int
    status: int | None = None

    @property
    def http_status(self) -> int:
        return self.status or _ERRORS.get(self.code, (400, ""))[0]

    @property
    def body(self) -> dict[str, Any]:
        message = _ERRORS.get(self.code, (400, f"Error {self.code}"))[1]
        return {
            "success": False,
            "result": [],
            "messages": [],
            "error": [{"code": self.code, "message": message}],
            "name": "AiGatewayError",
            "httpCode": self.http_status,
            "internalCode": self.code,
            "message": message,
            "description": message,
        }


def findings(code: int) -> str:
    """The `cf-aig-dlp` header of a block; *code* tells which side was looked at."""
    profile = {
        "context": {},
        "entry_ids": ["a1b2c3d4-0000-4000-8000-000000000001"],
        "profile_id": "a1b2c3d4-0000-4000-8000-000000000002",
    }
    finding = {
        "profile": profile,
        "policy_ids": ["simulated-policy"],
        "check": "RESPONSE" if code in AFTER_THE_PROVIDER else "REQUEST",
    }
    return orjson.dumps({"action": "BLOCK", "findings": [finding]}).decode()


def edge_page(status: int, ray: str) -> str:
    """What the edge says when it has no answer: a page."""
    return (
        f"<!DOCTYPE html>\n<html><head><title>{status}: error</title></head>\n"
        f"<body><h1>Error {status}</h1><p>Ray ID: {escape(ray)}</p></body></html>\n"
    )


def read_metadata(header: str | None) -> dict[str, str | int | float | bool]:
    """The entries that are kept: the first five, and none at all when one is not a scalar."""
    try:
        value = orjson.loads(header or "{}")
    except ValueError:
        return {}
    if not isinstance(value, dict):
        return {}
    if not all(isinstance(entry, str | int | float) for entry in value.values()):
        return {}
    return dict(list(value.items())[:METADATA_ENTRIES])


def read_cost(header: str | None, tokens_in: int, tokens_out: int) -> float | None:
    """What the caller says it costs, in dollars; None without a header or without usage."""
    try:
        said = orjson.loads(header or "null")
        if not isinstance(said, dict) or not tokens_in + tokens_out:
            return None
        if "total_cost" in said:
            return float(said["total_cost"])
        per_in, per_out = said.get("per_token_in", 0), said.get("per_token_out", 0)
        return float(per_in) * tokens_in + float(per_out) * tokens_out
    except (ValueError, TypeError):
        return None


def cache_key(provider: str, endpoint: str, authorization: str, body: bytes) -> str:
    """Everything counts but the metadata. The body holds the model."""
    parts = (provider.encode(), endpoint.encode(), authorization.encode(), body)
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def log_id(milliseconds: int, chance: int) -> str:
    """A ULID: 48 bits of time, 80 of *chance*."""
    number = (milliseconds % 2**48) << 80 | chance % 2**80
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def api_answer(result: object) -> dict[str, Any]:
    """The envelope of Cloudflare's API, which is not the gateway's."""
    return {"success": True, "errors": [], "messages": [], "result": result}


def api_error(code: int, message: str) -> dict[str, Any]:
    failed = {"code": code, "message": message}
    return {"success": False, "errors": [failed], "messages": [], "result": None}
