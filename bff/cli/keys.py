"""`bff keys`: the API keys that open the faces of integrators. Made, listed, revoked.

A key goes to stdout alone, once, and everything about it to stderr, so that a script may take it.
Source: operations.md "Commands", api-faces.md §7.4.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson

from bff.cli import Failure
from bff.connect.tokens import tags
from bff.errors import Problem
from bff.records import ApiKey
from bff.settings import read_settings
from bff.store.api_key_rows import Listed, NameTaken, create_key, list_keys, revoke_key
from bff.store.api_keys import FRESH_S
from bff.store.db import Database, DatabaseError, open_database, reason_of
from bff.store.migrate import migrate, schema_state
from bff.store.url import read_database_url

NAME_MOST = 100  # characters: a table has other columns too
TENANT_MOST = 255
COLUMNS = (
    "ID", "NAME", "TENANT", "STARTS WITH", "IN LOGS", "MODELS", "LIMITS", "CREATED",
    "LAST USED", "REVOKED",
)  # fmt: skip
_Result = TypeVar("_Result")


def _text(most: int) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """For one text or several; names a column can hold and a terminal can show."""

    def check(_ctx: click.Context, _option: click.Parameter, given: Any) -> Any:
        for text in (given,) if isinstance(given, str) else given or ():
            if not text.strip() or len(text) > most or not text.isprintable():
                raise click.BadParameter(f"it may hold 1 to {most} characters that can be printed.")
        return given

    return check


@click.group("keys")
def command() -> None:
    """Make, list and revoke the API keys that open the OpenAI and Anthropic faces.

    \b
    Examples:
      bff keys create n8n
      bff keys create agent --model 'anthropic/*' --streams 5 --requests 60
      bff keys list
      bff keys revoke key_5f0c19d27ab4
    """


@command.command("create")
@click.argument("name", callback=_text(NAME_MOST))
@click.option(
    "--tenant",
    metavar="NAME",
    callback=_text(TENANT_MOST),
    help="Let the key share the conversations and the limits of this tenant: of other keys made "
    "with the same NAME, or of the site whose client key NAME is. Without it the key is a tenant "
    "of its own.",
)
@click.option(
    "--model",
    "models",
    metavar="PATTERN",
    multiple=True,
    callback=_text(TENANT_MOST),
    help="Only models whose name fits, as it is asked or as provider/model; * stands for anything. "
    "May be given several times.",
)
@click.option(
    "--streams",
    type=click.IntRange(1, 10_000),
    help="Answers it may have open at a time, in each worker process.",
)
@click.option(
    "--requests",
    type=click.IntRange(1, 1_000_000),
    help="Requests it may begin within a minute, in each worker process.",
)
def create(
    name: str,
    tenant: str | None,
    models: tuple[str, ...],
    streams: int | None,
    requests: int | None,
) -> None:
    """Make a key and print it, once: only its hash is stored. NAME says whose it is.

    \b
    Example:
      export BFF_KEY="$(bff keys create laptop)"
    """

    async def make(db: Database) -> tuple[ApiKey, str]:
        return await create_key(
            db,
            name,
            now=_now(),
            tenant=tenant,
            models=models,
            streams=streams,
            requests=requests,
        )

    try:
        key, text = _with_database(make)
    except NameTaken as error:
        raise Failure(
            f'A key named "{name}" is in use: choose another name, or revoke that one first '
            "(`bff keys list` shows its id)."
        ) from error
    click.echo(text)
    click.echo(_how_to_use(key, read_settings(upstream_needed=False).base_url), err=True)


def _how_to_use(key: ApiKey, base_url: str) -> str:
    base_url = base_url.rstrip("/")
    return f"""
This is key "{key.name}" ({key.id}). It is not shown again: keep it where secrets are kept.

OpenAI clients:     OPENAI_BASE_URL={base_url}/v1   OPENAI_API_KEY=<the key>
Anthropic clients:  ANTHROPIC_BASE_URL={base_url}   ANTHROPIC_API_KEY=<the key>
Try it:             curl {base_url}/v1/models -H "Authorization: Bearer <the key>"
"""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs; times are UTC.")
def list_(as_json: bool) -> None:
    """Show every key there ever was, oldest first; never a key itself. Times are UTC.

    \b
    Example:
      bff keys list --json
    """
    keys = _with_database(list_keys)
    if as_json:
        click.echo(orjson.dumps({"keys": [_as_json(listed) for listed in keys]}).decode())
    elif keys:
        click.echo(_as_table(keys))
    else:
        click.echo("There is no key yet. Make one: bff keys create NAME", err=True)


@command.command("revoke")
@click.argument("key_id", metavar="ID")
def revoke(key_id: str) -> None:
    """Take a key back for good. ID is what `bff keys list` shows.

    \b
    Example:
      bff keys revoke key_5f0c19d27ab4
    """

    async def take_back(db: Database) -> Listed | None:
        return await revoke_key(db, key_id, now=_now())

    found = _with_database(take_back)
    if found is None:  # what was given is not said again: it may be a key
        raise Failure("There is no key of that id: `bff keys list` shows them.")
    named = f'Key "{found.key.name}" ({found.key.id})'
    if found.revoked_at is not None:
        click.echo(f"{named} was revoked before, at {_minute(found.revoked_at)} UTC.")
    else:
        click.echo(f"{named} is revoked: it opens no door after {FRESH_S:.0f} seconds.")


def _with_database(work: Callable[[Database], Awaitable[_Result]]) -> _Result:
    url = read_settings(upstream_needed=False).database_url
    database = read_database_url(url)
    file = Path(database.place) if database.dialect == "sqlite" else None
    is_new = file is not None and not file.exists()
    result = asyncio.run(_work(url, work))
    if file is not None and is_new:  # perhaps the wrong folder, and its keys would open nothing
        click.echo(
            f"There was no database: {file.resolve()} is new. Where the service uses another one, "
            "set DATABASE_URL or ACE_SERVER_DB_DIR as it does.",
            err=True,
        )
    return result


async def _work(url: str, work: Callable[[Database], Awaitable[_Result]]) -> _Result:
    """With a database as `bff serve` makes it ready: a SQLite file is brought up to date,
    PostgreSQL is left to `bff migrate`. Raises Failure.
    """
    async with open_database(url) as db:
        try:
            if db.dialect == "sqlite":
                await migrate(db)
            elif (await schema_state(db)).behind:
                raise Failure("The database's schema is behind: run `bff migrate` first.")
            return await work(db)
        except Problem as problem:
            if isinstance(problem.__cause__, DatabaseError):
                raise Failure(
                    f"The database {reason_of(problem)}. Look at DATABASE_URL."
                ) from problem
            raise


def _now() -> float:
    return datetime.now(UTC).timestamp()


def _as_json(listed: Listed) -> dict[str, Any]:
    key = listed.key
    return {
        "id": key.id,
        "name": key.name,
        "tenant": key.tenant,
        "starts_with": listed.beginning.rstrip("…"),
        "in_logs": _log_tag(key),
        "models": list(key.models),
        "streams": key.streams,
        "requests_per_minute": key.requests,
        "created_at": _iso(listed.created_at),
        "last_used_at": _iso(listed.last_used_at),
        "revoked_at": _iso(listed.revoked_at),
    }


def _as_table(keys: Sequence[Listed]) -> str:
    rows = [COLUMNS, *(_row(listed) for listed in keys)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _row(listed: Listed) -> tuple[str, ...]:
    key = listed.key
    limits = [f"{key.streams} at once"] if key.streams else []
    limits += [f"{key.requests}/minute"] if key.requests else []
    return (
        key.id,
        key.name,
        key.tenant,
        listed.beginning,
        _log_tag(key),
        ", ".join(key.models) or "all",
        ", ".join(limits) or "-",
        _minute(listed.created_at),
        "never" if listed.last_used_at is None else _minute(listed.last_used_at),
        "-" if listed.revoked_at is None else _minute(listed.revoked_at),
    )


def _log_tag(key: ApiKey) -> str:
    """How its tenant is named in a line of the log: a stranger cannot read it back."""
    return tags(key.tenant, None)[0]


def _minute(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def _iso(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
