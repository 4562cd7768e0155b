"""Rows of the data files: tables of TOML, their fields checked, their patterns matched. Pure.

In a pattern `*` is any text, everything else is itself.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any


class WrongFile(ValueError):  # noqa: N818 - a person's slip, said in one line
    """A data file cannot be used; its text is one line that says where and why."""


def matches(text: str, patterns: Iterable[str]) -> bool:
    """Whether one of *patterns* is the whole of *text*."""
    return any(_compiled(pattern).fullmatch(text) for pattern in patterns)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(piece) for piece in pattern.split("*")), re.DOTALL)


def read_rows(text: str, name: str, kind: str) -> list[Mapping[str, Any]]:
    """The `[[kind]]` tables of a TOML file. Raises WrongFile."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WrongFile(f"{name} is not TOML: {error}.") from error
    rows = found.get(kind, [])
    if (
        set(found) - {kind}
        or not isinstance(rows, list)
        or not all(isinstance(row, dict) for row in rows)
    ):
        raise WrongFile(f"{name} may hold [[{kind}]] tables and nothing else.")
    return rows


def read_text(row: Mapping[str, Any], field: str, at: str, default: str | None = None) -> str:
    value = row.get(field, default)
    if not isinstance(value, str) or not value:
        raise WrongFile(f"{at}: {field} must be a text.")
    return value


def read_texts(
    row: Mapping[str, Any], field: str, at: str, default: Iterable[str] = ()
) -> tuple[str, ...]:
    """A list of texts, not empty unless the default is taken."""
    value = row.get(field)
    if value is None and default:
        return tuple(default)
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise WrongFile(f"{at}: {field} must be a list of texts.")
    return tuple(value)


def refuse_unknown(row: Mapping[str, Any], fields: Iterable[str], at: str) -> None:
    unknown = sorted(set(row) - set(fields))
    if unknown:
        raise WrongFile(f"{at}: {unknown[0]} is no field; there are {', '.join(sorted(fields))}.")
