"""The fields of a caller's JSON, read strictly: what is not of its kind is refused by its place.

Not a schema: each face says itself what it reads. No sentence here holds a word of the caller's.
"""

import re
from collections.abc import Callable, Container, Mapping
from itertools import islice
from typing import Any, TypeVar

from bff.errors import Kind, Problem

_T = TypeVar("_T")
_SPEAKABLE = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_MOST_UNREAD = 32


def refused(at: str, public: str) -> Problem:
    """A body that can be read, and says at *at* what cannot be asked."""
    return Problem(Kind.INVALID, public, at=at)


def read_object(value: Any, at: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise refused(at, "This must be an object.")
    return value


def read_list(value: Any, at: str, *, most: int | None = None) -> list[Any]:
    if not isinstance(value, list):
        raise refused(at, "This must be a list.")
    if most is not None and len(value) > most:
        raise refused(at, f"This list has more than {most} entries.")
    return value


def read_text(value: Any, at: str) -> str:
    if not isinstance(value, str):
        raise refused(at, "This must be a string.")
    return value


def read_name(value: Any, at: str) -> str:
    """A string with something in it."""
    if not isinstance(value, str) or not value:
        raise refused(at, "This is required, and must be a string that is not empty.")
    return value


def read_flag(value: Any, at: str) -> bool:
    if not isinstance(value, bool):
        raise refused(at, "This must be true or false.")
    return value


def read_count(value: Any, at: str) -> int:
    """A whole number, 1 or more."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise refused(at, "This must be a whole number, at least 1.")
    return value


def read_number(value: Any, at: str, *, most: int) -> float:
    """A number between 0 and *most*."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise refused(at, f"This must be a number between 0 and {most}.")
    return float(value)


def read_image_url(value: Any, at: str) -> str:
    """Where a picture lies, or the picture itself. Not looked at any further."""
    url = read_name(value, at)
    if not url.startswith(("https://", "http://", "data:")):
        raise refused(at, "A picture must be given as an https URL or a data URL.")
    return url


def unread(body: Mapping[str, Any], names: Container[str]) -> dict[str, Any]:
    """The fields beside *names*, to be named to the caller in a header: so only those whose names
    fit into one, and not more than a caller would read.
    """
    found = {
        name: value
        for name, value in body.items()
        if name not in names and value is not None and _SPEAKABLE.fullmatch(name)
    }
    return dict(islice(found.items(), _MOST_UNREAD))


def optional(
    body: Mapping[str, Any], name: str, read: Callable[[Any, str], _T], at: str = ""
) -> _T | None:
    """The field *name* of what stands at *at*; None where it is missing or null."""
    value = body.get(name)
    return None if value is None else read(value, inside(at, name))


def inside(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name
