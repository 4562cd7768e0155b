"""The families of models that are known here, and what each of them can do.

A list of names, where the service goes by rules: so that they can disagree. Source: providers.md §2
and Anthropic, "Models overview", "Effort", "Structured outputs".
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    most_output: int = 64_000
    sampling: bool = True
    both_samplings: bool = False
    effort: bool = False
    schema: bool = True


_OLD = Family(4_096, both_samplings=True, schema=False)
_NEW = Family(128_000, sampling=False, effort=True)

FAMILIES: Mapping[str, Family] = {
    "claude-3-haiku": _OLD,
    "claude-3-opus": _OLD,
    "claude-3-5-haiku": Family(8_192, both_samplings=True, schema=False),
    "claude-3-5-sonnet": Family(8_192, both_samplings=True, schema=False),
    "claude-3-7-sonnet": Family(both_samplings=True, schema=False),
    "claude-haiku-4-5": Family(),
    "claude-opus-4": Family(32_000, both_samplings=True, schema=False),
    "claude-opus-4-1": Family(32_000, schema=False),
    "claude-opus-4-5": Family(effort=True),
    "claude-opus-4-6": Family(128_000, effort=True),
    "claude-opus-4-7": _NEW,
    "claude-opus-4-8": _NEW,
    "claude-opus-5": _NEW,
    "claude-sonnet-4": Family(both_samplings=True, schema=False),
    "claude-sonnet-4-5": Family(),
    "claude-sonnet-4-6": Family(128_000, effort=True),
    "claude-sonnet-5": _NEW,
}


def family_of(model: str) -> Family | None:
    """By its name, with or without a date; None for a model that is not Anthropic's."""
    known = FAMILIES.get(model) or FAMILIES.get(model.rpartition("-")[0])
    if known is not None:
        return known
    return Family(4_096, both_samplings=True) if model.startswith("claude-") else None


def dated(model: str) -> str:
    """What the answer calls it."""
    return f"{model}-20250929" if model in FAMILIES else model
