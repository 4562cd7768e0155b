"""One file as an answer: conditions, a range, packed or not, as the Node app's static files.

Which file a path means is frontend.py's to say. Source: node-bff.md §2, §3.1; RFC 9110 §13, §14.
"""

import asyncio
import gzip
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from aiohttp import web

from bff.web.packing import LEAST_BYTES, is_worth_packing, wants_gzip

TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=UTF-8",
    ".eot": "application/vnd.ms-fontobject",
    ".gif": "image/gif",
    ".html": "text/html; charset=UTF-8",
    ".ico": "image/x-icon",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "application/javascript; charset=UTF-8",
    ".json": "application/json; charset=UTF-8",
    ".map": "application/json; charset=UTF-8",
    ".mjs": "application/javascript; charset=UTF-8",
    ".otf": "font/otf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".txt": "text/plain; charset=UTF-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xml": "application/xml",
}
_UNKNOWN = "application/octet-stream"
_PIECE = 256 * 2**10
_PACKED_MOST = 16 * 2**20  # of one file; a larger one goes as it is
_REMEMBERED_MOST = 64 * 2**20  # of all packed files
_RANGE = re.compile(r" *bytes=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class File:
    """What is true of the file now. *modified* in whole seconds, as HTTP counts."""

    path: Path
    size: int
    modified: datetime
    etag: str  # without its W/ and quotes

    @classmethod
    def look(cls, path: Path) -> "File":
        """Raises OSError."""
        status = path.stat()
        return cls(
            path,
            status.st_size,
            datetime.fromtimestamp(int(status.st_mtime), UTC),
            f"{status.st_size:x}-{status.st_mtime_ns // 10**6:x}",
        )

    @property
    def content_type(self) -> str:
        return TYPES.get(self.path.suffix.lower(), _UNKNOWN)


class FileSender:
    """Sends files. Packs each once, one at a time: open streams need the processor more."""

    def __init__(self) -> None:
        self._packed: OrderedDict[tuple[Path, str], bytes] = OrderedDict()
        self._packing = asyncio.Lock()

    async def send(self, request: web.Request, file: File) -> web.StreamResponse:
        """200, 206, 304, 412 or 416. Raises OSError when the file went away meanwhile."""
        headers = {
            "Accept-Ranges": "bytes",
            "Cache-Control": "public, max-age=0",
            "ETag": f'W/"{file.etag}"',
            "Last-Modified": format_datetime(file.modified, usegmt=True),
        }
        may_be_packed = is_worth_packing(file.content_type) and file.size >= LEAST_BYTES
        if may_be_packed:
            headers["Vary"] = "Accept-Encoding"
        if is_refused(request, file):
            return web.Response(status=412)
        if is_known(request, file):
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = file.content_type
        part = read_range(request, file)
        if part is not None:
            if not part:
                return web.Response(status=416, headers={"Content-Range": f"bytes */{file.size}"})
            headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{file.size}"
            return await _send(request, file, part, web.StreamResponse(status=206, headers=headers))
        if may_be_packed and file.size <= _PACKED_MOST and wants_gzip(request):
            headers["Content-Encoding"] = "gzip"
            return web.Response(body=await self._pack(file), headers=headers)
        return await _send(request, file, range(file.size), web.StreamResponse(headers=headers))

    async def _pack(self, file: File) -> bytes:
        async with self._packing:
            key = (file.path, file.etag)
            if key in self._packed:
                self._packed.move_to_end(key)
                return self._packed[key]
            packed = self._packed[key] = await asyncio.to_thread(_pack, file.path)
            while sum(map(len, self._packed.values())) > _REMEMBERED_MOST:
                self._packed.popitem(last=False)
            return packed


def _pack(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), 6, mtime=0)


def is_refused(request: web.Request, file: File) -> bool:
    """Whether the caller wants another version than there is."""
    if request.if_match is not None:
        return not any(tag.value in ("*", file.etag) for tag in request.if_match)
    since = request.if_unmodified_since
    return since is not None and file.modified > since


def is_known(request: web.Request, file: File) -> bool:
    """Whether the caller has this version."""
    if "If-None-Match" in request.headers:
        return any(tag.value in ("*", file.etag) for tag in request.if_none_match or ())
    since = request.if_modified_since
    return since is not None and file.modified <= since


def read_range(request: web.Request, file: File) -> range | None:
    """The one range of bytes that is asked for, empty when it lies beyond the end.

    None, for all of the file, when none is: several at once are not looked at.
    """
    asked = _RANGE.fullmatch(request.headers.get("Range", ""))
    if asked is None or asked.groups() == ("", "") or not _is_of_this_version(request, file):
        return None
    first, last = asked.groups()
    if not first:
        return range(file.size)[-int(last) :] if int(last) else range(0)
    if last and int(last) < int(first):
        return None
    return range(file.size)[int(first) : int(last) + 1 if last else None]


def _is_of_this_version(request: web.Request, file: File) -> bool:
    """A part is of use only to who has the other parts of the same version."""
    condition = request.headers.get("If-Range")
    if condition is None:
        return True
    if '"' in condition:
        return f'"{file.etag}"' in condition
    since = request.if_range
    return since is not None and file.modified <= since


async def _send(
    request: web.Request, file: File, part: range, response: web.StreamResponse
) -> web.StreamResponse:
    """In pieces, each read in a thread: neither a large file nor a slow disk holds up a stream."""
    response.content_length = len(part)
    with await asyncio.to_thread(file.path.open, "rb") as opened:
        await response.prepare(request)
        left = 0 if request.method == "HEAD" else len(part)
        opened.seek(part.start)
        while left:
            piece = await asyncio.to_thread(opened.read, min(left, _PIECE))
            if not piece:  # it became shorter: the line must break, or the rest would be awaited
                raise ConnectionResetError(file.path.name)
            await response.write(piece)
            left -= len(piece)
    await response.write_eof()
    return response
