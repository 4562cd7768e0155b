"""The whole set against this service: beside what the Node app answered when it was recorded, and
beside the Node app itself where there is one. Nothing but what is known may differ.

The recording is of the stand-in for the Node app (tests/node_app): no installation's data.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from bff.compare.recording import Recording, read_recording
from bff.settings import read_settings, variables
from bff.simulators.world import World, open_world
from bff.store.db import open_database
from bff.store.migrate import migrate
from bff.web.server import address, bind, open_server
from bff.wiring import build_app
from tests.support.answers import nobodys_url
from tests.support.commands import Ran, run_command
from tests.support.node_server import needs_node, node_environment, node_url, open_node_app
from tests.support.postgres import open_postgres

RECORDING = Path(__file__).parent / "recording.json"
EVERYTHING = ("--lifecycle", "--faults", "--limit", "3", "--jobs", "8")
NOT_SEEN_HERE = {  # without a frontend, and with nothing counted before
    "Sources of the views are not served.",
    "Each service counts on its own until the Node app's quota has been imported.",
}


@dataclass(frozen=True)
class Street:
    """Our service in a world of simulators, and where it looks for install keys."""

    url: str
    world: World
    key_host_port: str
    stack: AsyncExitStack

    @property
    def keys_url(self) -> str:
        return f"http://127.0.0.1:{self.key_host_port}"

    async def compare(self, *arguments: str) -> Ran:
        return await run_command(
            "compare", *EVERYTHING, "--key-host-port", self.key_host_port, *arguments
        )


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for names in variables().values():
        for name in names:
            monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


async def open_street(stack: AsyncExitStack, database_url: str) -> Street:
    world = await stack.enter_async_context(open_world())
    listener, port = bind("127.0.0.1", 0), nobodys_url().rpartition(":")[2]
    settings = read_settings(
        {
            "AC_LOCAL_BASE_URL": address(listener),
            "CONNECT_INSTALL_KEYS_URL": f"http://127.0.0.1:{port}",
            "DATABASE_URL": database_url,
            "OPENAI_API_KEY": "sk-test-key",
            "OPENAI_BASEURL": world.openai_url,
            "STREAMS_PER_USER": "off",  # one user asks for all of it, several at a time
        }
    )
    url = await stack.enter_async_context(open_server(build_app(settings), sock=listener))
    return Street(url, world, port, stack)


@pytest.fixture
async def both(stack: AsyncExitStack) -> tuple[Street, str]:
    """Ours, and the Node app's URL: on one database, but each with a quota of its own, as until the
    evening of the switch.
    """
    postgres = stack.enter_context(open_postgres())
    database, quota = [await postgres.create(name) for name in ("shared", "quota")]
    street = await open_street(stack, database)
    environment = node_environment(database, street.world.openai_url, street.keys_url)
    environment["QUOTA_DATABASE_URL"] = node_url(quota)
    node = await stack.enter_async_context(open_node_app(environment))
    async with open_database(database) as db:
        await migrate(db)
    return street, node.url


def read_said(ran: Ran) -> dict[str, Any]:
    """What the command printed; the lines before it are the service's log."""
    assert ran.out, ran.err
    said: dict[str, Any] = orjson.loads(ran.out.splitlines()[-1])
    return said


def surprises(ran: Ran) -> list[str]:
    """What differs and is not known to."""
    said = read_said(ran)
    assert said["requests"] > 250
    return [
        f"{each['request']}: {each['part']}: {each['node']} / {each['bff']}"
        for each in said["differences"]
        if each["known"] is None
    ]


async def test_this_service_answers_as_the_node_app_did_but_for_what_is_known(
    stack: AsyncExitStack, tmp_path: Path
) -> None:
    street = await open_street(stack, f"sqlite:///{tmp_path}/here.sqlite")

    ran = await street.compare("--bff", street.url, "--replay", str(RECORDING), "--json")

    assert surprises(ran) == []
    assert {row["reason"] for row in read_said(ran)["unused"]} <= NOT_SEEN_HERE


def test_the_recording_holds_no_token() -> None:
    text = RECORDING.read_text("utf-8")

    assert "eyJ" not in text
    assert "<client key>" in text


def read(path: str | Path) -> Recording:
    return read_recording(Path(path).read_bytes(), str(path))


@needs_node
@pytest.mark.timeout(120)
async def test_the_node_app_answers_as_it_was_recorded(both: tuple[Street, str]) -> None:
    street, url = both

    ran = await street.compare("--node", url, "--record", "again.json")

    assert ran.code == 0, ran.err
    assert read("again.json") == read(RECORDING)


@needs_node
@pytest.mark.timeout(120)
async def test_this_service_answers_as_the_node_app_but_for_what_is_known(
    both: tuple[Street, str],
) -> None:
    street, url = both

    ran = await street.compare("--node", url, "--bff", street.url, "--json")

    assert surprises(ran) == []
