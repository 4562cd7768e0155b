"""Which hosts may install the add-on: an allow-list of patterns over the base URL they name.

One strict reading of the URL instead of a parser's many: no user info, no backslash, no other
script, no empty label, so nobody else can read another host in it. Source: node-bff.md §3.6.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_BASE_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])"
    r"(?::[0-9]{1,5})?"
    r"(?:[/?#][!-\[\]-~]*)?",  # printable ASCII without the backslash
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """A tenant's base URL as it was read."""

    text: str
    scheme: str
    host: str


def read_base_url(text: str) -> BaseUrl | None:
    """None unless *text* is an absolute http or https URL in plain spelling."""
    found = _BASE_URL.fullmatch(text)
    if found is None:
        return None
    return BaseUrl(text, found["scheme"].lower(), found["host"].lower())


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """*patterns* as they were written; `*` is any run of characters without a dot."""

    patterns: tuple[str, ...]
    matcher: re.Pattern[str]

    @classmethod
    def read(cls, written: str | Iterable[str]) -> "AllowedHosts":
        """*written* is a list of patterns, or one text that separates them with commas."""
        parts = written.split(",") if isinstance(written, str) else written
        patterns = tuple(part.strip() for part in parts if part.strip())
        expressions = (
            "[^.]*".join(re.escape(piece) for piece in pattern.lower().split("*"))
            for pattern in patterns
        )
        return cls(patterns, re.compile("|".join(f"(?:{one})" for one in expressions) or r"(?!)"))

    def allow(self, url: BaseUrl) -> bool:
        """The whole host name counts; scheme, port and path do not."""
        return self.matcher.fullmatch(url.host) is not None
