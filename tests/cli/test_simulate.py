"""`bff simulate` as a person meets it: what it prints, that it answers, how it ends."""

import asyncio
import re
import signal
import sys

import aiohttp
import pytest
from click.testing import CliRunner

from bff.cli.simulate import command, describe
from bff.settings import read_settings
from bff.simulators.faults import MEANINGS
from bff.simulators.vendors import VENDORS
from bff.simulators.world import open_world
from bff.wiring.vendors import openers
from tests.support import raw_http
from tests.support.chat import question, text


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
async def test_it_serves_what_it_prints_until_it_is_told_to_end(ending: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-u", "-m", "bff", "simulate", "--port", "0"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    printed = (await process.stdout.readuntil(b"Ctrl-C ends it.")).decode()
    settings = dict(re.findall(r"^(?:# )?([A-Z_]+)=(\S+)$", printed, re.MULTILINE))
    gateway = "/".join(
        settings[name] for name in ("GATEWAY_URL", "CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_GATEWAY_ID")
    )

    through = await raw_http.post(f"{gateway}/openai/chat/completions", question())
    direct = await raw_http.post(f"{settings['OPENAI_BASEURL']}/chat/completions", question())
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{settings['CONNECT_INSTALL_KEYS_URL']}/no-such-key") as response,
    ):
        key_status = response.status
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{settings['AXIOM_URL']}/_events") as response,
    ):
        events = await response.json()
    process.send_signal(ending)
    rest, complaints = await process.communicate()

    assert text(through.body) == text(direct.body) != ""
    assert settings["OPENAI_FALLBACK_BASEURL"] == settings["OPENAI_BASEURL"]
    assert key_status == 404
    assert events == []
    assert settings["AXIOM_TOKEN"] == "xaat-simulated"
    assert (process.returncode, rest.split(), complaints) == (0, [b"Ended."], b"")


async def test_a_port_that_is_taken_is_one_line_with_a_mend() -> None:
    async with open_world() as world:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "bff", "simulate", "--port", world.url.rpartition(":")[2]),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        _, complaints = await process.communicate()

    assert process.returncode == 1
    assert complaints.count(b"\n") == 1
    assert b"--port 0" in complaints


def test_its_help_names_every_fault_and_has_examples() -> None:
    shown = CliRunner().invoke(command, ["--help"]).output

    assert all(meaning in shown for meaning in MEANINGS.values())
    assert "[[simulate: gateway=2003]]" in shown
    assert "bff simulate --port 0" in shown


async def test_with_what_it_prints_every_vendor_is_set_up() -> None:
    async with open_world() as world:
        printed = describe(world)

    active = dict(re.findall(r"^([A-Z_]+)=(.+)$", printed, re.MULTILINE))
    models = re.findall(r"^# [a-z]+, for CHAT_MODEL=(\S+)$", printed, re.MULTILINE)
    for model in models:
        assert set(openers(read_settings(active | {"CHAT_MODEL": model}))) == set(world.vendors)
    assert models == [row.model for row in VENDORS]
    for row in VENDORS:
        assert world.url_of(row.name) in printed
        assert all(f"# its endpoint {variant}:" in printed for variant in row.variants[1:])
        assert all(f"/gateway/account/gateway/{name}\n" in printed for name in row.gateway)
