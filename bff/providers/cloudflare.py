"""Bends an Endpoint through Cloudflare's AI Gateway: the headers a gateway call carries, and
its own errors before the vendor's.

Not a provider: whose endpoint it is stays the provider's business. Source: gateway.md §2, §3, §5,
§11.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from bff.chat.events import Chunk
from bff.chat.request import Tags
from bff.dialects import cloudflare
from bff.errors import Problem
from bff.providers._http import Dialect


@dataclass(frozen=True, slots=True)
class Gateway:
    """*token* is for an authenticated gateway; None for an open one."""

    token: str | None = None
    log_payload: bool = True

    def headers(self, tags: Tags, *, first_byte_s: float) -> dict[str, str]:
        return cloudflare.write_headers(
            tags, token=self.token, first_byte_s=first_byte_s, log_payload=self.log_payload
        )


def behind_gateway(dialect: Dialect) -> Dialect:
    """The gateway's own words come first: they are not shaped like the vendor's."""
    return replace(
        dialect,
        read_whole=_whole(dialect.read_whole),
        read_refusal=_refusal(dialect.read_refusal),
        read_between=_read_error,
    )


def _read_error(data: bytes) -> Problem | None:
    """The gateway's own error inside a 200, whole or as an event."""
    return cloudflare.read_refusal(200, "application/json", data)


def _whole(read_whole: Callable[[bytes], list[Chunk]]) -> Callable[[bytes], list[Chunk]]:
    def read(data: bytes) -> list[Chunk]:
        problem = _read_error(data)
        if problem is not None:
            raise problem
        return read_whole(data)

    return read


def _refusal(
    read_refusal: Callable[[int, str, bytes, float | None], Problem],
) -> Callable[[int, str, bytes, float | None], Problem]:
    def read(status: int, content_type: str, data: bytes, wait: float | None) -> Problem:
        problem = cloudflare.read_refusal(status, content_type, data)
        return problem or read_refusal(status, content_type, data, wait)

    return read
