"""An upstream that says the very bytes it is told, for what no well-built server would say."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RawUpstream:
    """*url* is its base URL; *asked* is set once a question has been answered."""

    url: str
    asked: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def raw_upstream(*says: bytes, hang_up: bool = False) -> AsyncIterator[RawUpstream]:
    """Each question is answered by the next of *says*, the last one again and again; then nothing
    more is said, and the line stays open unless told to *hang_up*.
    """
    answers = list(says)
    asked, closing = asyncio.Event(), asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answers.pop(0) if len(answers) > 1 else answers[0])
            asked.set()
            await writer.drain()
            if not hang_up:
                await closing.wait()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield RawUpstream(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", asked)
    finally:
        closing.set()
        server.close()


def event_stream(*frames: bytes, headers: bytes = b"") -> bytes:
    """The head of an endless event stream and its first frames."""
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        + headers
        + b"\r\n"
        + b"".join(frames)
    )
