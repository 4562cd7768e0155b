"""A request's body, of a bounded size, within a bounded time: by the Node app's rules JSON or a
form, by those of the integrators' faces JSON whatever it calls itself.

Says nothing about what a body must hold. Source: node-bff.md §2 "Body parsing", api-faces.md §1
(sizes, depth).
"""

import asyncio
import codecs
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from bff.dialects.json_text import depth_exceeds, read_json, values_exceed
from bff.errors import Kind, Problem
from bff.policy.deadline import for_body
from bff.web.services import SERVICES, Limits
from bff.web.unpacking import CODINGS, Unpacker

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
FORM_FIELDS_MOST = 1000

_UNPACKED = frozenset({"", "identity"})


@dataclass(frozen=True, slots=True)
class Body:
    """*json* is an object or array; `{}` when there was no body, or one of another kind."""

    json: Any = field(repr=False)

    @property
    def fields(self) -> Mapping[str, Any]:
        """The top-level fields; an array has none."""
        return self.json if isinstance(self.json, dict) else {}


BODY = web.RequestKey("BODY", Body)


async def read_body(request: web.Request, *, limit: int | None = None) -> Body:
    """Raises Problem of kind TOO_LARGE, SLOW_BODY, MEDIA_TYPE or BAD_REQUEST. *limit* in bytes goes
    over the application's own for JSON. Read once: a door and a handler share it.
    """
    known = request.get(BODY)
    if known is None:
        limits = request.app[SERVICES].limits
        most = limits.body_bytes if limit is None else limit
        known = request[BODY] = Body(await _read(request, limits, most))
    return known


async def read_face_body(request: web.Request, limit: int) -> tuple[bytes, Any]:
    """The body's bytes, in UTF-8 as a vendor may be told them, and the JSON value they spell,
    whatever its type.

    *limit* in bytes holds before and after unpacking. Raises Problem as `read_body`, BAD_REQUEST
    where there is no body. A door of such a face must not have read the body.
    """
    limits = request.app[SERVICES].limits
    charset = _read_charset(request)
    data = await _take(request, limit, limits.body_seconds) if request.can_read_body else b""
    if not data:
        raise Problem(Kind.BAD_REQUEST, "The request body is empty")
    return _parse(data, charset, limits)


def has_body(request: web.Request) -> bool:
    """Whether there is one of a kind that is read at all."""
    return request.can_read_body and request.content_type in (JSON, FORM)


async def _read(request: web.Request, limits: Limits, most: int) -> Any:
    if not has_body(request):
        return {}
    charset = _read_charset(request)
    is_form = request.content_type == FORM
    if is_form and charset != "utf-8":
        raise _unread_charset()
    data = await _take(request, limits.form_bytes if is_form else most, limits.body_seconds)
    if not data:
        return {}
    if is_form:
        return _read_form(data)
    _, value = _parse(data, charset, limits)
    if not isinstance(value, dict | list):
        raise Problem(Kind.BAD_REQUEST, "The request body must be a JSON object or array")
    return value


async def _take(request: web.Request, most: int, seconds: float) -> bytes:
    if _coding(request) not in _UNPACKED | CODINGS:
        raise Problem(Kind.MEDIA_TYPE, "Unsupported content encoding")
    if request.content.is_eof():  # all of it came with the head: nothing to wait for
        return await _read_bytes(request, most)
    return await _read_slowly(request, most, seconds)


async def _read_slowly(request: web.Request, most: int, seconds: float) -> bytes:
    started = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(seconds) as leash:

            def came(size: int) -> None:
                leash.reschedule(started + for_body(seconds, size))

            return await _read_bytes(request, most, came)
    except TimeoutError as error:
        raise Problem(Kind.SLOW_BODY, "The request body took too long") from error


async def _read_bytes(
    request: web.Request, most: int, came: Callable[[int], None] = lambda _: None
) -> bytes:
    """What was sent, unpacked. *most* holds before and after unpacking; *came* is told after every
    piece how much there is, unpacked too: all of *most* earns no more than it would unpacked.
    """
    if (request.content_length or 0) > most:
        raise _too_large()
    unpacker = _open_unpacker(request)
    pieces, packed, size = [], 0, 0
    try:
        while piece := await request.content.readany():
            packed += len(piece)
            if unpacker is not None:
                piece = unpacker.feed(piece, most - size)
            size += len(piece)
            if max(packed, size) > most:
                raise _too_large()
            pieces.append(piece)
            came(size)
        if unpacker is not None:
            unpacker.close()
    except (web.RequestPayloadError, HttpProcessingError, ValueError) as error:
        raise Problem(Kind.BAD_REQUEST, "The request body is broken") from error
    return b"".join(pieces)


def _coding(request: web.Request) -> str:
    return request.headers.get("Content-Encoding", "").lower()


def _open_unpacker(request: web.Request) -> Unpacker | None:
    """None where nothing is packed, or where another server than ours has unpacked it already."""
    coding = _coding(request)
    if coding not in CODINGS or not getattr(request.protocol, "leaves_packed", False):
        return None
    return Unpacker(coding)


def _read_charset(request: web.Request) -> str:
    """Only the family UTF, as the Node app."""
    name = (request.charset or "utf-8").lower()
    try:
        known = codecs.lookup(name).name if name.startswith("utf-") else ""
    except LookupError:
        known = ""
    if not known:
        raise _unread_charset()
    return known


def _parse(data: bytes, charset: str, limits: Limits) -> tuple[bytes, Any]:
    """*data* in UTF-8 without a byte order mark, and its value."""
    try:
        if charset != "utf-8":
            data = data.decode(charset).encode("utf-8", "surrogatepass")
        if values_exceed(limits.json_values, data):  # each is an object here: seconds, gigabytes
            raise Problem(Kind.TOO_LARGE, "The request body has too many values")
        data = data.removeprefix(codecs.BOM_UTF8)
        value = read_json(data)
    except ValueError as error:
        raise Problem(Kind.BAD_REQUEST, "The request body is not valid JSON") from error
    if isinstance(value, dict | list) and depth_exceeds(value, limits.json_depth):
        raise Problem(Kind.BAD_REQUEST, "The request body is nested too deeply")
    return data, value


def _read_form(data: bytes) -> dict[str, Any]:
    """A field that is repeated becomes a list."""
    try:
        pairs = parse_qsl(
            data.decode("utf-8", "replace"),
            keep_blank_values=True,
            max_num_fields=FORM_FIELDS_MOST,
        )
    except ValueError as error:
        raise Problem(Kind.TOO_LARGE, "The form has too many fields") from error
    form: dict[str, Any] = {}
    for name, value in pairs:
        if name not in form:
            form[name] = value
        elif isinstance(form[name], list):
            form[name].append(value)
        else:
            form[name] = [form[name], value]
    return form


def _too_large() -> Problem:
    return Problem(Kind.TOO_LARGE, "The request body is too large")


def _unread_charset() -> Problem:
    return Problem(Kind.MEDIA_TYPE, "Unsupported charset")
