"""Reads what really was on the wire: bytes as they came, chunk by chunk, and how the line ended."""

import asyncio
from dataclasses import dataclass

import orjson
from yarl import URL


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """*data* is everything that came; *reset* whether the connection was reset at its end."""

    data: bytes
    reset: bool

    @property
    def head(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[0]

    @property
    def status(self) -> int:
        return int(self.head.split(b" ", 2)[1])

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Every header line as it was said, a repeated one twice. Names in lower case."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return [
            (name.lower(), value.strip()) for name, _, value in (x.partition(":") for x in lines)
        ]

    def all(self, name: str) -> list[str]:
        """The values of *name*, in lower case, in the order of their lines."""
        return [value for field, value in self.fields if field == name]

    @property
    def rest(self) -> bytes:
        """What follows the head, however it is framed."""
        return self.data.partition(b"\r\n\r\n")[2]

    @property
    def chunks(self) -> list[bytes]:
        """What the server wrote, write by write. Needs chunked encoding."""
        rest = self.data.partition(b"\r\n\r\n")[2]
        found = []
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            length = int(size, 16)
            if length:
                found.append(rest[:length])
            rest = rest[length + 2 :]
        return found

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def ended(self) -> bool:
        """Whether the body came to its proper end."""
        return self.data.endswith(b"0\r\n\r\n")


async def post(url: str, value: object, **headers: str) -> RawAnswer:
    """Asks once and reads until the server closes. Header names take `_` for `-`."""
    said = {"Authorization": "Bearer key", "Content-Type": "application/json", **headers}
    return await ask("POST", url, orjson.dumps(value), **said)


async def ask(method: str, url: str, body: bytes | None = None, **headers: str) -> RawAnswer:
    """Any request, its path and query as they are written. Names take `_` for `-`."""
    place = URL(url, encoded=True)
    lines = {"Host": place.authority, "Connection": "close"}
    if body is not None:
        lines["Content-Length"] = str(len(body))
    lines |= {name.replace("_", "-"): text for name, text in headers.items()}
    target = "/" + url.split("/", 3)[3]
    head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items())
    return await say(url, head.encode("latin-1") + b"\r\n" + (body or b""))


async def say(url: str, data: bytes) -> RawAnswer:
    """Bytes of our own, and all that comes back until the server closes."""
    place = URL(url, encoded=True)
    reader, writer = await asyncio.open_connection(place.host, place.port)
    heard = b""
    try:
        writer.write(data)
        while piece := await reader.read(65536):
            heard += piece
        return RawAnswer(heard, reset=False)
    except ConnectionResetError:
        return RawAnswer(heard, reset=True)
    finally:
        writer.close()


async def hear_head(url: str, data: bytes) -> RawAnswer:
    """The head of what comes back, while our own request may not be over."""
    place = URL(url, encoded=True)
    reader, writer = await asyncio.open_connection(place.host, place.port)
    try:
        writer.write(data)
        return RawAnswer(await reader.readuntil(b"\r\n\r\n"), reset=False)
    finally:
        writer.close()
