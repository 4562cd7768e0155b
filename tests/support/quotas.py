"""Token quotas for tests: a store as one process has it, and the tables as somebody else sees them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from bff.records import Caller
from bff.store.db import Database
from bff.store.quota import QuotaStore, open_quotas
from tests.support.sql import fetch, run_sql

APP = "gptdock-confluence"
MODEL = "openai/gpt-4o"


class LoopClock:
    """The loop's own time."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class PauseClock:
    """Pauses are over at once and time moves on by them; longer waits never end by themselves."""

    def __init__(self) -> None:
        self.time, self.paused = 0.0, list[float]()

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        if seconds > 1.0:
            await asyncio.Event().wait()
        self.paused.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)


class StillClock(PauseClock):
    """No wait ends by time."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.Event().wait()


async def until(true: Callable[[], bool]) -> None:
    """What happens in tasks of the store's own says nothing when it has happened."""
    while not true():  # noqa: ASYNC110 - see above; the suite's timeout is the only clock
        await asyncio.sleep(0.002)


def caller(client_key: str = "site", account_id: str | None = "user") -> Caller:
    return Caller(client_key, account_id, account_id, None, "tenant-tag", "user-tag")


@asynccontextmanager
async def open_store(db: Database, **changes: Any) -> AsyncIterator[QuotaStore]:
    given = {
        "product_id": APP,
        "default_quota": 500_000,
        "clock": LoopClock(),
        "now": time.time,
        **changes,
    }
    async with open_quotas(db, **given) as store:
        yield store


async def use(store: QuotaStore, used: int, *, who: Caller | None = None, tokens: int = 1) -> None:
    """One whole call."""
    async with store.reserve(who or caller(), model=MODEL, tokens=tokens) as held:
        await held.settle(used)


async def left(db: Database, client_key: str = "site") -> int:
    rows = await fetch(
        db,
        "SELECT token_quota FROM gpt_dock_client_data "  # noqa: S608 - names of tests
        f"WHERE client_id = '{client_key}'",
    )
    return rows[0][0]


async def give(db: Database, tokens: int, client_key: str = "site") -> None:
    """An administrator sets what is left."""
    await run_sql(
        db,
        f"UPDATE gpt_dock_client_data SET token_quota = {tokens} "  # noqa: S608 - names of tests
        f"WHERE client_id = '{client_key}'",
    )


async def users(db: Database) -> list[tuple[Any, ...]]:
    return await fetch(
        db, "SELECT user_id, org_id, token_used, version FROM gpt_dock_user_data ORDER BY 1"
    )


async def set_aside(db: Database) -> list[int]:
    return [
        row[0]
        for row in await fetch(db, "SELECT tokens FROM bff_quota_reservations ORDER BY tokens")
    ]
