"""How the service starts and ends, as an operator sees it. B32, B33, B35."""

import signal
from pathlib import Path

import aiohttp
import pytest

from bff.settings import WrongSetting, read_settings
from bff.simulators.openai.frames import delta
from tests.support.serving import Scene, output, serving


@pytest.mark.parametrize(
    ("variable", "value"),
    [("NODE_ENV", "staging"), ("APP_ENV", "prod"), ("PORT", "http"), ("PORT", "70000"),
     ("AC_LOCAL_BASE_URL", "bff.example"), ("AC_LOCAL_BASE_URL", "http://bff.example")],
)  # fmt: skip
def test_b32_a_wrong_setting_is_named_with_what_it_may_hold(variable: str, value: str) -> None:
    with pytest.raises(WrongSetting) as wrong:
        read_settings({"OPENAI_API_KEY": "key", variable: value})

    assert str(wrong.value).startswith(f'{variable} holds "{value}"; it may hold')


async def test_b32_it_does_not_start_and_says_why_in_one_line(scene: Scene, tmp_path: Path) -> None:
    environment = scene.environment(tmp_path, APP_ENV="", NODE_ENV="staging")

    code, _, err = await output(tmp_path, environment=environment)

    assert code == 1
    assert len(err.strip().splitlines()) == 1
    assert err.startswith('NODE_ENV holds "staging"')


def test_b32_the_old_name_of_the_address_is_read_and_the_new_one_wins() -> None:
    given = {"OPENAI_API_KEY": "key", "LOCAL_BASE_URL": "https://old.example"}

    old = read_settings(given)
    both = read_settings({**given, "AC_LOCAL_BASE_URL": "https://new.example"})

    assert (old.base_url, both.base_url) == ("https://old.example", "https://new.example")


async def test_b32_without_a_public_address_production_says_so_and_serves(
    scene: Scene, tmp_path: Path
) -> None:
    async with serving(scene, tmp_path, APP_ENV="production") as server:
        loud = [line for line in server.lines if line["message"] == "setting.disappoints"]
        async with scene.session.get(f"{server.url}/atlassian-connect.json") as response:
            assert response.status == 200  # in Node a 404, and no word of why

    assert len(loud) == 1
    assert "AC_LOCAL_BASE_URL" in loud[0]["says"]


SITE = {"clientKey": "site", "baseUrl": "https://site.atlassian.net/wiki", "sharedSecret": "s" * 40}


async def test_b33_no_switch_lets_anybody_in(scene: Scene, tmp_path: Path) -> None:
    async with serving(
        scene,
        tmp_path,
        AC_OPTS="no-auth,no-token-verfication,no-reg",
        APP_ENV="production",
        AC_LOCAL_BASE_URL="https://bff.example",
    ) as server:
        (loud,) = (line for line in server.lines if line["message"] == "setting.disappoints")
        statuses = [
            await _status(scene, method, f"{server.url}{path}", body)
            for method, path, body in (
                ("POST", "/conversations", {"messages": [{"content": "hello"}]}),
                ("POST", "/conversations?jwt=a.b.c", {"messages": [{"content": "hello"}]}),
                ("GET", "/v2/client/info", None),
                ("POST", "/image-to-dsl2", {"messages": []}),
                ("POST", "/installed", SITE),
                ("POST", "/uninstalled", SITE),
            )
        ]

    assert statuses == [401] * 6
    assert loud["level"] == "warning"
    assert loud["says"].startswith("AC_OPTS asks for no authentication")
    assert not scene.world.openai.requests


async def _status(scene: Scene, method: str, url: str, body: object) -> int:
    async with scene.session.request(method, url, json=body) as response:
        return response.status


async def test_b35_it_says_how_it_is_and_a_stream_ends_before_it_does(
    scene: Scene, tmp_path: Path
) -> None:
    openai = scene.world.openai
    async with serving(scene, tmp_path) as server:
        async with scene.session.get(f"{server.url}/health") as response:
            assert (response.status, (await response.json())["status"]) == (200, "ok")
        async with scene.session.get(f"{server.url}/ready") as response:
            assert response.status == 200
        assert (await scene.host.install(server.url)).status == 204
        openai.hold()
        await openai.say(delta("one"))
        async with await scene.ask(server.url) as stream:
            await stream.content.readuntil(b"\n\n")
            server.process.send_signal(signal.SIGTERM)
            await server.line("server.draining")
            with pytest.raises(aiohttp.ClientError):
                await _status(scene, "GET", f"{server.url}/health", None)
            await openai.say(delta("two"))
            await openai.finish()
            rest = await stream.read()

        assert b'"two"' in rest
        assert rest.endswith(b"data: [DONE]\n\n")
        assert await server.ended() == 0
