"""What a model family calls things. A table, not a client. Source: providers.md §1, §2."""

import re
from functools import lru_cache

from bff.chat.traits import Traits

# The first that fits counts. Families that still take `max_tokens` do not think; those that think
# refuse that name, and sampling with it. `gpt-5-chat` does not think. Azure writes gpt-35.
_FAMILIES = (
    (
        re.compile(r"gpt-3\.?5|gpt-4|chatgpt-|davinci|babbage"),
        Traits(limit_field="max_tokens", effort=False),
    ),
    (
        re.compile(r"o\d|gpt-5(?!-chat)"),
        Traits(only_limit=True, sampling=False, thinks_long=True),
    ),
)
_UNKNOWN = Traits()


@lru_cache(maxsize=256)
def openai_traits(model: str) -> Traits:
    """What an OpenAI *model* can be told."""
    return next((traits for family, traits in _FAMILIES if family.match(model)), _UNKNOWN)


def other_limit_field(field: str) -> str:
    """What to try when a model refused *field*."""
    return "max_tokens" if field == "max_completion_tokens" else "max_completion_tokens"


# `claude-opus-4-1-20250805`, and as the third generation was called: `claude-3-5-haiku-latest`.
_CLAUDE = re.compile(
    r"claude-(?:(?P<family>[a-z]+)-)?(?P<major>\d{1,2})(?:[-.](?P<minor>\d{1,2}))?(?!\d)"
)
# The most tokens of an answer, from that generation on. A later one has no less, as far as we know.
_MOST_OUTPUT = (((3, 7), 64_000), ((3, 5), 8_192), ((0, 0), 4_096))
_SMALL_OPUS, _LARGE = 32_000, 128_000


def anthropic_traits(model: str) -> Traits:
    """What a Claude *model* can be told. One that we do not know is told only what all of them
    take: the newest refuse sampling, the oldest a schema and an effort. Source: Anthropic, "Models
    overview", "Effort", "Structured outputs", and providers.md §2.
    """
    found = _CLAUDE.match(model)
    if found is None:
        return Traits(sampling=False, both_samplings=False, effort=False, schema=False)
    family, generation = found["family"], (int(found["major"]), int(found["minor"] or 0))
    return Traits(
        most_output=_most_output(family, generation),
        sampling=generation < (4, 7),
        both_samplings=generation < (4, 1),
        effort=generation >= ((4, 5) if family == "opus" else (4, 6)),
        schema=generation >= (4, 5),
    )


def _most_output(family: str | None, generation: tuple[int, int]) -> int:
    if family == "opus" and (4, 0) <= generation < (4, 5):
        return _SMALL_OPUS
    if family in ("opus", "sonnet") and generation >= (4, 6):
        return _LARGE
    return next(most for since, most in _MOST_OUTPUT if generation >= since)


# The most that one picture costs, by the beginning of the model's name; the first that fits counts.
# Tiles: scaled to 768 by 2048 at most, that is eight of them, and a base. Patches: so many at most,
# times the family's factor. Source: OpenAI, "Images and vision", calculating costs.
_PICTURE_COSTS = (
    ("gpt-4o-mini", 2_833 + 8 * 5_667),
    ("gpt-4o", 85 + 8 * 170),
    ("gpt-4.1-mini", 2_489),  # 1,536 patches, times 1.62
    ("gpt-4.1-nano", 3_779),  # times 2.46
    ("gpt-4.1", 1_536),
    ("gpt-4-", 85 + 8 * 170),
)
_UNKNOWN_PICTURE = 12_000  # the newest families take 10,000 patches, times 1.2


def image_tokens(model: str) -> int:
    """The most that one picture costs *model*, whatever its size."""
    return next((cost for name, cost in _PICTURE_COSTS if model.startswith(name)), _UNKNOWN_PICTURE)
