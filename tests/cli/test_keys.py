"""`bff keys` as an operator uses it, and what its keys then open."""

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from bff.policy.api_keys import hash_of, is_ours
from bff.settings import variables
from bff.store.db import open_database
from bff.store.migrate import migrate
from tests.support.commands import Ran, run_command
from tests.support.postgres import Postgres, open_postgres
from tests.support.service import open_service
from tests.support.sql import run_sql


@pytest.fixture(autouse=True)
def nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of our settings, no `.env`, and a database that is there."""
    for name in (name for names in variables().values() for name in names):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with open_postgres() as server:
        yield server


async def keys(*arguments: str) -> Ran:
    return await run_command("keys", *arguments)


def tag_of(tenant: str) -> str:
    """How a line of the log names *tenant*."""
    return f"t:{hashlib.sha256(tenant.encode()).hexdigest()[:16]}"


async def make(*arguments: str) -> tuple[str, str]:
    """The id and the text of a new key."""
    made = await keys("create", *arguments)
    assert made.code == 0, made.err
    found = re.search(r"\((key_[a-z0-9]{12})\)", made.err)
    assert found is not None
    return found[1], made.out.removesuffix("\n")


async def listed() -> list[dict]:
    return orjson.loads((await keys("list", "--json")).out)["keys"]


async def test_a_key_goes_alone_to_stdout_so_that_a_script_may_take_it(monkeypatch) -> None:
    monkeypatch.setenv("AC_LOCAL_BASE_URL", "https://bff.example.com/base/")

    made = await keys("create", "n8n")

    assert is_ours(made.out.removesuffix("\n"))
    assert made.out.strip()[12:] not in made.err
    assert "not shown again" in made.err
    assert "OPENAI_BASE_URL=https://bff.example.com/base/v1 " in made.err
    assert "ANTHROPIC_BASE_URL=https://bff.example.com/base " in made.err
    assert "curl https://bff.example.com/base/v1/models" in made.err


async def test_a_key_opens_the_running_service_until_it_is_revoked(
    tmp_path: Path, monkeypatch
) -> None:
    async with open_service(tmp_path) as service:
        monkeypatch.setenv("DATABASE_URL", f"sqlite:///{service.database}")
        key_id, text = await make("n8n", "--model", "openai/*", "--streams", "2")
        _, other_text = await make("laptop")

        found = await service.services.keys.find(text)
        assert found is not None
        assert (found.id, found.models, found.streams, found.requests) == (
            *(key_id, ("openai/*",), 2, None),
        )

        revoked = await keys("revoke", key_id)
        assert (revoked.code, revoked.err) == (0, "")
        assert (
            revoked.out == f'Key "n8n" ({key_id}) is revoked: it opens no door after 5 seconds.\n'
        )

    async with open_service(tmp_path) as service:  # remembers nothing
        assert await service.services.keys.find(text) is None
        assert await service.services.keys.find(other_text) is not None


async def test_a_list_shows_everything_but_the_key(tmp_path: Path) -> None:
    one, text = await make(
        *("n8n", "--model", "openai/*", "--model", "claude-*", "--tenant", "team"),
        *("--streams", "3", "--requests", "60"),
    )
    other, _ = await make("laptop")
    await keys("revoke", other)
    with sqlite3.connect(tmp_path / "database.sqlite") as db:
        db.execute("UPDATE bff_api_keys SET created_at = 1800000000, last_used_at = 1800000060.5")
        db.execute("UPDATE bff_api_keys SET last_used_at = NULL WHERE name = 'laptop'")
        db.execute("UPDATE bff_api_keys SET revoked_at = 1800000120 WHERE name = 'laptop'")

    table, as_json = await keys("list"), await listed()

    assert (table.code, table.err) == (0, "")
    assert text[12:] not in table.out + str(as_json)
    head, *rows = [re.split(r" {2,}", line) for line in table.out.splitlines()]
    assert head == [
        *("ID", "NAME", "TENANT", "STARTS WITH", "IN LOGS", "MODELS"),
        *("LIMITS", "CREATED", "LAST USED", "REVOKED"),
    ]
    assert sorted(rows, reverse=True, key=lambda row: row[1]) == [
        [
            *(one, "n8n", "team", f"{text[:11]}…", tag_of("team")),
            *("openai/*, claude-*", "3 at once, 60/minute"),
            *("2027-01-15 08:00", "2027-01-15 08:01", "-"),
        ],
        [
            *(other, "laptop", f"key:{other}", rows[[r[1] for r in rows].index("laptop")][3]),
            *(tag_of(f"key:{other}"), "all", "-", "2027-01-15 08:00", "never", "2027-01-15 08:02"),
        ],
    ]
    [found] = [row for row in as_json if row["id"] == one]
    assert found == {
        "id": one,
        "name": "n8n",
        "tenant": "team",
        "starts_with": text[:11],
        "in_logs": tag_of("team"),
        "models": ["openai/*", "claude-*"],
        "streams": 3,
        "requests_per_minute": 60,
        "created_at": "2027-01-15T08:00:00Z",
        "last_used_at": "2027-01-15T08:01:00Z",
        "revoked_at": None,
    }


async def test_only_a_hash_reaches_the_file(tmp_path: Path) -> None:
    _, text = await make("n8n")

    stored = (tmp_path / "database.sqlite").read_bytes()  # closed, so nothing is in its log

    assert hash_of(text).encode() in stored
    assert text[12:].encode() not in stored


async def test_a_key_is_made_now() -> None:
    before = datetime.now(UTC).replace(microsecond=0)

    await make("n8n")

    [found] = await listed()
    assert before <= datetime.fromisoformat(found["created_at"]) <= datetime.now(UTC)


async def test_a_list_of_no_keys_says_how_to_make_one(tmp_path: Path) -> None:
    (tmp_path / "database.sqlite").touch()

    ran = await keys("list")

    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "There is no key yet. Make one: bff keys create NAME\n"
    assert await listed() == []


async def test_a_new_database_is_named_for_it_may_be_the_wrong_one(tmp_path: Path) -> None:
    first, second = await keys("create", "one"), await keys("create", "two")

    assert f"There was no database: {tmp_path / 'database.sqlite'} is new." in first.err
    assert "There was no database" not in second.err


async def test_a_name_in_use_is_refused(tmp_path: Path) -> None:
    key_id, _ = await make("n8n")

    again = await keys("create", "n8n")

    assert (again.code, again.out) == (1, "")
    assert again.err.startswith('A key named "n8n" is in use: ')
    assert len(again.err.splitlines()) == 1
    await keys("revoke", key_id)
    await make("n8n")


async def test_revoking_twice_says_when_it_was(tmp_path: Path) -> None:
    key_id, _ = await make("n8n")
    await keys("revoke", key_id)
    with sqlite3.connect(tmp_path / "database.sqlite") as db:
        db.execute("UPDATE bff_api_keys SET revoked_at = 1800000000")

    again = await keys("revoke", key_id)

    assert (again.code, again.err) == (0, "")
    assert again.out == f'Key "n8n" ({key_id}) was revoked before, at 2027-01-15 08:00 UTC.\n'


async def test_an_id_nobody_has_is_not_said_again_for_it_may_be_a_key() -> None:
    _, text = await make("n8n")

    ran = await keys("revoke", text)

    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "There is no key of that id: `bff keys list` shows them.\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("create",),
        ("create", ""),
        ("create", " "),
        ("create", "a\nb"),
        ("create", "x" * 101),
        ("create", "n8n", "--tenant", ""),
        ("create", "n8n", "--tenant", "x" * 256),
        ("create", "n8n", "--model", "openai/*", "--model", ""),
        ("create", "n8n", "--streams", "0"),
        ("create", "n8n", "--requests", "0"),
        ("create", "n8n", "--requests", "many"),
        ("revoke",),
        ("forget",),
    ],
)
async def test_bad_usage_is_one_line_and_makes_nothing(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    ran = await keys(*arguments)

    assert (ran.code, ran.out) == (2, "")
    assert len(ran.err.splitlines()) == 1
    assert "--help" in ran.err
    assert not (tmp_path / "database.sqlite").exists()


async def test_a_postgresql_is_left_to_bff_migrate(postgres: Postgres, monkeypatch) -> None:
    url = await postgres.create("keys")
    monkeypatch.setenv("DATABASE_URL", url)
    ran = await keys("create", "n8n")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "The database's schema is behind: run `bff migrate` first.\n"

    async with open_database(url) as db:
        await migrate(db)
        key_id, _ = await make("n8n")
        await run_sql(db, "UPDATE bff_schema_version SET version_num = 'r9042'")

    assert [key["id"] for key in await listed()] == [key_id]


async def test_a_database_out_of_reach_is_one_line(monkeypatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://u:hush@127.0.0.1:1/n")

    ran = await keys("list")

    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "The database cannot be reached. Look at DATABASE_URL.\n"


async def test_a_file_of_a_newer_release_is_refused_by_name(tmp_path: Path) -> None:
    await make("n8n")
    with sqlite3.connect(tmp_path / "database.sqlite") as db:
        db.execute("UPDATE bff_schema_version SET version_num = 'r9042'")

    ran = await keys("list")

    assert ran.code == 1
    assert "r9042 is newer than this release" in ran.err
