"""`bff migrate`: the schema up to date, duplicate tenants merged, quotas of a SQLite file imported.

Source: api-faces.md §7.1, node-bff.md §6.
"""

import asyncio
from pathlib import Path

import click

from bff.cli import Failure
from bff.errors import Problem
from bff.settings import read_settings
from bff.store.db import Database, DatabaseError, open_database, reason_of
from bff.store.duplicates import merge_duplicates
from bff.store.migrate import migrate, schema_state
from bff.store.quota_import import Found, Imported, NotAQuotaFile, import_quota, read_file
from bff.store.url import read_database_url

NAMED_MOST = 20  # rows named in one line


@click.command("migrate")
@click.option(
    "--import-quota",
    "quota_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Also copy the quotas out of the Node app's database.sqlite; it is only read.",
)
def command(quota_file: Path | None) -> None:
    """Bring the database to the current schema.

    Works on an empty database and on the Node app's own, whose tables are kept as they stand. Safe
    to run twice and from two dynos at once. Duplicate tenants whose rows say the same are merged.

    The Node app keeps quotas in a SQLite file even where its tenants are in PostgreSQL: import it
    once it has stopped, before this service answers. Where both have a row, the higher limit stays
    and the more that was used of any; a second import changes nothing.

    \b
    Example:
      DATABASE_URL=postgres://user:password@host/name bff migrate
      bff migrate --import-quota /srv/node-app/database.sqlite
    """
    settings = read_settings(upstream_needed=False)
    asyncio.run(_migrate(settings.database_url, quota_file))


async def _migrate(url: str, quota_file: Path | None) -> None:
    async with open_database(url) as db:
        try:
            found = None if quota_file is None else _read(quota_file, url)
            await _bring_up_to_date(db)
            if found is not None:
                for imported in await import_quota(db, found):
                    _report(imported)
        except Problem as problem:
            if isinstance(problem.__cause__, DatabaseError):
                raise Failure(
                    f"The database {reason_of(problem)}. Look at DATABASE_URL."
                ) from problem
            raise


def _read(quota_file: Path, url: str) -> dict[str, Found]:
    database = read_database_url(url)
    if database.dialect == "sqlite" and _is_same(quota_file, Path(database.place)):
        raise Failure(
            f"{quota_file} is the database itself: its quotas are in place, there is nothing to "
            "import."
        )
    try:
        return read_file(quota_file)
    except NotAQuotaFile as error:
        raise Failure(
            f"{quota_file} {error}. Give --import-quota the Node app's database.sqlite."
        ) from error


def _is_same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


def _report(imported: Imported) -> None:
    click.echo(
        f"{imported.table}: {imported.added} rows added, {imported.changed} changed, "
        f"{imported.same} left as they were."
    )
    if imported.odd:
        named = ", ".join(map(str, imported.odd[:NAMED_MOST]))
        more = ", …" if len(imported.odd) > NAMED_MOST else ""
        click.echo(
            f"{imported.table}: {len(imported.odd)} rows of the file hold what no column can and "
            f"were left out (rowid {named}{more})."
        )


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
