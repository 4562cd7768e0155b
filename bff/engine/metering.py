"""What is known of one answer: who gave it, how, how fast, how much. Filled in as its chunks go by.

Not a ledger: nothing is stored here. Source: gateway.md §11 "Read", api-faces.md §1, §9;
providers.md §6.5 (usage), §7.5 (modes).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from bff.chat.events import (
    Chunk,
    Event,
    Finished,
    Flagged,
    Started,
    TextDelta,
    ThoughtDelta,
    ToolDelta,
    UsageReported,
)
from bff.chat.request import ChatRequest
from bff.chat.usage import estimated_usage, tokens_of

_WORD = re.compile(r"[!-~]{1,200}")


class Mode(StrEnum):
    NATIVE = "native"  # the vendor's own words, passed on
    TRANSLATED = "translated"
    SIMULATED = "simulated"  # it came whole and is replayed


class Status(StrEnum):
    COMPLETE = "complete"
    FAILED = "failed"
    CANCELLED = "cancelled"  # its reader left


class UsageSource(StrEnum):
    REPORTED = "reported"
    ESTIMATED = "estimated"
    NONE = "none"  # no answer had begun


@dataclass(slots=True)
class Facts:
    """Seconds are counted from the question. *attempts* counts every try on every way,
    *targets_tried* the models asked.

    *mode* is that of the model being asked; *sure_mode* says that no other can come. *model_used*
    is told where the model is not simply what the caller wrote. *usage* is upstream's until the
    answer is left; then what is missing has been estimated, and *usage_source* says so. *passed*
    are upstream's headers that a face of its own dialect passes on.
    """

    provider: str = ""
    model: str = ""
    via: str = ""
    attempts: int = 0
    targets_tried: int = 0
    mode: str = ""
    sure_mode: bool = False
    model_used: str | None = None
    ignored: tuple[str, ...] = ()
    passed: Mapping[str, str] = field(default_factory=dict)
    log_id: str | None = None
    cache_status: str | None = None
    gateway_step: str | None = None
    gateway_request_id: str | None = None
    ray: str | None = None
    headers_s: float | None = None
    first_content_s: float | None = None
    answer_id: str = ""
    feedback_id: str = ""
    toxic: bool = False
    usage: UsageReported | None = None
    usage_source: UsageSource = UsageSource.NONE
    finish_reason: str | None = None
    status: Status = Status.CANCELLED  # until it is known better
    fallback_reasons: list[str] = field(default_factory=list)
    _characters: int = field(default=0, repr=False)
    _counted: int = field(default=0, repr=False)  # how many of them the last usage knew of

    def begin_try(self, via: str) -> None:
        """Nothing of an earlier try is left."""
        self.attempts += 1
        self.via = via
        self.log_id = self.cache_status = self.headers_s = None
        self.gateway_step = self.gateway_request_id = self.ray = None
        self.passed = {}
        self.answer_id = self.feedback_id = ""
        self.toxic, self.finish_reason = False, None
        self.usage, self._characters, self._counted = None, 0, 0

    def note_headers(self, headers: Mapping[str, str], seconds: float) -> None:
        """What upstream's headers told, before its first chunk."""
        self.headers_s = seconds
        self.log_id = _word(headers, "cf-aig-log-id")
        self.cache_status = _word(headers, "cf-aig-cache-status")
        self.gateway_step = _word(headers, "cf-aig-step")
        self.gateway_request_id = _word(headers, "cf-aig-request-id")
        self.ray = _word(headers, "cf-ray")

    def note(self, batch: Sequence[Chunk]) -> None:
        for chunk in batch:
            for event in chunk.events:
                if type(event) is TextDelta:  # nearly all of them
                    self._characters += len(event.text)
                else:
                    self._note(event)

    def _note(self, event: Event) -> None:
        match event:
            case ThoughtDelta(text):
                self._characters += len(text)
            case ToolDelta(_, arguments):
                self._characters += len(arguments)
            case Started():
                self.answer_id, self.feedback_id = event.id, event.feedback_id
            case UsageReported():
                self.usage, self._counted = event, self._characters
            case Flagged():
                self.toxic = True
            case Finished():
                self.finish_reason = event.reason.value

    def settle_usage(self, request: ChatRequest) -> None:
        """The answer is left, whatever ended it: from now on its usage is final."""
        if self.usage is not None:
            self.usage = self._raised(self.usage)
        elif self.headers_s is not None:
            self.usage = estimated_usage(request, self._characters)
        if self.usage is not None:
            estimated = self.usage.estimated
            self.usage_source = UsageSource.ESTIMATED if estimated else UsageSource.REPORTED

    def _raised(self, usage: UsageReported) -> UsageReported:
        """What came after upstream last counted is not in its figure, if the stream broke there."""
        least = tokens_of(self._characters)
        if self._characters == self._counted or least <= usage.completion_tokens:
            return usage
        total = max(usage.total_tokens, usage.prompt_tokens + least)
        return replace(usage, completion_tokens=least, total_tokens=total, estimated=True)


def _word(headers: Mapping[str, str], name: str) -> str | None:
    """One short printable word, or nothing: it goes into our headers and our log."""
    value = headers.get(name, "")
    return value if _WORD.fullmatch(value) else None
