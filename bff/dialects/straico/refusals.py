"""Straico's failures in our words: refusals by status, errors inside a 200, answers that are none.

None of it is documented: an error is a text, an object or a page, under any status, and only its
words tell one from another. They are judged here and shown to nobody. Source: providers.md §5
(Errors), §6.6.
"""

import re
from collections.abc import Iterator, Mapping

from bff.dialects.failures import failure, not_an_answer
from bff.dialects.json_text import read_json
from bff.errors import Kind, Problem, Sign

__all__ = ["not_an_answer", "read_error_inside", "read_refusal"]

_KIND_OF_STATUS: Mapping[int, Kind] = {
    401: Kind.UPSTREAM_AUTH,
    402: Kind.BUDGET,
    403: Kind.UPSTREAM_AUTH,
    408: Kind.TIMEOUT,
    409: Kind.UPSTREAM,
    413: Kind.TOO_LARGE,
    429: Kind.OVERLOADED,
    500: Kind.OVERLOADED,
    502: Kind.OVERLOADED,
    503: Kind.OVERLOADED,
    504: Kind.TIMEOUT,
    524: Kind.TIMEOUT,
    529: Kind.OVERLOADED,
}
_NO_COINS = re.compile(
    r"(insufficient|not (have )?enough|n[o']t have (enough|sufficient)|out of|no( more)?|run out of"
    r"|too few|lack\w*|need more)\s+(\w+ )?(coins?|credits?|balance|funds)\b"
    r"|\b(coins?|credits?|balance|funds)\b.{0,20}\b(insufficient|exhausted|used up|too low"
    r"|not (enough|sufficient))",
    re.IGNORECASE,
)
_OVERLOADED = re.compile(
    r"overload|unavailable|rate.?limit|too many requests|high demand",
    re.IGNORECASE,
)
_POLICY = re.compile(r"content.?(policy|filter)|moderation|flagged", re.IGNORECASE)
_KIND_OF_WORDS: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (re.compile(r"unauthori[sz]ed|api.?key|invalid token", re.IGNORECASE), Kind.UPSTREAM_AUTH),
    (
        re.compile(
            r"\bmodels?\b.{0,80}(not (found|exist|available|supported|valid)|n't exist|unknown"
            r"|invalid)|(unknown|invalid|no such|unsupported|not a valid) models?\b",
            re.IGNORECASE | re.DOTALL,
        ),
        Kind.NOT_FOUND,
    ),
    (
        re.compile(
            r"too (long|many (input )?tokens)|context.{0,10}(length|window)|word.?limit"
            r"|(exceed|maximum).{0,40}\b(tokens?|words?)\b",
            re.IGNORECASE,
        ),
        Kind.CONTEXT_LENGTH,
    ),
)
_WORDS_MOST = 2_000  # characters that are judged
_DEPTH_MOST = 3
_SPOKEN = ("error", "message", "detail", "errors", "code", "type")


def read_refusal(status: int, data: bytes, *, retry_after: float | None = None) -> Problem:
    """Straico's own answer when it is not 2xx, or the front's; *data* may be anything."""
    if status < 400:
        return failure(Kind.UPSTREAM, status=status)
    words = _said_in(data)
    kind = _kind_of(status, words)
    # whoever asked again, or elsewhere, would go round it; a page only links to one
    if kind is Kind.OVERLOADED and not _is_page(data) and _POLICY.search(words):
        kind = Kind.CONTENT_POLICY
    return _problem(kind, status=status, retry_after=retry_after)


def read_error_inside(value: Mapping[str, object]) -> Problem:
    """An error that came inside a 200: only its words tell what it is."""
    words = _joined(value)
    return _problem(_kind_of_words(words, overloaded=True) or Kind.UPSTREAM)


def _problem(kind: Kind, *, status: int | None = None, retry_after: float | None = None) -> Problem:
    """One model of theirs that is busy is not who asks it for us."""
    busy = kind is Kind.OVERLOADED and (status or 0) < 500
    sign = Sign.PROVIDER_BUSY if busy else None
    said = status if status is not None and status >= 400 else None
    return failure(kind, status=said, retry_after=retry_after, sign=sign)


def _kind_of(status: int, words: str) -> Kind:
    """Whoever has no coins is told so under any status that says something; where none does, the
    words count.
    """
    kind = _KIND_OF_STATUS.get(status)
    if (kind is not None or status >= 500) and _NO_COINS.search(words):
        return Kind.BUDGET
    if kind is None and status < 500:
        # a 422 is about the request, whatever it quotes of it
        kind = _kind_of_words(words, overloaded=status != 422)
        return kind or (Kind.NOT_FOUND if status == 404 else Kind.BAD_REQUEST)
    return kind or Kind.UPSTREAM


def _kind_of_words(words: str, *, overloaded: bool) -> Kind | None:
    """A policy's refusal may quote the question, which must not make it anything else."""
    if _POLICY.search(words):
        return Kind.CONTENT_POLICY
    if _NO_COINS.search(words):
        return Kind.BUDGET
    if overloaded and _OVERLOADED.search(words):
        return Kind.OVERLOADED
    return next((kind for pattern, kind in _KIND_OF_WORDS if pattern.search(words)), None)


def _is_page(data: bytes) -> bool:
    return data.lstrip()[:1] == b"<"


def _said_in(data: bytes) -> str:
    try:
        value = read_json(data)
    except ValueError:
        return data[:_WORDS_MOST].decode("utf-8", "replace")  # a page, or a bare text
    return _joined(value)


def _joined(value: object) -> str:
    return "\n".join(_spoken(value, _DEPTH_MOST))[:_WORDS_MOST]


def _spoken(value: object, depth: int) -> Iterator[str]:
    """The texts of an error, wherever it keeps them; never what it quotes in other fields."""
    if isinstance(value, str):
        yield value
    elif depth and isinstance(value, dict):
        for name in _SPOKEN:
            yield from _spoken(value.get(name), depth - 1)
    elif depth and isinstance(value, list):
        for inner in value:
            yield from _spoken(inner, depth - 1)
