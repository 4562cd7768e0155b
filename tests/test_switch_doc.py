"""deploy/docs/switch.md names nothing that does not exist, and its way back for quota works."""

import re
import sqlite3
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import asyncpg
import pytest

from bff.cli import COMMANDS
from bff.settings import variables
from bff.telemetry.metrics import Metrics
from tests.support.node_app import QUOTA_SEQUELIZE
from tests.support.postgres import Postgres, open_postgres

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "deploy/docs/switch.md").read_text(encoding="utf-8")
CODE = [*re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL), *re.findall(r"`([^`\n]+)`", TEXT)]
CALLS = sorted({call for code in CODE for call in re.findall(r"\bbff ([a-z]+(?: [^\n#]*)?)", code)})
SETTINGS = sorted(set(re.findall(r"\b(?:AC|[A-Z]{2,})_[A-Z_]{2,}\b|\$PORT\b", TEXT)))
KNOWN = {name for names in variables().values() for name in names}
BACK = re.search(r"<<'SQL' \| sqlite3 .*?\n(.*?)\nSQL\n", TEXT, re.DOTALL)


def test_there_is_something_to_look_at() -> None:
    names = {call.split()[0] for call in CALLS}

    assert {"check", "compare", "migrate", "serve"} <= names
    assert {"AC_LOCAL_BASE_URL", "DATABASE_URL", "FRONTEND_DIR"} <= set(SETTINGS)


@pytest.mark.parametrize("call", CALLS)
def test_every_command_and_option_exists(call: str) -> None:
    name, *rest = call.split()
    assert name in {row.name for row in COMMANDS}
    command = import_module(f"bff.cli.{name}").command

    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in rest if word.startswith("--")} <= known


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_exists(name: str) -> None:
    assert name.removeprefix("$") in KNOWN


def test_every_metric_exists() -> None:
    ours = {family.name for family in Metrics().registry.collect()}
    named = set(re.findall(r"`(bff_[a-z_]+)`", TEXT))

    assert named
    assert {name.removesuffix("_total") for name in named} <= ours


def test_every_line_of_the_log_is_one_we_write() -> None:
    named = re.findall(r"`((?:server|request|install_key)\.[a-z_]+)`", TEXT)
    written = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "bff").rglob("*.py"))

    assert len(named) >= 3
    assert [name for name in named if f'"{name}"' not in written] == []


def test_every_file_of_ours_exists() -> None:
    named = re.findall(r"`((?:tests|deploy)/[^`]+)`", TEXT)

    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with open_postgres() as server:
        yield server


async def test_quota_goes_back_into_the_node_app_s_file(postgres: Postgres) -> None:
    """What the shell does with psql and sqlite3, done with their libraries."""
    assert BACK is not None
    url = await postgres.create("going_back")
    there = await asyncpg.connect(url)
    here = sqlite3.connect(":memory:")
    try:
        for statement in QUOTA_SEQUELIZE["postgresql"]:
            await there.execute(statement)
        for statement in QUOTA_SEQUELIZE["sqlite"]:
            here.execute(statement)
        here.execute(
            "INSERT INTO gpt_dock_client_data (client_id, product_id, token_quota, version) "
            "VALUES ('it''s', 'app', 499000, 1)"
        )
        await there.execute(
            "INSERT INTO gpt_dock_client_data (client_id, product_id, max_quota, token_quota, version) "
            "VALUES ('it''s', 'app', 600000, -5, 1), ('new', 'app', 500000, 1, 1)"
        )
        await there.execute(
            "INSERT INTO gpt_dock_user_data (user_id, org_id, token_used) VALUES ('u', 'it''s-app', 7)"
        )

        for query in BACK[1].split(";\n"):
            for (insert,) in await there.fetch(query):
                here.execute(insert)

        clients = "SELECT client_id, max_quota, token_quota FROM gpt_dock_client_data ORDER BY 1"
        assert [*here.execute(clients)] == [("it's", 600000, -5), ("new", 500000, 1)]
        users = "SELECT user_id, org_id, token_used, version FROM gpt_dock_user_data"
        assert [*here.execute(users)] == [("u", "it's-app", 7, 1)]
    finally:
        here.close()
        await there.close()
