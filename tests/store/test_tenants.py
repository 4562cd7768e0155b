import asyncio
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from bff.errors import Kind, Problem
from bff.store.db import Database, open_database
from bff.store.migrate import migrate
from bff.store.tenants import TenantStore
from tests.support.clock import FakeClock
from tests.support.sql import fetch, put_row, run_sql, stored

INSTALL: dict[str, Any] = {
    "key": "gptdock-confluence",
    "clientKey": "site",
    "sharedSecret": "s1",
    "baseUrl": "https://x.atlassian.net/wiki",
    "description": "Zürich 日本 😀",
    "installationId": None,
}
FRIDAY = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)


def store_of(db: Database, clock: FakeClock | None = None) -> TenantStore:
    return TenantStore(db, now=(clock or FakeClock()).now, today=lambda: FRIDAY)


def install(secret: str) -> dict[str, Any]:
    return {**INSTALL, "sharedSecret": secret}


async def values(db: Database) -> list[Any]:
    return [orjson.loads(val) for _, _, val in await stored(db)]


async def test_what_was_saved_is_found_by_another_process(db: Database) -> None:
    await store_of(db).save("site", INSTALL)

    found = await store_of(db).find("site")

    assert found is not None
    assert (found.client_key, found.key) == ("site", "gptdock-confluence")
    assert found.base_url == "https://x.atlassian.net/wiki"
    assert found.secrets == ("s1",)
    assert found.settings == INSTALL
    assert await store_of(db).find("other") is None


async def test_an_install_is_stored_verbatim_and_replaced_whole(db: Database) -> None:
    store = store_of(db)
    await store.save("site", {**INSTALL, "unknown": {"deep": [1, 2.5, True, None]}})
    await store.save("site", install("s2"))

    assert [row[:2] for row in await stored(db)] == [("site", "clientInfo")]
    assert await values(db) == [install("s2")]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(st.characters(codec=None)), number=st.integers() | st.none())
async def test_any_json_survives_the_column(db: Database, text: str, number: int | None) -> None:
    payload = {**INSTALL, "text": text, "number": number, text: [text]}

    await store_of(db).save("site", payload)
    found = await store_of(db).find("site")

    assert found is not None
    assert found.settings == payload


async def test_twenty_installs_at_once_leave_one_row(db: Database) -> None:
    stores = [store_of(db) for _ in range(20)]

    await asyncio.gather(*(store.save("site", install(f"s{n}")) for n, store in enumerate(stores)))

    assert len(await stored(db)) == 1
    [left] = await values(db)
    found = await stores[0].find_fresh("site")
    assert found is not None
    assert found.secrets == (left["sharedSecret"],)


async def test_two_pools_installing_at_once_leave_one_row(empty_url: str, db: Database) -> None:
    async with open_database(empty_url) as other:
        first, second = store_of(db), store_of(other)
        await asyncio.gather(
            *(store.save("site", install(f"s{n}")) for n in range(5) for store in (first, second))
        )

    assert len(await stored(db)) == 1


async def test_duplicate_rows_all_open_the_door_until_an_install_heals_them(
    node_db: Database,
) -> None:
    for secret in ("s1", "s2", "s3"):
        await put_row(node_db, "site", orjson.dumps(install(secret)).decode())
    await put_row(node_db, "other", orjson.dumps(install("s9")).decode())
    store = store_of(node_db)

    found = await store.find("site")
    assert found is not None
    assert found.secrets == ("s3", "s2", "s1")

    await store.save("site", install("s4"))

    healed = await store.find("site")
    assert healed is not None
    assert healed.secrets == ("s4",)
    assert [row[0] for row in await stored(node_db)] == ["site", "other"]
    assert await values(node_db) == [install("s4"), install("s9")]


@pytest.mark.parametrize(
    ("val", "secrets"),
    [
        ('"{\\"sharedSecret\\":\\"s1\\"}"', ("s1",)),
        ('{"sharedSecret":"s1"}', ("s1",)),
        ('{"sharedSecret":""}', ()),
        ('{"sharedSecret":5}', ()),
        ("{}", ()),
        ("null", None),
        (None, None),
        ("5", None),
        ("[1]", None),
        ('"text"', None),
    ],
)
async def test_whatever_stands_in_the_column_is_read(
    node_db: Database, val: str | None, secrets: tuple[str, ...] | None
) -> None:
    await put_row(node_db, "site", val)

    found = await store_of(node_db).find("site")

    assert (found.secrets if found else None) == secrets


async def test_other_settings_of_the_tenant_are_not_its_install(node_db: Database) -> None:
    await put_row(node_db, "site", '{"sharedSecret":"no"}', key="preferences")

    assert await store_of(node_db).find("site") is None

    await store_of(node_db).save("site", INSTALL)
    assert len(await stored(node_db)) == 2


async def test_columns_of_others_are_left_alone(node_db: Database) -> None:
    await store_of(node_db).save("site", INSTALL)
    await store_of(node_db).save("site", install("s2"))
    await store_of(node_db).retire("site")

    assert len(await stored(node_db)) == 1


async def test_retiring_takes_every_secret_and_keeps_every_row(db: Database) -> None:
    await put_row(db, "site", orjson.dumps(install("s1")).decode())
    await put_row(db, "site", orjson.dumps(orjson.dumps(install("s2")).decode()).decode())
    await put_row(db, "site", '{"theme":"dark","apiToken":"t"}', key="preferences")
    await put_row(db, "site", '"text"', key="note")
    await put_row(db, "other", orjson.dumps(install("s9")).decode())
    store = store_of(db)
    await store.find("site")

    await store.retire("site")

    found = await store.find("site")
    assert found is not None
    assert found.secrets == ()
    retired = {name: value for name, value in INSTALL.items() if name != "sharedSecret"}
    retired["retiredAt"] = "2026-11-27T10:00:00Z"
    assert await values(db) == [retired, retired, {"theme": "dark"}, "text", install("s9")]


async def test_what_cannot_be_read_is_not_kept_when_a_tenant_retires(db: Database) -> None:
    await put_row(db, "site", '"{\\"sharedSecret\\":\\"s1\\""')

    await store_of(db).retire("site")

    assert await values(db) == [{"retiredAt": "2026-11-27T10:00:00Z"}]


async def test_a_stranger_can_retire_and_a_retired_tenant_can_come_back(db: Database) -> None:
    store = store_of(db)
    await store.retire("site")
    assert await store.find("site") is None

    await store.save("site", install("s2"))

    found = await store.find("site")
    assert found is not None
    assert found.secrets == ("s2",)


async def test_another_process_learns_of_an_install_at_once_when_a_signature_fails(
    db: Database,
) -> None:
    here, there = store_of(db), store_of(db)
    await here.save("site", INSTALL)
    await there.find("site")

    await here.save("site", install("s2"))

    known, asked = await there.find("site"), await there.find_fresh("site")
    assert known is not None
    assert asked is not None
    assert (known.secrets, asked.secrets) == (("s1",), ("s2",))
    assert await there.find("site") is asked


async def test_a_tenant_is_found_while_the_database_is_away(db: Database) -> None:
    clock = FakeClock()
    store = store_of(db, clock)
    await store.save("site", INSTALL)
    await run_sql(db, 'ALTER TABLE "AddonSettings" RENAME TO gone')
    clock.time = 3599.0

    found = await store.find("site")
    assert found is not None
    assert found.secrets == ("s1",)

    for lookup in (store.find("other"), store.save("site", INSTALL), store.retire("site")):
        with pytest.raises(Problem) as failed:
            await lookup
        assert failed.value.kind is Kind.INTERNAL
        assert failed.value.public == "Storage is not available at the moment. Please try again."

    await run_sql(db, 'ALTER TABLE gone RENAME TO "AddonSettings"')
    again = await store.find("site")
    assert again is not None


async def test_a_database_that_does_not_answer_is_away(db: Database) -> None:
    store = TenantStore(db, now=FakeClock().now, patience_s=0.05)
    async with db.transaction() as connection:
        if db.dialect == "postgresql":  # on SQLite nobody can hold a reader up
            await connection.exec_driver_sql('LOCK TABLE "AddonSettings"')
            with pytest.raises(Problem, match="Storage is not available"):
                await store.find("site")

        with pytest.raises(Problem, match="Storage is not available"):
            await store.save("site", INSTALL)

    assert await stored(db) == []
    assert await fetch(db, "SELECT 1") == [(1,)]


async def test_a_value_never_stands_in_a_statement(db: Database) -> None:
    statements: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    engine = db._reading.sync_engine
    event.listen(engine, "before_cursor_execute", note)

    await store_of(db).save("site", INSTALL)
    await store_of(db).retire("site")

    assert statements
    assert not any("s1" in statement or "'site'" in statement for statement in statements)


async def test_saving_works_on_an_empty_database_once_it_is_migrated(empty: Database) -> None:
    with pytest.raises(Problem):
        await store_of(empty).save("site", INSTALL)

    await migrate(empty)
    await store_of(empty).save("site", INSTALL)

    assert len(await stored(empty)) == 1


@pytest.mark.parametrize("name", ["a\0b", "x" * 256, "\ud800", ""])
async def test_a_name_that_cannot_be_stored_is_nobody_and_no_sign_of_trouble(
    db: Database, name: str
) -> None:
    store = store_of(db)

    assert await store.find(name) is None
    assert await store.find_fresh(name) is None
    await store.retire(name)
