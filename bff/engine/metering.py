"""What is known of one answer: who gave it, how fast, how much. Filled in as its chunks go by.

Not a ledger: nothing is stored here. Source: gateway.md §11 "Read", api-faces.md §9.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bff.chat.events import Chunk, Finished, UsageReported

_WORD = re.compile(r"[!-~]{1,200}")


@dataclass(slots=True)
class Facts:
    """Seconds are counted from the question. *attempts* counts every try on every way."""

    provider: str = ""
    model: str = ""
    via: str = ""
    attempts: int = 0
    log_id: str | None = None
    cache_status: str | None = None
    gateway_step: str | None = None
    gateway_request_id: str | None = None
    ray: str | None = None
    headers_s: float | None = None
    first_content_s: float | None = None
    usage: UsageReported | None = None
    finish_reason: str | None = None
    fallback_reasons: list[str] = field(default_factory=list)

    def note_headers(self, headers: Mapping[str, str], seconds: float) -> None:
        """What upstream's headers told, before its first chunk. Replaces what an earlier try
        told.
        """
        self.headers_s = seconds
        self.log_id = _word(headers, "cf-aig-log-id")
        self.cache_status = _word(headers, "cf-aig-cache-status")
        self.gateway_step = _word(headers, "cf-aig-step")
        self.gateway_request_id = _word(headers, "cf-aig-request-id")
        self.ray = _word(headers, "cf-ray")

    def note_chunk(self, chunk: Chunk) -> None:
        for event in chunk.events:
            if isinstance(event, Finished):
                self.finish_reason = event.reason.value
            elif isinstance(event, UsageReported):
                self.usage = event


def _word(headers: Mapping[str, str], name: str) -> str | None:
    """One short printable word, or nothing: it goes into our headers and our log."""
    value = headers.get(name, "")
    return value if _WORD.fullmatch(value) else None
