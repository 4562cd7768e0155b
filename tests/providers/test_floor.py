"""The floor below which a stream is a mere trickle; and that our own slowness is never upstream's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp
import pytest

from bff.chat.events import Chunk, TextDelta
from bff.chat.request import ChatRequest, Message, Role, Tags
from bff.errors import Kind, Problem, Sign
from bff.policy.deadline import Timers
from bff.providers._pool import Pool
from bff.providers._vendor import Means, Road
from bff.providers.openai import OpenAI
from bff.simulators.openai.simulator import DONE, delta, finish
from tests.support.raw_upstream import event_stream

QUESTION = ChatRequest("m", (Message(Role.USER, "hello"),), Tags("bff", "t", "u", "-", "r"))
FRAME = delta("word ")
IDLE_S = 0.2
TICK_S = 0.02


@asynccontextmanager
async def dripping(*pieces: bytes) -> AsyncIterator[str]:
    """The base URL of an upstream that says one of *pieces* after the other, a tick apart."""
    loop = asyncio.get_running_loop()
    over, closed = asyncio.Event(), asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(event_stream(headers=b"Connection: close\r\n"))
        left = iter(pieces)

        def drip() -> None:
            piece = next(left, None)
            if piece is None or over.is_set():
                over.set()
                return
            writer.write(piece)
            loop.call_later(TICK_S, drip)

        drip()
        await over.wait()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        closed.set()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        over.set()
        server.close()
        await closed.wait()


@asynccontextmanager
async def answer_of(url: str, *, floor: float) -> AsyncIterator[AsyncIterator[list[Chunk]]]:
    async with aiohttp.ClientSession() as session:
        means = Means(session, Pool(1, patience_s=5), Timers(idle=IDLE_S, floor=floor))
        openai = OpenAI(means, {"direct": Road(url)})
        deadline = asyncio.get_running_loop().time() + 30
        async with openai.stream(QUESTION, model="m", via="direct", deadline=deadline) as upstream:
            yield upstream.batches  # type: ignore[misc]


async def read(url: str, *, floor: float) -> str:
    async with answer_of(url, floor=floor) as batches:
        return "".join(
            [
                event.text
                async for batch in batches
                for chunk in batch
                for event in chunk.events
                if isinstance(event, TextDelta)
            ]
        )


async def test_a_stream_that_only_dribbles_is_stalled_before_its_end() -> None:
    said = FRAME * 100 + finish("stop") + DONE
    dribble = [said[i : i + 1] for i in range(len(said))]  # 50 bytes a second
    async with dripping(*dribble) as url, asyncio.timeout(10):
        with pytest.raises(Problem) as caught:
            await read(url, floor=500)

    assert (caught.value.kind, caught.value.sign) == (Kind.TIMEOUT, Sign.STALLED)


async def test_without_a_floor_a_dribble_is_slow_but_an_answer() -> None:
    said = FRAME + finish("stop") + DONE
    size = len(said) // 30 + 1  # takes three times the idle limit
    async with dripping(*[said[i : i + size] for i in range(0, len(said), size)]) as url:
        assert await read(url, floor=0) == "word "


async def test_a_slow_stream_above_the_floor_comes_to_its_end() -> None:
    frames = [FRAME] * 30
    async with dripping(*frames, finish("stop") + DONE) as url:
        assert await read(url, floor=len(FRAME) / TICK_S / 20) == "word " * 30


async def test_a_slow_reader_of_ours_is_never_blamed_on_upstream() -> None:
    loop = asyncio.get_running_loop()
    frames = [FRAME] * 5
    heard = []
    async with (
        dripping(*frames, finish("stop") + DONE) as url,
        answer_of(url, floor=len(FRAME) / TICK_S / 4) as batches,
    ):
        async for batch in batches:
            heard += batch
            busy = asyncio.Event()
            loop.call_later(IDLE_S * 1.5, busy.set)
            await busy.wait()

    assert sum(chunk.content for chunk in heard) == len(frames)
