"""One PostgreSQL server for the rehearsals, over TCP too; each has a database of its own."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from tests.support.postgres import Postgres, open_postgres


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with open_postgres() as server:
        yield server


@asynccontextmanager
async def tcp_door(postgres: Postgres) -> AsyncIterator[str]:
    """`host:port` of the server: libpq and node-postgres read only such a URL in the same way."""
    tasks: set[asyncio.Task[None]] = set()

    async def let_in(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(here := asyncio.current_task())
        here.add_done_callback(tasks.discard)
        inner_reader, inner_writer = await asyncio.open_unix_connection(postgres.socket)
        try:
            await asyncio.gather(_pass_on(reader, inner_writer), _pass_on(inner_reader, writer))
        except ConnectionError:
            pass  # a process was killed
        finally:
            writer.close()
            inner_writer.close()

    async with await asyncio.start_server(let_in, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}"
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()
    writer.close()
