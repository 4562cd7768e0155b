"""Which models callers are told of, which page of them, and when their vendors are asked again.

Only what can be asked is listed. Source: api-faces.md §1 (model names), §2 (`/v1/models`), §4 (n8n,
Claude Code); providers.md §1 (families), §4 (Salesforce's names).
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bff.chat.models import ListedModel, Model
from bff.errors import Kind, Problem
from bff.policy.api_keys import allows
from bff.policy.routing import FAMILY, Rules, Target, plan

LARGEST_PAGE = 1000

_LIMIT = re.compile(r"[0-9]{1,4}")
_SOON_S, _FIRST_RETRY_S, _LONGEST_RETRY_S = 1.0, 15.0, 900.0

# What OpenAI lists and does not answer in a chat: other media, base models, and those that are
# asked through its Responses API alone.
_NO_CHAT = re.compile(
    r"\b(audio|babbage|codex|computer-use|dall-e|davinci|deep-research|embedding|image|moderation"
    r"|realtime|sora|transcribe|translate|tts|whisper)\b"
    r"|^gpt-3\.5-turbo-instruct|^(o\d|gpt-5[\d.]*)-pro\b"
)
_FINE_TUNED = re.compile(r"ft:([^:]+)")

_SALESFORCE = tuple(
    ListedModel(f"sfdc_ai__Default{name}", display_name=f"{shown} (Salesforce)")
    for name, shown in (
        ("BedrockAnthropicClaude3Haiku", "Claude 3 Haiku"),
        ("BedrockAnthropicClaude37Sonnet", "Claude 3.7 Sonnet"),
        ("BedrockAnthropicClaude4Sonnet", "Claude 4 Sonnet"),
        ("BedrockAnthropicClaude46Sonnet", "Claude 4.6 Sonnet"),
        ("BedrockAnthropicClaude48Opus", "Claude 4.8 Opus"),
        ("BedrockAnthropicClaude5Sonnet", "Claude 5 Sonnet"),
        ("GPT4Omni", "GPT-4o"),
        ("GPT5", "GPT-5"),
        ("GPT51", "GPT-5.1"),
        ("GPT52", "GPT-5.2"),
        ("GPT54", "GPT-5.4"),
        ("GPT55", "GPT-5.5"),
        ("OpenAIGPT4OmniMini", "GPT-4o mini"),
        ("VertexAIGemini25Flash001", "Gemini 2.5 Flash"),
    )
)
_WITHOUT_A_LIST: Mapping[str, Sequence[ListedModel]] = {"salesforce": _SALESFORCE}


def chats(model: str) -> bool:
    """Whether a *model* on OpenAI's list answers chats, as far as its name tells."""
    tuned = _FINE_TUNED.match(model)
    return _NO_CHAT.search(tuned[1] if tuned else model) is None


def listed(
    rules: Rules,
    configured: Collection[str],
    named: Iterable[str],
    heard: Mapping[str, Sequence[ListedModel]],
) -> tuple[Model, ...]:
    """What callers are told of: public names first, then the models that the settings name
    (*named*, as `provider/model`), then what the *configured* vendors list (*heard*, by vendor).
    """
    of_vendors = list(_of_vendors(configured, heard))
    known = {f"{vendor}/{model.name}": model for vendor, model in of_vendors}
    aliases = (name for name in rules.aliases if not name.endswith(FAMILY))
    names = (*aliases, *rules.fallbacks, *named, *known)
    found = (_model(name, rules, configured, known) for name in dict.fromkeys(names))
    return tuple(model for model in found if model is not None)


def _of_vendors(
    configured: Collection[str], heard: Mapping[str, Sequence[ListedModel]]
) -> Iterator[tuple[str, ListedModel]]:
    """Vendors by name, the models of each with the newest first."""
    for vendor in sorted(configured):
        models = heard.get(vendor) or _WITHOUT_A_LIST.get(vendor, ())
        for model in sorted(models, key=lambda model: (-model.created, model.name)):
            if vendor != "openai" or chats(model.name):
                yield vendor, model


def _model(
    name: str, rules: Rules, configured: Collection[str], known: Mapping[str, ListedModel]
) -> Model | None:
    """*name* as it is listed; None where nobody answers for it."""
    target = _first(name, rules, configured)
    if target is None:
        return None
    model = known.get(target.name) or ListedModel(target.model)
    means_itself = name == target.name
    return Model(
        id=name,
        target=target.name,
        created=model.created,
        display_name=(model.display_name or _shown(model.name)) if means_itself else name,
        description="" if means_itself else f"Answered by {target.name}.",
        lifecycle=model.lifecycle or "active",
    )


def _first(name: str, rules: Rules, configured: Collection[str]) -> Target | None:
    try:
        return plan(name, rules, configured)[0]
    except Problem:
        return None


def _shown(name: str) -> str:
    """OpenAI tells no names to show, and writes its own like this."""
    return re.sub(r"^gpt-", "GPT-", name)


def visible(models: Sequence[Model], patterns: Collection[str]) -> Sequence[Model]:
    """Those that a key may ask whose models are *patterns*."""
    if not patterns:
        return models
    return tuple(model for model in models if allows(patterns, model.id, model.target))


def find(
    models: Iterable[Model], name: str, rules: Rules, configured: Collection[str]
) -> Model | None:
    """The model that is listed as *name*, else the one that a caller who asks for *name* gets:
    `gpt-4o` without its vendor, an alias with a date. None for what is not listed at all.
    """
    by_id = {model.id: model for model in models}
    if name in by_id:
        return by_id[name]
    target = _first(name, rules, configured)
    if target is None:
        return None
    meant = (model for model in by_id.values() if model.target == target.name)
    return by_id.get(target.name) or next(meant, None)


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the list. *has_more*: whether there are further ones in the direction asked."""

    models: Sequence[Model]
    has_more: bool

    @property
    def first_id(self) -> str | None:
        return self.models[0].id if self.models else None

    @property
    def last_id(self) -> str | None:
        return self.models[-1].id if self.models else None


def page(
    models: Sequence[Model],
    *,
    limit: str | None = None,
    after_id: str | None = None,
    before_id: str | None = None,
) -> Page:
    """The page that a query asks for, in Anthropic's words; without *limit* all there are.

    Raises Problem(INVALID) that names the parameter. Source: Anthropic, "List Models".
    """
    most = len(models) if limit is None else _read_limit(limit)
    if after_id and before_id:
        raise _refused("before_id", "Give after_id or before_id, not both.")
    if before_id:
        end = _place(models, before_id, "before_id")
        start = max(0, end - most)
        return Page(models[start:end], start > 0)
    start = _place(models, after_id, "after_id") + 1 if after_id else 0
    return Page(models[start : start + most], start + most < len(models))


def _read_limit(text: str) -> int:
    if not _LIMIT.fullmatch(text) or not 1 <= int(text) <= LARGEST_PAGE:
        raise _refused("limit", f"This must be a whole number, 1 to {LARGEST_PAGE}.")
    return int(text)


def _place(models: Sequence[Model], id_: str, at: str) -> int:
    place = next((n for n, model in enumerate(models) if model.id == id_), None)
    if place is None:
        raise _refused(at, "There is no such model on the list.")
    return place


def _refused(at: str, public: str) -> Problem:
    return Problem(Kind.INVALID, public, at=at)


def first_look(roll: float) -> float:
    """Seconds to the first look at a vendor's list: once we listen, and not all at one moment.
    *roll* is a random number in [0, 1).
    """
    return _SOON_S * (0.5 + roll)


def next_look(every_s: float, *, failed: int, roll: float) -> float:
    """Seconds to the next look. After *failed* ones in a row sooner than *every_s*, and each time
    later; processes that were started together drift apart.
    """
    retry_s = min(_FIRST_RETRY_S * 2 ** min(failed - 1, 10), _LONGEST_RETRY_S)
    return (min(every_s, retry_s) if failed else every_s) * (0.9 + 0.2 * roll)
