"""What a model family calls things. A table, not a client. Source: contract providers.md §1."""

import re

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


def openai_traits(model: str) -> Traits:
    """What an OpenAI *model* can be told."""
    return next((traits for family, traits in _FAMILIES if family.match(model)), _UNKNOWN)


def other_limit_field(field: str) -> str:
    """What to try when a model refused *field*."""
    return "max_tokens" if field == "max_completion_tokens" else "max_completion_tokens"


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
