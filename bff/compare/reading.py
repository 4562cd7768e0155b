"""An answer's bytes read into an Outcome: here is what may differ by nature, and nothing else.

Source: node-bff.md §2 (headers), §4.5 (the session token), §7 (what the frontend can read).
"""

import hashlib
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bff.compare.masks import Names
from bff.compare.outcome import Binary, Body, End, Json, Nothing, Outcome, Stream, Text
from bff.dialects.json_text import depth_exceeds, read_json, write_ascii
from bff.dialects.sse import Decoder

SOME = "<some>"
WORDS = "<some words>"

# Of the connection or of the moment, not of the answer.
_LEFT_OUT = frozenset({"connection", "content-length", "date", "keep-alive", "transfer-encoding"})
_ANY_VALUE = frozenset({"last-modified", "x-aig-log-id", "x-request-id"})
_LISTS = frozenset({"accept-ranges", "allow", "cache-control", "vary"})
_QUOTED = re.compile(r'"[^"]*"')
_DONE = b"[DONE]"
_DEEPEST = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """What came over the wire, unread. *body* is decompressed."""

    end: End
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)


def read_outcome(answer: Answer, names: Names, *, any_words: bool = False) -> Outcome:
    """*any_words*: of a model's text only whether there was any."""
    if answer.status is None:
        return Outcome(answer.end)
    headers = read_headers(answer.headers, names)
    body = _read_body(headers.get("content-type", ""), answer.body, names)
    body = leave_words_out(body) if any_words else body
    return Outcome(answer.end, answer.status, headers, body)


def read_headers(headers: Iterable[tuple[str, str]], names: Names) -> dict[str, str]:
    """By name; a name that came twice has both values, which is a fault worth seeing."""
    found: dict[str, list[str]] = {}
    for name, value in headers:
        if name.lower() not in _LEFT_OUT:
            found.setdefault(name.lower(), []).append(_read_value(name.lower(), value, names))
    return {name: " | ".join(found[name]) for name in sorted(found)}


def _read_value(name: str, value: str, names: Names) -> str:
    if name in _ANY_VALUE:
        return SOME if value else ""
    if name == "etag":
        return _QUOTED.sub(f'"{SOME}"', value)
    if name == "x-acpt":
        return _read_session(value, names)
    if name in _LISTS:
        return ", ".join(sorted({item.strip() for item in value.split(",")}))
    if name == "content-type":
        return re.sub(r"\s*;\s*", "; ", value.lower())
    return names.take_out(value)


def _read_session(token: str, names: Names) -> str:
    """A session token's claims: when it was made is left out, how long it lives is not."""
    claims = read_claims(token)
    if claims is None:
        return names.take_out(token)
    begins, ends = claims.pop("iat", None), claims.pop("exp", None)
    if isinstance(begins, int) and isinstance(ends, int):
        claims["lives_s"] = ends - begins
    return names.take_out(write_ascii(dict(sorted(claims.items()))).decode())


def read_claims(token: str) -> dict[str, Any] | None:
    """What a token says, believed or not; None when it is none."""
    segments = token.split(".")
    try:
        claims = read_json(urlsafe_b64decode(segments[1] + "=" * (-len(segments[1]) % 4)))
    except (ValueError, IndexError):
        return None
    return claims if isinstance(claims, dict) and len(segments) == 3 else None


def _read_body(content_type: str, data: bytes, names: Names) -> Body:
    if not data:
        return Nothing()
    if content_type.startswith("text/event-stream"):
        return read_stream(data, names)
    if "json" in content_type:
        try:
            return Json(names.take_out_of(_read_flat_json(data)))
        except ValueError:
            pass  # it says so and is not: then its text is what there is to see
    try:
        return Text(names.take_out(data.decode()))
    except UnicodeDecodeError:
        return Binary(len(data), hashlib.sha256(data).hexdigest())


# -- streams ---------------------------------------------------------------------------------------


def read_stream(data: bytes, names: Names) -> Stream:
    """What the events of *data* say together."""
    decoder = Decoder()
    frames = [*decoder.feed(data), *decoder.close()]
    pieces: list[Mapping[str, Any]] = []
    others: list[Any] = []
    done = 0
    for event, said in frames:
        value = _read_event(said)
        if said == _DONE:
            done += 1
        elif not event and isinstance(value, dict) and _delta(value) is not None:
            pieces.append(value)
        else:
            others.append({"event": event, "data": value} if event else value)
    return Stream(
        text=names.take_out("".join(_content(piece) for piece in pieces)),
        finish=tuple(str(reason) for piece in pieces if (reason := _finish(piece)) is not None),
        models=tuple(sorted({str(piece["model"]) for piece in pieces if "model" in piece})),
        others=tuple(names.take_out_of(other) for other in others),
        fields=tuple(sorted({place for piece in pieces for place in _places(piece)})),
        done=done,
        spoilt=tuple(_spoilt(data)),
    )


def leave_words_out(body: Body) -> Body:
    """Of a model's text only whether there was any."""
    if isinstance(body, Stream):
        return replace(body, text=WORDS if body.text else "")
    return body


def _read_event(data: bytes) -> Any:
    try:
        return _read_flat_json(data)
    except ValueError:
        return data.decode("utf-8", "replace")


def _read_flat_json(data: bytes) -> Any:
    """Raises ValueError for what is nested deeper than anybody reads."""
    value = read_json(data)
    if depth_exceeds(value, _DEEPEST):
        raise ValueError("nested too deeply")
    return value


def _choice(piece: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = piece.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else {}


def _delta(piece: Mapping[str, Any]) -> Mapping[str, Any] | None:
    delta = _choice(piece).get("delta")
    return delta if isinstance(delta, dict) else None


def _content(piece: Mapping[str, Any]) -> str:
    content = (_delta(piece) or {}).get("content")
    return content if isinstance(content, str) else ""


def _finish(piece: Mapping[str, Any]) -> Any:
    return _choice(piece).get("finish_reason")


def _places(value: Any, at: str = "") -> Iterator[str]:
    """Where *value* holds something: `choices[].delta.content`."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _places(inner, f"{at}.{name}" if at else name)
    elif isinstance(value, list) and value:
        for inner in value:
            yield from _places(inner, f"{at}[]")
    elif value is not None:
        yield at


def _spoilt(data: bytes) -> Iterator[str]:
    """What makes the unchanged frontend lose text (node-bff.md §7.1)."""
    if b"\r" in data:
        yield "line ends other than LF"
    if re.search(rb"^data:[^ ]", data, re.MULTILINE):
        yield "no space after data:"
    if any(not _is_whole(line) for line in re.findall(rb"^data: (.*)$", data, re.MULTILINE)):
        yield "a data line that is not one JSON value"
    if not data.isascii():
        yield "characters beyond ASCII"
    if not data.endswith(b"\n\n"):
        yield "no blank line at its end"


def _is_whole(line: bytes) -> bool:
    if line.rstrip(b"\r") == _DONE:
        return True
    try:
        read_json(line)
    except ValueError:
        return False
    return True
