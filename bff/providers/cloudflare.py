"""Bends an Endpoint through Cloudflare's AI Gateway: the headers a gateway call carries.

Not a provider: whose endpoint it is stays the provider's business. Source: gateway.md §2, §3, §11.
"""

from dataclasses import dataclass

from bff.chat.request import Tags
from bff.dialects import cloudflare


@dataclass(frozen=True, slots=True)
class Gateway:
    """*token* is for an authenticated gateway; None for an open one."""

    token: str | None = None
    log_payload: bool = True

    def headers(self, tags: Tags, *, first_byte_s: float) -> dict[str, str]:
        return cloudflare.write_headers(
            tags, token=self.token, first_byte_s=first_byte_s, log_payload=self.log_payload
        )
