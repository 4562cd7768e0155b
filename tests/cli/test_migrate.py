import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.node_app import QUOTA_SEQUELIZE
from tests.support.schema import APPLIED, HEAD

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, **env: str) -> tuple[int, str, str]:
    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-m", "bff", *arguments],
        env={"PYTHONPATH": str(ROOT), **env},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_migrating_twice_needs_nothing_but_a_place(tmp_path: Path) -> None:
    assert run("migrate") == (0, f"{APPLIED}The schema is up to date ({HEAD}).\n", "")
    assert run("migrate") == (0, f"The schema is up to date ({HEAD}).\n", "")
    assert (tmp_path / "database.sqlite").exists()


@pytest.mark.parametrize(
    ("url", "line"),
    [
        (
            "postgres://u:hush@127.0.0.1:1/n",
            "The database cannot be reached. Look at DATABASE_URL.\n",
        ),
        (
            "sqlite:////nowhere/a.sqlite",
            "The database file cannot be opened (does its directory exist?). Look at DATABASE_URL.\n",
        ),
        (
            "mysql://u:hush@h/n",
            "DATABASE_URL holds a value that is not shown; it may hold postgres://user:password@"
            "host:5432/name (?sslmode=disable, prefer, require, verify-ca or verify-full) or "
            "sqlite:///file.\n",
        ),
    ],
)
def test_a_failure_is_one_line_with_its_mend(url: str, line: str) -> None:
    assert run("migrate", DATABASE_URL=url) == (1, "", line)


def test_a_traceback_comes_when_it_is_asked_for() -> None:
    code, out, said = run("migrate", "--debug", DATABASE_URL="postgres://u:hush@127.0.0.1:1/n")

    assert (code, out) == (1, "")
    assert "Traceback" in said
    assert "hush" not in said


def test_a_newer_schema_is_refused_by_name(tmp_path: Path) -> None:
    run("migrate")
    with sqlite3.connect(tmp_path / "database.sqlite") as file:
        file.execute("UPDATE bff_schema_version SET version_num = 'r9042'")
    file.close()

    assert run("migrate") == (
        1,
        "",
        f"The database's schema r9042 is newer than this release, which knows up to {HEAD}. "
        "Install the release that made it.\n",
    )


def test_duplicates_are_merged_and_reported(tmp_path: Path) -> None:
    run("migrate")
    with sqlite3.connect(tmp_path / "database.sqlite") as file:
        file.executemany(
            'INSERT INTO "AddonSettings" ("clientKey", "key", "val") VALUES (?, ?, ?)',
            [("site", "clientInfo", f'{{"sharedSecret":"{secret}"}}') for secret in "aab"],
        )
    file.close()

    code, out, _ = run("migrate")

    assert code == 0
    assert out.splitlines()[1:] == [
        "1 duplicate tenant rows merged.",
        "1 tenants keep rows with different secrets: each of them is tried until the tenant's "
        "next install leaves one.",
    ]


@pytest.mark.parametrize("command", ["check", "demo", "migrate", "serve", "simulate"])
def test_every_command_helps_with_an_example(command: str) -> None:
    code, out, said = run(command, "--help")

    assert (code, said) == (0, "")
    assert f"bff {command}" in out.split("Example")[1]


def test_help_comes_without_loading_the_service() -> None:
    code, out, loaded = run("--help", PYTHONPROFILEIMPORTTIME="1")

    assert code == 0
    assert "migrate   Bring the database to the current schema." in out
    for heavy in ("aiohttp", "pydantic", "sqlalchemy", "alembic"):
        assert heavy not in loaded


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nope"], "bff: No such command 'nope'. See bff --help."),
        (["migrate", "--x"], "bff migrate: No such option '--x'. See bff migrate --help."),
        (["migrate", "now"], "bff migrate: Got unexpected extra argument (now). See bff migrate"),
    ],
)
def test_bad_usage_is_one_line_and_exit_two(arguments: list[str], line: str) -> None:
    code, out, said = run(*arguments)

    assert (code, out) == (2, "")
    assert said.startswith(line)
    assert said.count("\n") == 1


def test_no_command_is_answered_with_help() -> None:
    code, _, said = run()

    assert code == 2
    assert said.startswith("Usage: bff")


def test_a_reader_that_leaves_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    with subprocess.Popen(
        [sys.executable, "-m", "bff", "migrate"],
        env={"PYTHONPATH": str(ROOT)},
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.close(write)
        _, said = process.communicate()

    assert (process.returncode, said) == (1, "")


def quota_file(path: Path, *rows: tuple[object, ...]) -> None:
    with sqlite3.connect(path) as file:
        for statement in QUOTA_SEQUELIZE["sqlite"]:
            file.execute(statement)
        file.executemany(
            "INSERT INTO gpt_dock_client_data (client_id, product_id, max_quota, token_quota, "
            "version) VALUES (?, 'gptdock-confluence', 500000, ?, 1)",
            rows,
        )
    file.close()


def test_the_node_apps_quotas_are_imported_and_counted(tmp_path: Path) -> None:
    quota_file(
        tmp_path / "node.sqlite", ("site", 5), ("other", 7), *[(f"odd{n}", "?") for n in range(25)]
    )

    code, out, said = run("migrate", "--import-quota", "node.sqlite")
    again = run("migrate", "--import-quota", "node.sqlite")

    assert (code, said) == (0, "")
    named = ", ".join(str(number) for number in range(3, 23))
    left_out = (
        "gpt_dock_client_data: 25 rows of the file hold what no column can and were left out "
        f"(rowid {named}, …)."
    )
    assert out.splitlines()[-3:] == [
        "gpt_dock_client_data: 2 rows added, 0 changed, 0 left as they were.",
        left_out,
        "gpt_dock_user_data: 0 rows added, 0 changed, 0 left as they were.",
    ]
    assert again[1].splitlines()[-3:] == [
        "gpt_dock_client_data: 0 rows added, 0 changed, 2 left as they were.",
        left_out,
        "gpt_dock_user_data: 0 rows added, 0 changed, 0 left as they were.",
    ]


def test_a_database_is_not_imported_into_itself(tmp_path: Path) -> None:
    run("migrate")
    (tmp_path / "link.sqlite").symlink_to(tmp_path / "database.sqlite")

    for name in ("database.sqlite", "link.sqlite"):
        assert run("migrate", "--import-quota", name) == (
            1,
            "",
            f"{name} is the database itself: its quotas are in place, there is nothing to import.\n",
        )


def test_a_file_without_quotas_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "node.sqlite").close()

    assert run("migrate", "--import-quota", "node.sqlite") == (
        1,
        "",
        "node.sqlite has no table gpt_dock_client_data. Give --import-quota the Node app's "
        "database.sqlite.\n",
    )
    assert not (tmp_path / "database.sqlite").exists()
