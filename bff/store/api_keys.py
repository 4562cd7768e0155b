"""Keys of integrators as handlers use them: found in memory for seconds, and longer while the
database is away; when they were last used is written behind the caller's back.

Neither a key nor its text is kept here, only hashes. Source: contract api-faces.md §1, §7.4.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Protocol

import structlog

from bff.errors import Kind, Problem
from bff.policy import api_keys
from bff.records import ApiKey
from bff.store import api_key_rows
from bff.store.db import Database, database_problems, is_away, reason_of
from bff.store.remembered import Remembered

FRESH_S = 5.0  # a key that was revoked opens no door after that
STALE_S = 3600.0  # while the database is away
PATIENCE_S = 5.0  # for one lookup, connecting included
WAIT_S = 10.0  # for its turn too, behind whoever tries keys that do not exist
BATCH_S = 5.0  # between looks at what is to be written
BETWEEN_S = 60.0  # between two times written for one key
CLOSING_S = 2.0
_log = structlog.get_logger("bff.api_keys")


class Clock(Protocol):
    """Monotonic seconds, and the only way to wait."""

    def now(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class KeyUses:
    """When keys were last used, by id, until it is written. *now* is seconds since 1970."""

    def __init__(self, db: Database, *, now: Callable[[], float]) -> None:
        self._db, self._now = db, now
        self._seen: dict[str, float] = {}
        self._written: dict[str, float] = {}  # within BETWEEN_S

    def note(self, key_id: str) -> None:
        self._seen[key_id] = self._now()

    async def write_due(self) -> None:
        """Once in BETWEEN_S for each key. What cannot be written is kept; nothing is raised."""
        since = self._now() - BETWEEN_S
        self._written = {key_id: at for key_id, at in self._written.items() if at > since}
        await self._write({key: at for key, at in self._seen.items() if key not in self._written})

    async def write_all(self) -> None:
        """The last words of a process."""
        await self._write(dict(self._seen))

    async def _write(self, due: dict[str, float]) -> None:
        if not due:
            return
        try:
            await api_key_rows.mark_used(self._db, due)
        except Problem as problem:
            _log.warning("api_keys.uses_wait", reason=reason_of(problem), keys=len(due))
            return
        written_at = self._now()
        for key_id, at in due.items():
            self._written[key_id] = written_at
            if self._seen[key_id] == at:  # else it was used again meanwhile
                del self._seen[key_id]


class ApiKeyStore:
    """Made by `open_api_keys`, which has its uses written. *now* is monotonic seconds."""

    def __init__(self, db: Database, uses: KeyUses, *, now: Callable[[], float]) -> None:
        self._db, self._uses = db, uses
        self._remembered = Remembered(
            self._look_up,
            is_away=is_away,
            now=now,
            fresh_s=FRESH_S,
            stale_s=STALE_S,
            away_s=PATIENCE_S,
        )

    async def find(self, text: str) -> ApiKey | None:
        """The key that *text* proves; None for any other text, and for a key that was revoked.

        Raises Problem(INTERNAL) when storage is away and memory is empty, Problem(OVERLOADED) when
        too many try keys that do not exist.
        """
        if not api_keys.is_ours(text):
            return None
        try:
            async with asyncio.timeout(WAIT_S):
                key = await self._remembered.find(api_keys.hash_of(text))
        except TimeoutError as error:
            raise Problem(
                Kind.OVERLOADED, "API keys cannot be looked up right now. Please try again."
            ) from error
        if key is not None:
            self._uses.note(key.id)
        return key

    async def _look_up(self, key_hash: str) -> ApiKey | None:
        with database_problems():
            async with asyncio.timeout(PATIENCE_S), self._db.reading() as connection:
                return await api_key_rows.find_by_hash(connection, key_hash)


@asynccontextmanager
async def open_api_keys(
    db: Database, *, clock: Clock, now: Callable[[], float]
) -> AsyncIterator[ApiKeyStore]:
    """Opens whether or not the database is there. *now* is seconds since 1970."""
    uses = KeyUses(db, now=now)
    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(_keep_writing(uses, clock))
        try:
            yield ApiKeyStore(db, uses, now=clock.now)
        finally:
            writing.cancel()
            await asyncio.wait({writing})
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSING_S):
                    await uses.write_all()


async def _keep_writing(uses: KeyUses, clock: Clock) -> None:
    while True:
        await clock.sleep(BATCH_S)
        try:
            await uses.write_due()
        except Exception as error:  # noqa: BLE001 - must not end the group, and with it the service
            _log.error("api_keys.task_failed", exc_info=error)
