"""SQL as somebody else would say it: no tables of ours, no types of ours."""

from typing import Any

from bff.store.db import Database


async def run_sql(db: Database, *statements: str) -> None:
    async with db.transaction() as connection:
        for statement in statements:
            await connection.exec_driver_sql(statement)


async def fetch(db: Database, query: str) -> list[tuple[Any, ...]]:
    async with db.reading() as connection:
        return [tuple(row) for row in await connection.exec_driver_sql(query)]


async def put_row(
    db: Database, client_key: str | None, val: str | None, key: str = "clientInfo"
) -> None:
    """*val* is the text of a JSON value, as it stands in the column."""
    literals = ", ".join(
        "NULL" if value is None else _quote(value) for value in (client_key, key, val)
    )
    columns = '"clientKey", "key", "val"'
    await run_sql(db, f'INSERT INTO "AddonSettings" ({columns}) VALUES ({literals})')  # noqa: S608 - quoted


async def stored(db: Database) -> list[tuple[Any, ...]]:
    """Every row but its id, oldest first; `val` as text."""
    return await fetch(
        db, 'SELECT "clientKey", "key", CAST("val" AS TEXT) FROM "AddonSettings" ORDER BY "id"'
    )


def _quote(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
