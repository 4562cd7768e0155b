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
    place = URL(url)
    body = orjson.dumps(value)
    lines = {
        "Host": place.authority,
        "Authorization": "Bearer key",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **{name.replace("_", "-"): text for name, text in headers.items()},
    }
    head = "".join(f"{name}: {text}\r\n" for name, text in lines.items())
    reader, writer = await asyncio.open_connection(place.host, place.port)
    data = b""
    try:
        writer.write(f"POST {place.raw_path_qs} HTTP/1.1\r\n{head}\r\n".encode() + body)
        while piece := await reader.read(65536):
            data += piece
        return RawAnswer(data, reset=False)
    except ConnectionResetError:
        return RawAnswer(data, reset=True)
    finally:
        writer.close()
