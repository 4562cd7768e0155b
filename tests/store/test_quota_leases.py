"""What a process has set aside is its own while it lives, and free again when it does not."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bff.policy.quota import CONTEXT_WINDOW
from bff.store import quota_holder
from bff.store.db import Database
from bff.store.migrate import migrate
from bff.store.quota_holder import gone, is_running, this_process
from tests.support.quotas import (
    MODEL,
    StillClock,
    caller,
    give,
    left,
    open_store,
    set_aside,
    use,
)
from tests.support.sql import run_sql

ROOT = Path(__file__).parents[2]
DOOMED = """
import asyncio, sys
from bff.store.db import open_database
from tests.support.quotas import MODEL, caller, open_store

async def main():
    async with open_database(sys.argv[1]) as db, open_store(db) as store:
        async with store.reserve(caller(), model=MODEL, tokens=1):
            print("inside", flush=True)
            await asyncio.Event().wait()

asyncio.run(main())
"""


async def kill_between_reserve_and_settle(url: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", DOOMED, url),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"inside\n"
    process.send_signal(signal.SIGKILL)
    await process.wait()


async def test_a_process_that_is_killed_gives_its_tokens_back_at_the_next_start(
    empty_url: str, db: Database
) -> None:
    async with open_store(db) as store:
        await store.find_or_create("site")
        await give(db, 10)
    await kill_between_reserve_and_settle(empty_url)
    assert await set_aside(db) == [CONTEXT_WINDOW]

    async with open_store(db, clock=StillClock()) as store:
        assert await set_aside(db) == []
        await use(store, 4)

    assert await left(db) == 6


async def test_elsewhere_they_are_free_when_the_lease_is_over(empty_url: str, db: Database) -> None:
    clock = Wall()
    async with open_store(db) as store:
        await store.find_or_create("site")
        await give(db, 10)
    await kill_between_reserve_and_settle(empty_url)

    elsewhere = {"holder": "another-host:1:nonce", "now": clock.now, "wait_s": 0.0}
    async with open_store(db, clock=StillClock(), **elsewhere) as store:
        assert await set_aside(db) == [CONTEXT_WINDOW]
        with pytest.raises(Exception, match="Not enough tokens"):
            await use(store, 4)
        clock.ahead = 31.0
        await use(store, 4)

    assert await left(db) == 6


async def test_a_lease_is_renewed_while_its_call_runs(db: Database) -> None:
    clock, wall = Beats(), Wall()
    async with (
        open_store(db, clock=clock, now=wall.now) as store,
        open_store(db, clock=StillClock(), now=wall.now, wait_s=0.0) as other,
    ):
        await store.find_or_create("site")
        await give(db, 10)
        async with store.reserve(caller(), model=MODEL, tokens=1) as held:
            for _ in range(5):
                wall.ahead += 20.0
                await clock.beat()
                with pytest.raises(Exception, match="Not enough tokens"):
                    await use(other, 1)
            await held.settle(3)
        await use(other, 1)

    assert await left(db) == 6


async def test_what_expired_long_ago_is_swept_and_what_may_still_be_settled_is_not(
    db: Database,
) -> None:
    wall = Wall()
    async with (
        open_store(db, holder="host-a:1:x", now=wall.now) as store,
        store.reserve(caller(), model=MODEL, tokens=1) as held,
    ):
        wall.ahead = 3600.0
        async with open_store(db, holder="host-b:1:x", now=wall.now):
            assert await set_aside(db) == [CONTEXT_WINDOW]
        wall.ahead = 25 * 3600.0
        async with open_store(db, holder="host-b:1:x", now=wall.now):
            assert await set_aside(db) == []
        await held.settle(5)

    assert await left(db) == 499_995


async def test_now_and_then_a_running_process_tidies_up_behind_others(db: Database) -> None:
    clock, wall = Beats(), Wall()
    async with (
        open_store(db, clock=clock, holder="host-a:1:x", now=wall.now),
        open_store(db, clock=StillClock(), holder="host-b:1:x", now=wall.now) as other,
        other.reserve(caller(), model=MODEL, tokens=1),
    ):
        wall.ahead = 25 * 3600.0
        await clock.beat()
        assert await set_aside(db) == [CONTEXT_WINDOW]
        clock.time += 3601.0
        await clock.beat()
        assert await set_aside(db) == []


async def test_a_store_opens_while_its_database_is_away_and_tidies_up_later(
    empty: Database,
) -> None:
    clock = Beats()
    async with open_store(empty, clock=clock, holder="host-a:2:x"):
        await migrate(empty)
        abandoned = "('1', 'site', 'app', 1, 'host-a:2:old', 9e9)"
        await run_sql(empty, f"INSERT INTO bff_quota_reservations VALUES {abandoned}")  # noqa: S608 - a test's own
        await clock.beat()

        assert await set_aside(empty) == []


@pytest.mark.parametrize(
    ("holder", "is_gone"),
    [
        ("host:7:old", True),
        ("host:9:other", True),
        ("host:8:other", False),
        ("host:7:new", False),
        ("elsewhere:9:x", False),
        ("host:x:y", False),
        ("host", False),
        ("", False),
    ],
)
def test_a_holder_is_gone_when_its_process_on_this_host_is(holder: str, is_gone: bool) -> None:
    running: Callable[[int], bool] = {7: True, 8: True, 9: False}.__getitem__

    assert gone([holder], "host:7:new", running) == [holder] * is_gone


def test_a_process_knows_itself_and_who_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert this_process() == this_process()
    assert is_running(os.getpid())
    assert not is_running(2**22 + 1)
    assert not is_running(2**80)

    def forbidden(pid: int, sent: int) -> None:
        raise PermissionError

    monkeypatch.setattr(quota_holder.os, "kill", forbidden)
    assert is_running(1)


class Wall:
    """The wall clock, as far ahead of the real one as a test says."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> float:
        return time.time() + self.ahead


class Beats:
    """Waits end when the test says so."""

    def __init__(self) -> None:
        self.time = 0.0
        self._go, self._asleep = asyncio.Event(), asyncio.Event()

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self._go.clear()
        self._asleep.set()
        await self._go.wait()

    async def beat(self) -> None:
        """Ends the wait, and comes back when what it was for is done."""
        await self._asleep.wait()
        self._asleep.clear()
        self._go.set()
        await self._asleep.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the dead from the living")
def test_a_killed_process_nobody_has_buried_does_not_run() -> None:
    """As it is after `kill -9` of a server and its workers: the orphans wait for process 1."""
    script = "open('/proc/self/comm', 'w').write('a) R'); print(flush=True); input()"
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        alive = is_running(process.pid)

        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and still unburied

        assert (alive, is_running(process.pid)) == (True, False)
