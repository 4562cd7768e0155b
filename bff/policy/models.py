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
