"""A client that costs nearly nothing: it sends ready-made bytes and counts words in what comes."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.bench.standin import WORD

_END = b"\r\n0\r\n\r\n"
_TAIL = len(_END) - 1  # what of the end, or of a word, may lie before the cut
_SEEN = _TAIL - (len(WORD) - 1)  # words up to here were counted with the piece before


class UnexpectedAnswerError(Exception):
    """The answer was not what was ordered."""


@dataclass(frozen=True, slots=True)
class Answer:
    """*first_s* is from the question's last byte to the first word."""

    first_s: float
    words: int


class Connection(asyncio.Protocol):
    """Keeps the line: one question at a time, each after the last one's answer."""

    def __init__(self) -> None:
        self._done: asyncio.Future[Answer] | None = None
        self.began = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, _exc: Exception | None) -> None:
        self._fail("the connection was closed")

    async def ask(self, question: bytes) -> Answer:
        self._words, self._first, self._tail = 0, 0.0, b""
        self._done = asyncio.get_running_loop().create_future()
        self.began.clear()
        self._asked = time.perf_counter()  # uvloop's own clock counts milliseconds
        self._transport.write(question)
        return await self._done

    def close(self) -> None:
        self._done = None
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        if not self._tail and not data.startswith(b"HTTP/1.1 200 "):
            self._fail(data[:300].decode(errors="replace"))
        seen = self._tail + data
        self._words += seen.count(WORD, _SEEN if self._tail else 0)
        self._tail = seen[-_TAIL:]
        if self._words and not self.began.is_set():
            self._first = time.perf_counter() - self._asked
            self.began.set()
        if seen.endswith(_END) and self._done is not None and not self._done.done():
            self._done.set_result(Answer(self._first, self._words))

    def _fail(self, why: str) -> None:
        if self._done is not None and not self._done.done():
            self.began.set()
            self._done.set_exception(UnexpectedAnswerError(why))


async def connect(port: int) -> Connection:
    _, protocol = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
    return protocol


async def ask_in_turn(port: int, questions: Callable[[], bytes], times: int) -> list[Answer]:
    """One after another on one connection."""
    connection = await connect(port)
    try:
        return [await connection.ask(questions()) for _ in range(times)]
    finally:
        connection.close()


async def ask_at_once(port: int, questions: Callable[[], bytes], streams: int) -> list[Answer]:
    """Each on a connection of its own, all at the same time."""
    async with asyncio.TaskGroup() as tasks:
        ask = partial(ask_in_turn, port, questions, 1)
        asked = [tasks.create_task(ask()) for _ in range(streams)]
    return [task.result()[0] for task in asked]
