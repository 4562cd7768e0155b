"""`bff demo` as a user runs it: a process of its own, asked over its own port."""

import asyncio
import os
import re
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from bff.cli.demo import _answer, open_demo
from bff.policy.api_keys import is_ours
from bff.settings import variables
from bff.simulators import embedded_model
from bff.simulators.vendors import VENDORS
from bff.simulators.world import open_world

COMMAND = (sys.executable, "-m", "bff", "demo")
ADDRESS = re.compile(rb"http://127\.0\.0\.1:\d+/atlassian/")


@asynccontextmanager
async def running(folder: Path, *arguments: str, **settings: str) -> AsyncIterator[Process]:
    """The demo in *folder*, with only these of our settings in the environment."""
    measured = [name for name in os.environ if name.startswith(("COVERAGE_", "COV_CORE_"))]
    kept = ("PATH", "SYSTEMROOT", *measured)
    home = {name: os.environ[name] for name in kept if name in os.environ}
    environment = home | {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONWARNINGS": "error"}
    environment |= settings
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *arguments, cwd=folder, env=environment, stdout=PIPE, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def output(folder: Path, *arguments: str, **settings: str) -> tuple[int | None, str, str]:
    async with running(folder, *arguments, **settings) as process:
        out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()


async def test_one_question_prints_the_answer_and_nothing_else(tmp_path: Path) -> None:
    code, out, err = await output(tmp_path, "--model-delay-ms", "0", "--once", "What is a macro?")

    assert (code, err) == (0, "")
    assert out.strip()
    assert "data:" not in out
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - pathlib's way is called blocking here


async def test_a_model_that_fails_is_one_line_and_a_failure(tmp_path: Path) -> None:
    code, out, err = await output(tmp_path, "--once", "x [[simulate: status=400]]")

    assert (code, out) == (1, "")
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err


async def test_an_answer_that_breaks_off_is_a_failure(tmp_path: Path) -> None:
    code, _, err = await output(tmp_path, "--once", "x [[simulate: cut-after=2]]")

    assert code == 1
    assert len(err.strip().splitlines()) == 1


async def test_a_busy_port_is_one_readable_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = await output(tmp_path, "--port", str(port))

    assert (code, out) == (1, "")
    assert len(err.strip().splitlines()) == 1
    assert str(port) in err
    assert "--port 0" in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_printed_address_shows_the_page_and_a_signal_ends_it(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with running(tmp_path, "--port", "0") as process:
        assert process.stdout is not None
        printed = await process.stdout.readuntil(b"Ctrl+C")
        found = ADDRESS.search(printed)
        assert found is not None
        address = found[0].decode()
        async with aiohttp.ClientSession() as session:
            async with session.get(address) as response:
                assert "Working with GPTDock" in await response.text()
            async with session.get(address.removesuffix("/")) as response:
                assert str(response.url) == address
            async with session.get(f"{address}events") as events:
                assert await events.content.readline() == b"id: 1\r\n"
                process.send_signal(number)
                assert await process.wait() == 0


async def test_a_key_for_clients_of_ones_own_is_printed_ready_to_use(tmp_path: Path) -> None:
    async with running(tmp_path, "--port", "0") as process:
        assert process.stdout is not None
        printed = (await process.stdout.readuntil(b"Ctrl+C")).decode()

    found = re.search(
        r"^  OPENAI_BASE_URL=(http://127\.0\.0\.1:\d+)/v1 OPENAI_API_KEY=(\S+)\n"
        r"  ANTHROPIC_BASE_URL=\1 ANTHROPIC_AUTH_TOKEN=\2\n"
        r"  BFF_URL=\1 BFF_KEY=\2 ",
        printed,
        re.MULTILINE,
    )
    assert found is not None
    assert is_ours(found[2])


@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
async def test_a_demo_where_the_line_of_another_was_pasted_answers_by_itself(
    vendor: str, nothing_set: pytest.MonkeyPatch
) -> None:
    nothing_set.setenv(f"{vendor.upper()}_API_KEY", "sk-bff-" + "k" * 43)
    nothing_set.setenv("CHAT_MODEL", f"{vendor}/any-model")

    async with open_demo(port=0, model_delay_ms=0) as demo:
        assert demo.upstream == ""


async def test_its_key_opens_its_own_faces_and_no_other_demo(
    nothing_set: pytest.MonkeyPatch,
) -> None:
    async with (
        open_demo(port=0, model_delay_ms=0) as demo,
        open_demo(port=0, model_delay_ms=0) as another,
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {demo.api_key}"}) as session,
    ):
        url = "/v1/chat/completions"
        question = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}
        async with session.post(demo.base_url + url, json=question) as response:
            answer = await response.json()
        async with session.post(another.base_url + url, json=question) as refused:
            assert refused.status == 401

    assert answer["choices"][0]["message"]["content"] == embedded_model.answer("Hello")


async def test_with_a_key_the_real_upstream_is_asked(tmp_path: Path) -> None:
    async with open_world() as elsewhere:
        code, out, err = await output(
            tmp_path, "--once", "hi", OPENAI_API_KEY="sk-mine", OPENAI_BASEURL=elsewhere.openai_url
        )

        [asked] = elsewhere.openai.requests
    assert (code, err) == (0, "")
    assert out
    assert asked.headers["Authorization"] == "Bearer sk-mine"


async def test_a_key_in_the_env_file_goes_through_the_users_own_gateway(tmp_path: Path) -> None:
    async with open_world() as elsewhere:
        (tmp_path / ".env").write_text(
            "OPENAI_API_KEY=sk-mine\nCLOUDFLARE_ACCOUNT_ID=acc\nCLOUDFLARE_GATEWAY_ID=gw\n"
            f"GATEWAY_URL={elsewhere.gateway_url}\n"
        )
        code, _, err = await output(tmp_path, "--once", "hi")

        assert elsewhere.gateway.calls == 1
        [asked] = elsewhere.openai.requests
    assert (code, err) == (0, "")
    assert asked.headers["Authorization"] == "Bearer sk-mine"


async def test_the_users_monitor_hears_nothing_of_it(tmp_path: Path) -> None:
    async with open_world() as elsewhere:
        token, url = elsewhere.axiom.token, elsewhere.axiom_url
        code, _, err = await output(tmp_path, "--once", "hi", AXIOM_TOKEN=token, AXIOM_URL=url)

        assert not elsewhere.axiom.bodies
    assert (code, err) == (0, "")


async def test_a_wrong_setting_is_one_line(tmp_path: Path) -> None:
    code, _, err = await output(tmp_path, "--once", "hi", CONNECT_TIMEOUT="soon")

    assert code == 1
    assert err.startswith("CONNECT_TIMEOUT holds")
    assert len(err.splitlines()) == 1


@pytest.fixture
def nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """In this process, none of our settings, and no `.env`."""
    for name in (name for names in variables().values() for name in names):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


@pytest.mark.parametrize("provider", [row.name for row in VENDORS])
async def test_any_vendor_answers_in_its_own_words(
    nothing_set: pytest.MonkeyPatch, provider: str
) -> None:
    """Also where the user has keys: whoever names a stand-in wants the stand-in."""
    nothing_set.setenv("OPENAI_API_KEY", "sk-mine")
    nothing_set.setenv("AZURE_OPENAI_API_VERSION", "2024-10-21")

    async with open_demo(port=0, model_delay_ms=0, provider=provider) as demo:
        said = "".join([text async for text in _answer(demo, "Hello")])

        assert said == embedded_model.answer("Hello")
        assert demo.upstream == ""
        for name, vendor in demo.world.vendors.items():
            assert (len(vendor.requests) > 0) is (name == provider)
        assert "sk-mine" not in str([seen.headers for seen in _requests(demo.world)])


def _requests(world):
    return [seen for vendor in world.vendors.values() for seen in vendor.requests]


async def test_with_a_key_of_another_vendor_that_vendor_is_asked(
    nothing_set: pytest.MonkeyPatch,
) -> None:
    nothing_set.setenv("ANTHROPIC_API_KEY", "sk-ant-mine")
    nothing_set.setenv("CHAT_MODEL", "anthropic/claude-sonnet-4-5")

    async with open_demo(port=0, model_delay_ms=0) as demo:
        assert demo.upstream == "anthropic"


async def test_the_page_says_who_answers(tmp_path: Path) -> None:
    async with running(tmp_path, "--port", "0", "--provider", VENDORS[0].name) as process:
        assert process.stdout is not None
        printed = await process.stdout.readuntil(b"Ctrl+C")

    assert f"answers in the place of {VENDORS[0].name}".encode() in printed


async def test_a_vendor_nobody_knows_is_bad_usage(tmp_path: Path) -> None:
    code, out, err = await output(tmp_path, "--provider", "nobody", "--once", "hi")

    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert all(row.name in err for row in VENDORS)
