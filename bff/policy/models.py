"""What a model family calls things. A table, not a client. Source: contract providers.md §1."""

import re

# Families that still take `max_tokens`; the reasoning models refuse it, and so may anything newer.
_TAKES_MAX_TOKENS = re.compile(r"(gpt-3\.5|gpt-4|chatgpt-|davinci|babbage)")


def limit_field(model: str) -> str:
    """`max_tokens` or `max_completion_tokens`, by the name of an OpenAI *model*."""
    return "max_tokens" if _TAKES_MAX_TOKENS.match(model) else "max_completion_tokens"


def other_limit_field(field: str) -> str:
    """What to try when a model refused *field*."""
    return "max_tokens" if field == "max_completion_tokens" else "max_completion_tokens"


def image_tokens(model: str) -> int:
    """The most that one picture costs *model*, whatever its size.

    OpenAI scales a picture to at most 768 by 2048, eight tiles: 85 + 8 x 170 tokens for gpt-4o and
    its like, 2833 + 8 x 5667 for gpt-4o-mini; families that count patches stop at 1536 of them,
    times at most 2.46. Source: OpenAI, "Images and vision", cost of images.
    """
    if model.startswith("gpt-4o-mini"):
        return 48_169
    return 1_445 if model.startswith(("gpt-4o", "gpt-4.1", "gpt-4-")) else 3_779
