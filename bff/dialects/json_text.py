"""JSON as strangers write it: read leniently where the standard allows it, spelled in ASCII.

Not a parser of our own: orjson reads what it can, the standard library the rest (lone surrogates,
which a provider may split over two events, node-bff.md §7.1).
"""

import json  # noqa: TID251 - orjson refuses lone surrogates and has no ASCII form
import math
import re
from json.encoder import encode_basestring_ascii  # noqa: TID251 - the escaping of one string, in C
from typing import Any

import orjson

_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_LONGEST_INT = 310  # digits and a sign


def read_json(data: bytes) -> Any:
    """The value of *data*. Raises ValueError for anything that is not exactly one JSON value."""
    try:
        return orjson.loads(data)
    except ValueError:
        text = data.decode("utf-8", "surrogatepass")  # UnicodeDecodeError is a ValueError
        try:
            return json.loads(
                text,
                parse_constant=_refuse_constant,
                parse_float=_read_float,
                parse_int=_read_int,
            )
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


def write_ascii(value: Any) -> bytes:
    """*value* as one line of JSON in which every character is ASCII. Raises ValueError for what is
    nested too deeply: `read_json` reads deeper than can be written.
    """
    try:
        data = orjson.dumps(value)
    except (TypeError, ValueError):  # a lone surrogate, or an integer beyond 64 bits
        return _dumps(value)
    return data if data.isascii() else escape(data)


def _dumps(value: Any) -> bytes:
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def write_utf8(value: Any) -> bytes:
    """*value* as one line of JSON, nothing escaped that need not be: the quicker of the two."""
    try:
        return orjson.dumps(value)
    except (TypeError, ValueError):  # as above
        return write_ascii(value)


def escape(data: bytes) -> bytes:
    r"""*data*, which is valid JSON, with every character beyond ASCII as `\uXXXX`.

    Such characters stand only inside strings, so this changes no structure, number or order.
    """
    text = data.decode("utf-8", "surrogatepass")
    return _NOT_ASCII.sub(_escape_run, text).encode("ascii")


def values_exceed(most: int, *documents: bytes) -> bool:
    """Whether the JSON *documents* hold more than *most* values together, before they are read.
    Looks closer only where commas and brackets in texts could be to blame: long ones of code are
    honest.
    """
    if sum(map(_most_values, documents)) <= most:
        return False
    # now each quote begins or ends a text
    plain = [data.replace(rb"\\", b"").replace(rb"\"", b"") for data in documents]
    if sum(text.count(b'"') for text in plain) > 4 * most:  # a value has a key and is a text
        return True
    return sum(_most_values(b"".join(text.split(b'"')[::2])) for text in plain) > most


def _most_values(data: bytes) -> int:
    """Of what is outside of texts exactly, but for empty arrays and objects."""
    return 1 + data.count(b",") + data.count(b"[") + data.count(b"{")


def depth_exceeds(value: Any, most: int) -> bool:
    """Whether arrays and objects are nested deeper than *most*; walks without recursion."""
    level = _inside([value])
    for _ in range(most):
        if not level:
            return False
        level = [inner for outer in level for inner in _inside(outer)]
    return bool(level)


def _inside(outer: list[Any] | dict[str, Any]) -> list[Any]:
    inner = outer.values() if isinstance(outer, dict) else outer
    return [value for value in inner if isinstance(value, list | dict)]


def _escape_run(run: re.Match[str]) -> str:
    return encode_basestring_ascii(run.group())[1:-1]


def _read_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number beyond any we can hold")
    return value


def _read_int(text: str) -> int:
    """Longer ones cost the square of their length, and no float holds them."""
    if len(text) > _LONGEST_INT:
        raise ValueError("a number beyond any we can hold")
    return int(text)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
