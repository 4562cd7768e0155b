"""Which tenant a Forge installation belongs to."""

import asyncio

import pytest

from bff.store.db import Database
from bff.store.tenants import TenantStore
from tests.store.test_tenants import INSTALL, store_of
from tests.support.clock import FakeClock
from tests.support.sql import fetch

ONE, TWO = "ari:cloud:ecosystem::installation/1", "ari:cloud:ecosystem::installation/2"


def install(client_key: str, installation_id: object) -> dict[str, object]:
    return {**INSTALL, "clientKey": client_key, "installationId": installation_id}


async def owner(store: TenantStore, installation_id: str) -> str | None:
    tenant = await store.find_installed(installation_id)
    return tenant and tenant.client_key


async def associations(db: Database) -> list[tuple[object, ...]]:
    return await fetch(
        db, 'SELECT "installationId", "clientKey" FROM "InstallationClientKeys" ORDER BY "id"'
    )


async def test_a_signed_install_ties_an_installation_to_its_tenant(db: Database) -> None:
    store = store_of(db)
    assert await owner(store, ONE) is None

    await store.save("a", install("a", ONE))
    await store.save("b", install("b", TWO))

    assert [await owner(store, ONE), await owner(store, TWO)] == ["a", "b"]
    assert await owner(store_of(db), ONE) == "a"
    assert await associations(db) == [(ONE, "a"), (TWO, "b")]


async def test_the_last_install_wins_and_leaves_one_row(db: Database) -> None:
    store = store_of(db)
    await store.save("a", install("a", ONE))
    assert await owner(store, ONE) == "a"

    await store.save("b", install("b", ONE))
    await store.save("b", install("b", ONE))

    assert await owner(store, ONE) == "b"
    assert await associations(db) == [(ONE, "b")]


async def test_ten_tenants_at_once_leave_one_row(db: Database) -> None:
    keys = [f"t{number}" for number in range(10)]

    await asyncio.gather(*(store_of(db).save(key, install(key, ONE)) for key in keys))

    [(_, last)] = await associations(db)
    assert last in keys


async def test_a_tenant_that_left_has_no_secret_by_either_way(db: Database) -> None:
    store = store_of(db)
    await store.save("a", install("a", ONE))
    assert (await store.find_installed(ONE)).secrets  # type: ignore[union-attr]

    await store.retire("a")

    tenant = await store.find_installed(ONE)
    assert tenant is not None
    assert tenant.secrets == ()


@pytest.mark.parametrize("value", [None, "", 5, ["x"], {}, "x" * 256, "a\x00b"])
async def test_what_is_no_installation_is_stored_with_the_install_and_ties_nothing(
    db: Database, value: object
) -> None:
    store = store_of(db)
    if value != "a\x00b" or db.dialect == "sqlite":
        await store.save("a", install("a", value))

    assert await associations(db) == []
    if isinstance(value, str):
        assert await owner(store, value) is None


async def test_another_process_is_believed_after_a_moment(db: Database) -> None:
    clock = FakeClock()
    here, there = store_of(db, clock), store_of(db, clock)
    await here.save("a", install("a", ONE))
    assert await owner(there, ONE) == "a"

    await here.save("b", install("b", ONE))
    clock.time += 6

    assert await owner(there, ONE) == "b"
