"""`bff migrate`: the schema up to date, duplicate tenants merged. Source: api-faces.md §7.1."""

import asyncio

import click

from bff.cli import Failure
from bff.errors import Problem
from bff.settings import read_settings
from bff.store.db import Database, DatabaseError, open_database, reason_of
from bff.store.duplicates import merge_duplicates
from bff.store.migrate import migrate, schema_state


@click.command("migrate")
def command() -> None:
    """Bring the database to the current schema.

    Works on an empty database and on the Node app's own, whose tables are kept as they stand. Safe
    to run twice and from two dynos at once. Duplicate tenants whose rows say the same are merged.

    \b
    Example:
      DATABASE_URL=postgres://user:password@host/name bff migrate
    """
    settings = read_settings(upstream_needed=False)
    asyncio.run(_migrate(settings.database_url))


async def _migrate(url: str) -> None:
    async with open_database(url) as db:
        try:
            await _bring_up_to_date(db)
        except Problem as problem:
            if isinstance(problem.__cause__, DatabaseError):
                raise Failure(
                    f"The database {reason_of(problem)}. Look at DATABASE_URL."
                ) from problem
            raise


async def _bring_up_to_date(db: Database) -> None:
    for step in await migrate(db):
        click.echo(f"{step} applied.")
    state = await schema_state(db)
    click.echo(f"The schema is up to date ({state.head}).")
    duplicates = await merge_duplicates(db)
    if duplicates.surplus:
        click.echo(f"{duplicates.surplus} duplicate tenant rows merged.")
    if duplicates.undecided:
        click.echo(
            f"{duplicates.undecided} tenants keep rows with different secrets: each of them is "
            "tried until the tenant's next install leaves one."
        )
