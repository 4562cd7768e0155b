import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import event

from bff.errors import Kind, Problem
from bff.policy.api_keys import beginning_of, hash_of, write_key
from bff.records import ApiKey
from bff.store import api_key_rows, api_keys, remembered
from bff.store.api_key_rows import NameTaken, create_key, list_keys, revoke_key
from bff.store.api_keys import ApiKeyStore, KeyUses
from bff.store.db import Database, open_database
from tests.support.clock import FakeClock
from tests.support.quotas import StillClock, until
from tests.support.sql import fetch, run_sql

NOW = 1_800_000_000.0
NO_KEY = write_key(bytes(32))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def uses(db: Database, clock: FakeClock) -> KeyUses:
    return KeyUses(db, now=lambda: NOW + clock.time)


@pytest.fixture
def store(db: Database, uses: KeyUses, clock: FakeClock) -> ApiKeyStore:
    return ApiKeyStore(db, uses, now=clock.now)


@asynccontextmanager
async def out_of_reach(db: Database) -> AsyncIterator[None]:
    """No table, so no query can be answered; its rows are there again afterwards."""
    await run_sql(db, "ALTER TABLE bff_api_keys RENAME TO elsewhere")
    try:
        yield
    finally:
        await run_sql(db, "ALTER TABLE elsewhere RENAME TO bff_api_keys")


@pytest.fixture
def queries(db: Database) -> list[str]:
    """What is asked of the table of keys."""
    seen: list[str] = []

    @event.listens_for(db._reading.sync_engine, "before_cursor_execute")
    def see(_connection, _cursor, statement: str, *_rest: object) -> None:
        if "bff_api_keys" in statement:
            seen.append(statement)

    return seen


async def last_used(db: Database, key: ApiKey) -> float | None:
    [found] = [row for row in await list_keys(db) if row.key.id == key.id]
    return found.last_used_at


async def test_a_key_is_found_by_its_text_with_all_that_it_may(db, store) -> None:
    plain, plain_text = await create_key(db, "plain", now=NOW)
    limited, limited_text = await create_key(
        db, "n8n", now=NOW, tenant="team", models=["openai/*", "claude-*"], streams=2, requests=30
    )

    assert await store.find(plain_text) == plain
    assert plain == ApiKey(plain.id, "plain", f"key:{plain.id}")
    assert await store.find(limited_text) == limited
    assert limited == ApiKey(limited.id, "n8n", "team", ("openai/*", "claude-*"), 2, 30)


@pytest.mark.parametrize("text", ["", "sk-other", "\x00", "\udc80", "sk-bff-short", "x" * 100_000])
async def test_what_has_not_our_shape_is_refused_without_a_query(store, queries, text) -> None:
    assert await store.find(text) is None
    assert queries == []


async def test_only_a_hash_and_a_beginning_are_stored(db) -> None:
    _, text = await create_key(db, "plain", now=NOW)

    rows = str(await fetch(db, "SELECT * FROM bff_api_keys"))
    assert hash_of(text) in rows
    assert beginning_of(text) in rows
    assert text[12:] not in rows


async def test_keys_are_listed_from_the_oldest_on(db) -> None:
    first, text = await create_key(db, "first", now=NOW, models=["openai/*"])
    second, _ = await create_key(db, "second", now=NOW + 1)
    await revoke_key(db, first.id, now=NOW + 2)

    assert await list_keys(db) == [
        api_key_rows.Listed(first, beginning_of(text), NOW, None, NOW + 2),
        api_key_rows.Listed(second, (await list_keys(db))[1].beginning, NOW + 1, None, None),
    ]


async def test_a_name_is_free_again_once_its_key_is_revoked(db) -> None:
    key, _ = await create_key(db, "n8n", now=NOW)
    with pytest.raises(NameTaken):
        await create_key(db, "n8n", now=NOW)

    await revoke_key(db, key.id, now=NOW)
    again, _ = await create_key(db, "n8n", now=NOW)

    assert again.id != key.id


async def test_of_several_who_take_a_name_at_once_one_gets_it(db) -> None:
    results = await asyncio.gather(
        *(create_key(db, "n8n", now=NOW) for _ in range(5)), return_exceptions=True
    )

    assert sorted(type(result).__name__ for result in results) == ["NameTaken"] * 4 + ["tuple"]
    assert len(await list_keys(db)) == 1


async def test_a_revoked_key_opens_no_door_five_seconds_later(db, store, clock) -> None:
    key, text = await create_key(db, "n8n", now=NOW)
    assert await store.find(text) == key

    revoked = await revoke_key(db, key.id, now=NOW + 1)

    assert revoked is not None
    assert revoked.revoked_at is None
    clock.time = 4.9
    assert await store.find(text) == key
    clock.time = 5.0
    assert await store.find(text) is None


async def test_the_time_of_the_first_revocation_stays(db) -> None:
    key, _ = await create_key(db, "n8n", now=NOW)
    await revoke_key(db, key.id, now=NOW + 1)

    again = await revoke_key(db, key.id, now=NOW + 2)

    assert again is not None
    assert again.revoked_at == NOW + 1
    assert [row.revoked_at for row in await list_keys(db)] == [NOW + 1]


async def test_a_key_that_never_was_cannot_be_revoked(db) -> None:
    assert await revoke_key(db, "key_unknown", now=NOW) is None


async def test_a_hundred_callers_of_one_key_cost_one_query(db, store, queries) -> None:
    key, text = await create_key(db, "n8n", now=NOW)
    queries.clear()

    assert await asyncio.gather(*(store.find(text) for _ in range(100))) == [key] * 100

    assert len(queries) == 1


async def test_a_hundred_keys_at_once_are_all_found(db, store) -> None:
    made = [await create_key(db, f"key {number}", now=NOW) for number in range(100)]

    found = await asyncio.gather(*(store.find(text) for _, text in made))

    assert found == [key for key, _ in made]


async def test_a_key_is_not_asked_for_again_within_five_seconds(db, store, clock, queries) -> None:
    _, text = await create_key(db, "n8n", now=NOW)
    queries.clear()
    for clock.time in (0.0, 2.0, 4.9):
        await store.find(text)
    assert len(queries) == 1

    clock.time = 5.0
    await store.find(text)

    assert len(queries) == 2


async def test_guesses_are_asked_once_a_second_and_take_no_memory(
    store, clock, queries, monkeypatch
) -> None:
    monkeypatch.setattr(remembered, "STRANGERS_MOST", 10)
    for number in range(50):
        assert await store.find(write_key(number.to_bytes(32))) is None
    assert len(store._remembered._strangers) == 10
    assert not store._remembered._known
    queries.clear()

    for clock.time in (0.0, 0.9, 1.0):
        assert await store.find(write_key((49).to_bytes(32))) is None

    assert len(queries) == 1


async def test_nobody_waits_forever_behind_those_who_guess(store, monkeypatch) -> None:
    monkeypatch.setattr(api_keys, "WAIT_S", 0.01)
    for _ in range(remembered.STRANGERS_AT_ONCE):
        await store._remembered._strangers_turn.acquire()

    with pytest.raises(Problem) as raised:
        await store.find(NO_KEY)

    assert raised.value.kind is Kind.OVERLOADED


async def test_a_known_key_opens_while_the_database_is_away(db, store, clock) -> None:
    key, text = await create_key(db, "n8n", now=NOW)
    await store.find(text)
    clock.time = 3599.0
    async with out_of_reach(db):
        assert await store.find(text) == key
        with pytest.raises(Problem) as raised:
            await store.find(NO_KEY)
        assert raised.value.kind is Kind.INTERNAL
        clock.time = 3600.0
        with pytest.raises(Problem):
            await store.find(text)

    assert await store.find(text) == key


@pytest.mark.parametrize("models", ["openai/*", '"openai/*"', "[1]", '{"a":1}', "null"])
async def test_a_row_that_somebody_spoiled_opens_no_door(db, store, models, written) -> None:
    if db.dialect == "postgresql" and models == "openai/*":
        models = "1"  # a JSON column of PostgreSQL's holds nothing but JSON
    key, text = await create_key(db, "n8n", now=NOW)
    await run_sql(db, f"UPDATE bff_api_keys SET models = '{models}'")  # noqa: S608 - a test's own

    assert await store.find(text) is None
    said = [line for line in written.lines if line["message"] == "api_key.unreadable"]
    assert [line["key"] for line in said] == [key.id], written.text
    assert [row.key.models for row in await list_keys(db)] == [("?",)]


async def test_uses_are_written_in_one_go_and_once_a_minute(
    db, store, uses, clock, queries
) -> None:
    (one, one_text), (other, other_text) = [
        await create_key(db, name, now=NOW) for name in ("one", "other")
    ]
    for text in (one_text, other_text, one_text):
        await store.find(text)
    queries.clear()
    await uses.write_due()
    assert len(queries) == 1
    assert (await last_used(db, one), await last_used(db, other)) == (NOW, NOW)

    for clock.time in (10.0, 59.0):
        await store.find(one_text)
        await uses.write_due()
    assert await last_used(db, one) == NOW

    clock.time = 60.0
    await uses.write_due()
    assert await last_used(db, one) == NOW + 59
    queries.clear()
    clock.time = 500.0
    await uses.write_due()
    assert queries == []
    assert not uses._written


async def test_an_older_use_never_replaces_a_newer(db) -> None:
    key, _ = await create_key(db, "n8n", now=NOW)

    for at in (NOW + 2, NOW + 1):
        await api_key_rows.mark_used(db, {key.id: at})

    assert await last_used(db, key) == NOW + 2


async def test_uses_wait_for_a_database_that_is_away(db, store, uses, clock, written) -> None:
    key, text = await create_key(db, "n8n", now=NOW)
    await store.find(text)
    async with out_of_reach(db):
        await uses.write_due()
    assert "api_keys.uses_wait" in written.text
    assert text[12:] not in written.text

    clock.time = 5.0
    await uses.write_due()

    assert await last_used(db, key) == NOW


async def test_a_use_during_the_write_is_written_next_time(db, uses, clock, monkeypatch) -> None:
    key, _ = await create_key(db, "n8n", now=NOW)
    uses.note(key.id)
    write = api_key_rows.mark_used

    async def write_and_use_again(*arguments: object) -> None:
        await write(*arguments)
        clock.time = 1.0
        uses.note(key.id)

    monkeypatch.setattr(api_key_rows, "mark_used", write_and_use_again)
    await uses.write_due()
    monkeypatch.setattr(api_key_rows, "mark_used", write)
    assert await last_used(db, key) == NOW

    clock.time = 62.0
    await uses.write_due()

    assert await last_used(db, key) == NOW + 1


class OnceClock(StillClock):
    """The first wait is over at once, no other ever."""

    waits = 0

    async def sleep(self, seconds: float) -> None:
        self.waits += 1
        if self.waits > 1:
            await super().sleep(seconds)


async def test_what_was_not_written_yet_is_written_at_the_end(db) -> None:
    key, text = await create_key(db, "n8n", now=NOW)

    async with api_keys.open_api_keys(db, clock=StillClock(), now=lambda: NOW) as store:
        await store.find(text)
        assert await last_used(db, key) is None

    assert await last_used(db, key) == NOW


async def test_a_failure_while_writing_ends_neither_the_task_nor_the_service(
    db, monkeypatch, written
) -> None:
    async def fail(_: KeyUses) -> None:
        raise RuntimeError

    monkeypatch.setattr(KeyUses, "write_due", fail)
    clock = OnceClock()

    async with api_keys.open_api_keys(db, clock=clock, now=lambda: NOW):
        await until(lambda: clock.waits == 2)

    assert "api_keys.task_failed" in written.text


async def test_the_end_comes_even_while_the_database_is_away(db) -> None:
    _, text = await create_key(db, "n8n", now=NOW)
    async with (
        out_of_reach(db),
        api_keys.open_api_keys(db, clock=StillClock(), now=lambda: NOW) as store,
    ):
        with pytest.raises(Problem):
            await store.find(text)
        store._uses.note("key_of_nobody")


async def test_no_key_reaches_a_log(db, store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("sqlalchemy.engine").setLevel(logging.DEBUG)
    try:
        _, text = await create_key(db, "n8n", now=NOW)
        await store.find(text)
        await store.find(NO_KEY)
        async with out_of_reach(db):
            with pytest.raises(Problem) as raised:
                await store.find(write_key(bytes(31) + b"1"))
    finally:
        logging.getLogger("sqlalchemy.engine").setLevel(logging.NOTSET)

    assert "bff_api_keys" in caplog.text  # it was looked at closely
    assert text[12:] not in caplog.text
    assert NO_KEY[12:] not in caplog.text
    assert hash_of(text) not in repr(raised.value.__cause__)


async def test_an_empty_database_is_away_for_keys(empty_url: str, clock: FakeClock) -> None:
    async with open_database(empty_url) as db:
        store = ApiKeyStore(db, KeyUses(db, now=lambda: NOW), now=clock.now)
        with pytest.raises(Problem) as raised:
            await store.find(NO_KEY)

    assert raised.value.kind is Kind.INTERNAL
