"""The service in a thread of its own, for clients that block the one they are called from."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.keys import create_key
from tests.support.service import Service, open_service

_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Running:
    """A service, and a key of its faces."""

    service: Service
    key: str


@contextmanager
def running_service(folder: Path, **changes: str) -> Iterator[Running]:
    """*changes* are environment variables in lower case."""
    ready: Future[Running] = Future()
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def run() -> None:
        async with open_service(folder, **changes) as service:
            ready.set_result(Running(service, await create_key(service)))
            await over.wait()

    def work() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            try:
                runner.run(run())
            except BaseException as error:
                if ready.done():
                    raise
                ready.set_exception(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield ready.result(_PATIENCE_S)
    finally:
        if not loop.is_closed():
            loop.call_soon_threadsafe(over.set)
        thread.join(_PATIENCE_S)
        assert not thread.is_alive()
