import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from bff.cli import check
from bff.cli.check import look
from bff.cli.checks import asking
from bff.cli.checks.asking import Seen
from bff.cli.checks.clock import judge_clock
from bff.cli.checks.ways import Called, judge_key
from bff.settings import variables
from bff.simulators.atlassian import AtlassianHost
from bff.simulators.gateway.simulator import GatewaySimulator
from bff.simulators.openai.simulator import OpenAISimulator
from bff.simulators.world import World, open_world
from bff.store.api_key_rows import create_key, revoke_key
from bff.store.db import open_database
from bff.store.migrate import migrate
from tests.support.postgres import Postgres, open_postgres
from tests.support.schema import HEAD
from tests.support.sql import put_row, run_sql

ROOT = Path(__file__).parents[2]
DESCRIPTOR = {
    "key": "gptdock-confluence",
    "baseUrl": "{{localBaseUrl}}",
    "apiMigrations": {"signed-install": True},
}


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with open_postgres() as server:
        yield server


@pytest.fixture
async def world() -> AsyncIterator[World]:
    gateway = GatewaySimulator(token="gw-hush", stored_keys={"default": "stored"})
    async with open_world(gateway=gateway, openai=OpenAISimulator()) as opened:
        yield opened


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Production with a public address, in a directory of its own."""
    for names in variables().values():
        for name in names:
            monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "atlassian-connect.json").write_bytes(orjson.dumps(DESCRIPTOR))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hush")
    monkeypatch.setenv("AC_LOCAL_BASE_URL", "https://bff.example.com")
    return monkeypatch


async def findings(*, offline: bool = True) -> list[str]:
    found = [str(finding) async for finding in look(offline=offline)]
    assert all("\n" not in line and "hush" not in line for line in found)
    return found


def about(found: list[str], *subjects: str) -> list[str]:
    return [line for line in found if line[8:].split(":")[0] in subjects]


def names_in(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


async def test_offline_everything_on_this_machine_is_looked_at(tmp_path: Path) -> None:
    assert await findings() == [
        "ok      settings: production, openai/gpt-3.5-turbo",
        "ok      public URL: https://bff.example.com",
        "ok      descriptor: gptdock-confluence",
        "ok      database: SQLite, database.sqlite: made at the first start",
    ]
    assert names_in(tmp_path) == ["atlassian-connect.json"]


async def test_every_wrong_setting_is_told_and_the_rest_is_looked_at(environment) -> None:
    environment.delenv("OPENAI_API_KEY")

    found = await findings()

    assert found[0].startswith("failed  settings: OPENAI_API_KEY is not set")
    assert len(found) == 4

    environment.setenv("PORT", "x")
    environment.setenv("LOG_LEVEL", "y")
    assert [line.split(" holds")[0] for line in await findings()] == [
        "failed  settings: PORT",
        "failed  settings: LOG_LEVEL",
    ]


async def test_what_starts_but_disappoints_is_a_warning(environment) -> None:
    environment.setenv("ADMIN_TOKEN", "short")

    assert about(await findings(), "settings") == [
        "warning settings: ADMIN_TOKEN is shorter than 16 characters: easy to guess."
    ]


@pytest.mark.parametrize(
    ("url", "env", "line"),
    [
        ("", "production", "failed  public URL: not set: set AC_LOCAL_BASE_URL to the public"),
        ("", "development", "ok      public URL: http://localhost:3000"),
        ("https://a.example:8443", "production", "warning public URL: https://a.example:8443: Atl"),
        ("https://a.example:8443", "development", "ok      public URL: https://a.example:8443"),
    ],
)
async def test_the_address_atlassian_will_use(environment, url: str, env: str, line: str) -> None:
    environment.setenv("AC_LOCAL_BASE_URL", url)
    environment.setenv("APP_ENV", env)

    [found] = about(await findings(), "public URL")

    assert found.startswith(line)


@pytest.mark.parametrize(
    ("status", "body", "line"),
    [
        (
            200,
            {"key": "gptdock-confluence", "baseUrl": "{url}"},
            "ok      public URL: {url} serves",
        ),
        (
            200,
            {"key": "gptdock-confluence", "baseUrl": "http://x"},
            "warning public URL: {url} ser",
        ),
        (200, {"key": "another", "baseUrl": "{url}"}, "failed  public URL: {url} serves another"),
        (200, [], "failed  public URL: {url} serves another"),
        (404, {}, "warning public URL: {url} answers 404 for the descriptor: is it this service?"),
        (302, {}, "warning public URL: {url} answers 302"),
    ],
)
async def test_the_address_is_tried(
    environment, aiohttp_server, status: int, body: object, line: str
) -> None:
    async def answer(request: web.Request) -> web.Response:
        text = orjson.dumps(body).decode().replace("{url}", url)
        return web.Response(text=text, status=status, content_type="application/json")

    app = web.Application()
    app.router.add_get("/atlassian-connect.json", answer)
    server = await aiohttp_server(app)
    url = f"http://127.0.0.1:{server.port}"
    environment.setenv("AC_LOCAL_BASE_URL", url)
    environment.setenv("OPENAI_BASEURL", url)
    environment.setenv("APP_ENV", "development")

    [found] = about(await findings(offline=False), "public URL")

    assert found.startswith(line.replace("{url}", url))


async def test_an_address_where_nobody_answers_yet_is_no_failure(environment, world) -> None:
    environment.setenv("AC_LOCAL_BASE_URL", world.closed_url)
    environment.setenv("OPENAI_BASEURL", world.openai_url)
    environment.setenv("APP_ENV", "development")

    [found] = about(await findings(offline=False), "public URL")

    assert found == (
        f"warning public URL: {world.closed_url} refuses connections: start the service, or look "
        "at the router"
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "{",
            'failed  descriptor: CONNECT_DESCRIPTOR holds "atlassian-connect.json", which is not a JSON',
        ),
        (
            "{}",
            'failed  descriptor: CONNECT_DESCRIPTOR holds "atlassian-connect.json", which is not a JSON',
        ),
        (
            '{"key":"k"}',
            "failed  descriptor: atlassian-connect.json lacks apiMigrations.signed-ins",
        ),
    ],
)
async def test_a_descriptor_that_cannot_be_served(tmp_path: Path, text: str, line: str) -> None:
    (tmp_path / "atlassian-connect.json").write_text(text)

    [found] = about(await findings(), "descriptor")

    assert found.startswith(line)


async def test_a_descriptor_that_is_not_there(environment) -> None:
    environment.setenv("CONNECT_DESCRIPTOR", "mine.json")

    assert about(await findings(), "descriptor") == [
        'failed  descriptor: CONNECT_DESCRIPTOR holds "mine.json", where there is no file; '
        "it may hold the path of a JSON file."
    ]


async def test_a_sqlite_file_is_looked_into(environment, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.sqlite'}"
    environment.setenv("DATABASE_URL", url)
    async with open_database(url) as db:
        await run_sql(db, "CREATE TABLE other (a INTEGER)")
        assert about(await findings(), "migrations", "tenants") == [
            f"ok      migrations: bff serve brings the file to {HEAD}"
        ]
        await migrate(db)
        assert about(await findings(), "migrations", "tenants") == [
            f"ok      migrations: {HEAD}",
            "ok      tenants: one row each",
        ]


async def test_the_api_keys_that_open_something_are_counted(environment, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.sqlite'}"
    environment.setenv("DATABASE_URL", url)
    async with open_database(url) as db:
        await migrate(db)
        assert about(await findings(), "API keys") == [
            "ok      API keys: none; integrators need one: bff keys create NAME"
        ]

        laptop, _ = await create_key(db, "laptop", now=0)
        agent, _ = await create_key(db, "agent", now=0)
        assert about(await findings(), "API keys") == ["ok      API keys: 2 in use"]

        await revoke_key(db, laptop.id, now=1)
        assert about(await findings(), "API keys") == ["ok      API keys: 1 in use"]

        await run_sql(db, "UPDATE bff_api_keys SET models = '5'")
        assert about(await findings(), "API keys") == [
            f"warning API keys: {agent.id} has a list of models that cannot be read, and opens "
            f"nothing: run bff keys revoke {agent.id} and create another"
        ]


async def test_a_sqlite_file_that_could_not_be_made(environment) -> None:
    environment.setenv("DATABASE_URL", "sqlite:////nowhere/a.sqlite")

    assert about(await findings(), "database") == [
        "failed  database: the directory of /nowhere/a.sqlite does not exist: make it"
    ]


async def test_postgresql_is_looked_into(environment, postgres: Postgres) -> None:
    environment.setenv("DATABASE_URL", postgres.url("absent"))
    assert about(await findings(), "database", "migrations") == [
        "failed  database: the database does not exist: look at DATABASE_URL"
    ]

    url = await postgres.create("checked")
    environment.setenv("DATABASE_URL", url)
    subjects = ("database", "migrations", "tenants")
    assert about(await findings(), *subjects) == [
        "ok      database: PostgreSQL",
        f"failed  migrations: the schema is behind {HEAD}: run bff migrate",
    ]

    async with open_database(url) as db:
        await migrate(db)
        for secret in "aab":
            await put_row(db, "site", orjson.dumps({"sharedSecret": secret}).decode())
        assert about(await findings(), *subjects) == [
            "ok      database: PostgreSQL",
            f"ok      migrations: {HEAD}",
            "warning tenants: 1 duplicate rows: run bff migrate",
            "warning tenants: 1 have different secrets in several rows: each is tried, and the "
            "next install leaves one",
        ]

        await run_sql(db, "UPDATE bff_schema_version SET version_num = 'r9042'")
        assert about(await findings(), "migrations") == [
            f"failed  migrations: r9042 is newer than this release, which knows {HEAD}"
        ]


UPSTREAM = ("gateway", "OpenAI key", "clock")
GATEWAY_OK, KEY_OK = "ok      gateway: it answers", "ok      OpenAI key: it is accepted"
CLOCK_OK = "ok      clock: agrees with upstream"


@pytest.fixture
def through_gateway(environment, world: World) -> pytest.MonkeyPatch:
    environment.setenv("AC_LOCAL_BASE_URL", "")
    environment.setenv("GATEWAY_URL", world.gateway_url)
    environment.setenv("CLOUDFLARE_ACCOUNT_ID", "acc")
    environment.setenv("CLOUDFLARE_GATEWAY_ID", "gate")
    environment.setenv("CLOUDFLARE_GATEWAY_TOKEN", "gw-hush")
    environment.setenv("OPENAI_FALLBACK_BASEURL", world.openai_url)
    return environment


async def test_gateway_key_and_clock_are_right(through_gateway) -> None:
    assert about(await findings(offline=False), *UPSTREAM) == [GATEWAY_OK, KEY_OK, CLOCK_OK]


async def test_the_gateways_own_key_is_tried(through_gateway) -> None:
    through_gateway.setenv("OPENAI_API_KEY", "")
    through_gateway.setenv("OPENAI_FALLBACK_BASEURL", "off")

    assert about(await findings(offline=False), *UPSTREAM) == [GATEWAY_OK, KEY_OK, CLOCK_OK]


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        (
            {"CLOUDFLARE_GATEWAY_ID": "unknown"},
            [
                "failed  gateway: there is none of that name (2001): look at CLOUDFLARE_ACCOUNT_ID "
                "and CLOUDFLARE_GATEWAY_ID",
                KEY_OK,
            ],
        ),
        (
            {"CLOUDFLARE_GATEWAY_TOKEN": "other-hush"},
            [
                "failed  gateway: it refuses the token (2009): look at CLOUDFLARE_GATEWAY_TOKEN",
                KEY_OK,
            ],
        ),
        (
            {"CLOUDFLARE_GATEWAY_TOKEN": ""},
            ["failed  gateway: it wants a token (2009): set CLOUDFLARE_GATEWAY_TOKEN", KEY_OK],
        ),
        (
            {"OPENAI_API_KEY": "bad-key"},
            [GATEWAY_OK, "failed  OpenAI key: it is refused: look at OPENAI_API_KEY"],
        ),
        (
            {"CLOUDFLARE_GATEWAY_TOKEN": "", "OPENAI_FALLBACK_BASEURL": "off"},
            [
                "failed  gateway: it wants a token (2009): set CLOUDFLARE_GATEWAY_TOKEN",
                "warning OpenAI key: not looked at: mend the gateway first",
            ],
        ),
    ],
)
async def test_what_is_wrong_on_the_way_to_the_model_is_told_apart(
    through_gateway, changes: dict[str, str], lines: list[str]
) -> None:
    for name, value in changes.items():
        through_gateway.setenv(name, value)

    assert about(await findings(offline=False), "gateway", "OpenAI key") == lines


async def test_a_gateway_nobody_can_reach(through_gateway, world: World) -> None:
    through_gateway.setenv("GATEWAY_URL", world.closed_url)

    assert about(await findings(offline=False), *UPSTREAM) == [
        "failed  gateway: it refuses connections: look at OPENAI_BASEURL and GATEWAY_URL",
        KEY_OK,
        CLOCK_OK,
    ]


async def test_without_a_gateway_the_vendor_is_asked(environment, world: World) -> None:
    environment.setenv("AC_LOCAL_BASE_URL", "")
    environment.setenv("OPENAI_BASEURL", world.openai_url)
    assert about(await findings(offline=False), *UPSTREAM) == [
        "ok      gateway: none is used",
        KEY_OK,
        CLOCK_OK,
    ]

    environment.setenv("OPENAI_BASEURL", world.closed_url)
    assert about(await findings(offline=False), *UPSTREAM) == [
        "ok      gateway: none is used",
        "failed  OpenAI key: the upstream refuses connections: look at OPENAI_BASEURL",
    ]


async def test_where_forge_is_taken_its_keys_are_looked_for(environment, world: World) -> None:
    environment.setenv("AC_LOCAL_BASE_URL", "")
    environment.setenv("OPENAI_BASEURL", world.openai_url)
    assert about(await findings(offline=False), "Forge keys") == []

    environment.setenv("FORGE_APP_ID", "app")
    async with open_world(atlassian=AtlassianHost()) as site:
        said = {
            site.forge_keys_url: "ok      Forge keys: their host has them",
            f"{site.atlassian_url}/all.js": (
                "failed  Forge keys: their host answers 200 without a key: look at FORGE_JWKS_URL"
            ),
            f"{site.url}/nowhere": (
                "failed  Forge keys: their host answers 404 without a key: look at FORGE_JWKS_URL"
            ),
            site.closed_url: (
                "failed  Forge keys: their host refuses connections: look at FORGE_JWKS_URL"
            ),
        }
        for url, line in said.items():
            environment.setenv("FORGE_JWKS_URL", url)
            assert about(await findings(offline=False), "Forge keys") == [line]


async def test_an_upstream_that_says_nothing_is_not_waited_for(
    environment, aiohttp_server, monkeypatch
) -> None:
    async def silent(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    app = web.Application()
    app.router.add_get("/{any:.*}", silent)
    server = await aiohttp_server(app)
    environment.setenv("AC_LOCAL_BASE_URL", "")
    environment.setenv("OPENAI_BASEURL", f"http://127.0.0.1:{server.port}")
    monkeypatch.setattr(asking, "ANSWER_S", 0.05)
    assert about(await findings(offline=False), "OpenAI key") == [
        "failed  OpenAI key: the upstream does not answer within 0 s: look at OPENAI_BASEURL"
    ]

    monkeypatch.setattr(asking, "ANSWER_S", 8.0)
    monkeypatch.setattr(check, "LOOK_S", 0.05)
    assert about(await findings(offline=False), "check") == [
        "failed  check: a look did not end within 0 s; run it again"
    ]


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (200, "ok"),
        (302, "failed"),
        (401, "failed"),
        (403, "warning"),
        (404, "warning"),
        (429, "warning"),
        (500, "warning"),
    ],
)
def test_the_verdict_on_a_key(status: int, state: str) -> None:
    assert judge_key(Seen(status), Called("OpenAI", "KEY", "URL")).state == state


@pytest.mark.parametrize(
    ("seconds", "state"),
    [(0, "ok"), (-30, "warning"), (30, "warning"), (-90, "failed"), (90, "failed")],
)
def test_the_verdict_on_the_clock(seconds: int, state: str) -> None:
    date = format_datetime(datetime.now(UTC) - timedelta(seconds=seconds), usegmt=True)

    [finding] = judge_clock(Seen(200, date=date))

    assert finding.state == state
    assert ("ahead" in finding.said) == (seconds > 0)


def test_without_a_date_nothing_is_said_of_the_clock() -> None:
    assert list(judge_clock(Seen(200))) == []
    assert list(judge_clock(Seen(200, date="yesterday"))) == []


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-m", "bff", *arguments],
        env={"PYTHONPATH": str(ROOT), "OPENAI_API_KEY": "sk-hush", **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_one_failure_makes_the_command_fail() -> None:
    bad = run("check", "--offline")
    good = run("check", "--offline", AC_LOCAL_BASE_URL="https://bff.example.com")

    assert (bad.returncode, good.returncode) == (1, 0), (bad.stderr, good.stderr)
    assert "failed  public URL" in bad.stdout
    assert (bad.stderr, good.stderr) == ("", "")
    assert "hush" not in bad.stdout + good.stdout
