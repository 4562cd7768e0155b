"""One member of a JSON object told anew, and not another byte of it touched.

For bodies that are passed on as they came: written anew they would be spelled otherwise, and what
is spelled otherwise is cached anew. Nothing is parsed here; *body* has been. Source: api-faces.md
§3, §4; RFC 8259.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate, pairwise

from bff.dialects.json_text import read_json, write_ascii

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_OPENING, _CLOSING = (b"{", b"["), (b"}", b"]")
_BACKSLASH = ord("\\")


def replace_top_level(body: bytes, name: str, value: str) -> bytes | None:
    """*body*, a valid JSON object in UTF-8 with a member *name*, with *value* in its place: the
    same bytes where it is that already. *name* is made of ASCII letters and `_`.

    None where there are several of them, for readers differ in which one counts; and where it is no
    string.
    """
    places = _members(body, name)
    said = _STRING.match(body, places[0]) if len(places) == 1 else None
    if said is None:
        return None
    if read_json(said[0]) == value:
        return body
    return b"".join((body[: said.start()], write_ascii(value), body[said.end() :]))


def _members(body: bytes, name: str) -> list[int]:
    """Where the values of the object's own members of that *name* begin.

    A quote that is not escaped begins a string or ends one, and behind the end of one no letter may
    stand: so a key is known where it stands. How deep it stands must be counted, which is slow, and
    only needed where there are several: the object has one.
    """
    keys = [match for start in _starts(body, name) if (match := _key(name).match(body, start))]
    if len(keys) < 2:
        return [key.end() for key in keys]
    depths = accumulate(_turns(body, [0, *(key.start() for key in keys), len(body)]))
    return [key.end() for key, depth in zip(keys, depths, strict=False) if depth == 1]


def _turns(body: bytes, bounds: list[int]) -> list[int]:
    """How much deeper it is at the end of each part than at its beginning. All of them together
    make nothing, so that the longest need not be looked at.
    """
    parts = list(pairwise(bounds))
    longest = max(parts, key=lambda part: part[1] - part[0])
    turns = [0 if part == longest else _depth(body[part[0] : part[1]]) for part in parts]
    turns[parts.index(longest)] = -sum(turns)
    return turns


def _starts(body: bytes, name: str) -> Iterator[int]:
    """Where a key *name* may begin."""
    if b"\\u00" in body:  # some letter is escaped, perhaps one of a key
        yield from (key.start() for key in _key(name).finditer(body) if _is_free(body, key.start()))
        return
    quoted = f'"{name}"'.encode("ascii")
    start = body.find(quoted)
    while start >= 0:
        if _is_free(body, start):
            yield start
        start = body.find(quoted, start + 1)


def _is_free(body: bytes, quote: int) -> bool:
    return body[quote - 1] != _BACKSLASH


def _depth(part: bytes) -> int:
    """How much deeper it is behind *part*, which begins and ends between two tokens."""
    bare = _STRING.sub(b"", part)
    return sum(map(bare.count, _OPENING)) - sum(map(bare.count, _CLOSING))


@lru_cache(maxsize=16)
def _key(name: str) -> re.Pattern[bytes]:
    """The key *name* and its colon, whichever of its letters are escaped."""
    letters = "".join(rf"(?:{letter}|\\u00{_any_case(ord(letter))})" for letter in name)
    return re.compile(rf'"{letters}"[ \t\n\r]*:[ \t\n\r]*'.encode("ascii"))


def _any_case(code: int) -> str:
    return "".join(f"[{digit}{digit.upper()}]" for digit in f"{code:02x}")
