"""JSON as models write it into their markup, and calls in it.

Read by the standard library: whole numbers of any length stay what they are (orjson rounds those
beyond 64 bits), and a line end inside a string, which models like to forget to escape, is taken for
what it is.
"""

import json  # noqa: TID251 - see above
import math
from collections.abc import Mapping
from typing import Any

from bff.dialects.json_text import depth_exceeds, write_utf8

MOST_DEPTH = 64  # arrays and objects inside each other

Said = tuple[str, str]  # a tool's name, and its arguments: the text of a JSON object


def read_value(text: str) -> Any:
    """The value of *text*. Raises ValueError for anything that is not exactly one JSON value, or
    is nested too deeply.
    """
    try:
        value = _DECODER.decode(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if isinstance(value, list | dict) and depth_exceeds(value, MOST_DEPTH):
        raise ValueError("nested too deeply")
    return value


def read_call(item: object) -> Said | None:
    """`{"name","arguments"}`, `{"name","parameters"}`, or either inside `{"function":…}`; else
    None. Arguments are an object, or the text of one.
    """
    inner = item.get("function", item) if isinstance(item, dict) else None
    if not isinstance(inner, dict):
        return None
    name, arguments = inner.get("name"), inner.get("arguments", inner.get("parameters"))
    if isinstance(arguments, str):
        try:
            arguments = read_value(arguments)
        except ValueError:
            return None
    if not isinstance(name, str) or not isinstance(arguments, dict):
        return None
    return name, write_compact(arguments)


def write_compact(arguments: Mapping[str, Any]) -> str:
    return write_utf8(arguments).decode()


def _read_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number beyond any we can hold")
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_float=_read_float, parse_constant=_refuse_constant, strict=False)
