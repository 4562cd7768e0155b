"""What goes along beside a body that is passed on: a caller's headers and query on the way to
Anthropic, Anthropic's headers on the way back.

Only what is named here, so that no key and no cookie can. Source: api-faces.md §3, §4 "Claude
Code"; providers.md §2.
"""

import re
from collections.abc import Iterable, Mapping

_ASKED = ("anthropic-", "x-claude-code-")
_ASKED_TOO = frozenset({"x-app"})
_OF_A_PAGE = "anthropic-dangerous-"  # says that a browser asks, which Anthropic is not told
_TOLD = "anthropic-ratelimit-"
_TOLD_TOO = frozenset({"request-id", "retry-after", "x-should-retry"})
_MOST_HEADERS = 64
_MOST_CHARACTERS = 8 * 1024  # of a header's value
_BETA = re.compile(r"beta=[A-Za-z0-9_.-]{1,64}", re.ASCII)


def passed_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Those of a caller's *headers* that only Anthropic understands, known to us or not."""
    return _picked(
        (name, value)
        for name, value in _lower(headers)
        if (name.startswith(_ASKED) or name in _ASKED_TOO) and not name.startswith(_OF_A_PAGE)
    )


def passed_query(query: str) -> str:
    """`beta=true` of a raw *query*, and nothing beside it; empty where it is not there."""
    return next((one for one in query.split("&") if _BETA.fullmatch(one)), "")


def told_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Those of Anthropic's *headers* that its callers read."""
    return _picked(
        (name, value)
        for name, value in _lower(headers)
        if name.startswith(_TOLD) or name in _TOLD_TOO
    )


def _lower(headers: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    return ((name.lower(), value) for name, value in headers.items())


def _picked(named: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What can stand in a header again; said twice it is one list."""
    picked: dict[str, str] = {}
    for name, value in named:
        said = f"{picked[name]},{value}" if name in picked else value
        is_known = name in picked or len(picked) < _MOST_HEADERS
        if is_known and value and value.isprintable() and len(said) <= _MOST_CHARACTERS:
            picked[name] = said
    return picked
