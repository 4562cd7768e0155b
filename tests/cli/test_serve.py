"""`bff serve` as an operator runs it: a process of its own, asked over its port, ended by signals."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator

import aiohttp
import orjson
import pytest

from bff.simulators.openai.frames import DONE, delta, finish
from tests.support.serving import (
    ADMIN,
    ANSWER,
    PROMPT,
    Scene,
    Server,
    open_scene,
    output,
    serving,
)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with open_scene() as scene:
        yield scene


async def test_it_listens_serves_and_ends_well_on_sigterm(scene, tmp_path) -> None:
    async with serving(scene, tmp_path) as server:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", server.url)
        for path in ("/health", "/ready", "/metrics"):
            async with scene.session.get(f"{server.url}{path}") as response:
                assert response.status == 200, path

        server.process.send_signal(signal.SIGTERM)

        assert await server.ended() == 0
        assert server.lines[-1]["message"] == "server.stopped"


async def test_a_stream_may_end_within_the_grace(scene, tmp_path) -> None:
    scene.world.openai.hold()
    async with serving(scene, tmp_path) as server:
        assert (await scene.host.install(server.url)).status == 204
        async with await _begun(scene, server) as response:
            server.process.send_signal(signal.SIGTERM)
            await server.line("server.draining")
            await scene.world.openai.say(delta(" and more"), finish(), DONE)
            await scene.world.openai.end()
            body = await response.content.read()

        assert b"and more" in body
        assert body.count(b"data: [DONE]\n\n") == 1
        assert await server.ended() == 0


async def test_streams_that_outlive_the_grace_end_with_a_word_and_done(scene, tmp_path) -> None:
    scene.world.openai.hold()
    async with serving(scene, tmp_path, SHUTDOWN_GRACE_SECONDS="0.1") as server:
        assert (await scene.host.install(server.url)).status == 204
        async with await _begun(scene, server) as response:
            server.process.send_signal(signal.SIGTERM)
            body = await response.content.read()

        assert body.endswith(b"data: [DONE]\n\n")
        assert body.count(b"[DONE]") == 1
        assert b"The service is restarting." in body
        assert await server.ended() == 0
        assert await scene.world.openai.hung_up.wait()


async def test_while_draining_the_door_is_shut_and_kept_connections_are_told(
    scene, tmp_path
) -> None:
    scene.world.openai.hold()
    async with serving(scene, tmp_path) as server:
        assert (await scene.host.install(server.url)).status == 204
        async with await _begun(scene, server):
            probe = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1))
            async with probe, probe.get(f"{server.url}/ready") as response:
                assert response.status == 200
                await response.read()
                server.process.send_signal(signal.SIGTERM)
                await server.line("server.draining")

                async with probe.get(f"{server.url}/ready") as answer:
                    assert answer.status == 503
                    assert (await answer.json())["failing"] == "draining"
                    assert answer.headers["Connection"] == "close"
                with pytest.raises(aiohttp.ClientConnectionError):
                    await probe.get(f"{server.url}/ready")
            await scene.world.openai.finish()
        assert await server.ended() == 0


async def _begun(scene: Scene, server: Server) -> aiohttp.ClientResponse:
    """A stream whose first words have arrived."""
    asked = asyncio.ensure_future(scene.ask(server.url))
    await scene.world.openai.question()
    await scene.world.openai.say(delta(ANSWER))
    response = await asked
    while ANSWER.encode() not in await response.content.readuntil(b"\n\n"):
        pass
    return response


async def test_two_workers_share_the_port_and_the_counts_and_end_together(scene, tmp_path) -> None:
    scene.world.openai.text = ANSWER
    async with serving(scene, tmp_path, "--workers", "2", SHUTDOWN_GRACE_SECONDS="5") as server:
        assert (await scene.host.install(server.url)).status == 204
        for _ in range(8):
            async with await scene.ask(server.url) as response:
                assert (await response.content.read()).endswith(b"data: [DONE]\n\n")
        assert await _count(scene, server, "/conversations") == 8

        server.process.send_signal(signal.SIGTERM)

        assert await server.ended() == 0
        stopped = [line for line in server.lines if line["message"] == "server.stopped"]
        assert len(stopped) == 2


async def _count(scene: Scene, server: Server, route: str) -> float:
    async with aiohttp.ClientSession() as session, session.get(f"{server.url}/metrics") as response:
        page = await response.text()
    lines = [line for line in page.splitlines() if f'route="{route}"' in line]
    return sum(float(line.split()[-1]) for line in lines if line.startswith("bff_requests_total"))


async def test_workers_that_cannot_start_are_one_failure(scene, tmp_path) -> None:
    environment = scene.environment(
        tmp_path, CONNECT_DESCRIPTOR="nowhere.json", PORT="0", WEB_CONCURRENCY="2"
    )

    code, _, err = await output(tmp_path, environment=environment)

    assert code == 1
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_database_that_cannot_be_opened_is_named(scene, tmp_path, workers) -> None:
    environment = scene.environment(
        tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}", PORT="0", WEB_CONCURRENCY=workers
    )

    code, out, err = await output(tmp_path, environment=environment)

    assert code == 1
    assert "The database file cannot be opened" in out + err
    assert "Look at DATABASE_URL." in out + err


async def test_a_setting_that_will_disappoint_is_said_aloud(scene, tmp_path) -> None:
    async with serving(scene, tmp_path, ADMIN_TOKEN="short") as server:
        (warning,) = (line for line in server.lines if line["message"] == "setting.disappoints")

        assert warning["says"].startswith("ADMIN_TOKEN is shorter")


async def test_a_wrong_setting_is_one_line(scene, tmp_path) -> None:
    environment = scene.environment(tmp_path, SHUTDOWN_GRACE_SECONDS="soon")

    code, _, err = await output(tmp_path, environment=environment)

    assert code == 1
    assert len(err.strip().splitlines()) == 1
    assert err.startswith('SHUTDOWN_GRACE_SECONDS holds "soon"')


async def test_a_busy_port_is_one_readable_line(scene, tmp_path) -> None:
    port = scene.world.url.rpartition(":")[2]
    environment = scene.environment(tmp_path, HOST="127.0.0.1", PORT=port)

    code, _, err = await output(tmp_path, environment=environment)

    assert code == 1
    assert err.startswith(f"Cannot listen on port {port} of 127.0.0.1: Address already in use.")
    assert len(err.strip().splitlines()) == 1


async def test_no_secret_token_or_prompt_is_ever_logged(scene, tmp_path) -> None:
    """Everything that goes wrong, at the most talkative level, and then a look at all of the log."""
    openai, token = scene.world.openai, ""
    async with serving(scene, tmp_path) as server:
        assert (await scene.host.install(server.url)).status == 204
        token = scene.host.context_token()
        for mishap in ("status=401", "status=500", "cut-after=1", "bad-line-after=1", "reset"):
            text = f"{PROMPT} [[simulate: {mishap}]]"
            async with await scene.ask(server.url, (text,)) as response:
                await _drained(response)
        openai.text = ANSWER
        post, url = scene.session.post, f"{server.url}/conversations"
        for query in (f"?jwt={token}", f"?jwt={token}x", "?jwt=canary.canary.canary"):
            async with post(f"{url}{query}", data=b'{"canary": ') as response:
                await response.read()
        bearer = {"Authorization": f"Bearer {ADMIN}", "X-Forwarded-For": "1.2.3.4"}
        async with scene.session.get(f"{server.url}/metrics", headers=bearer) as response:
            assert response.status == 200
        async with post(f"{url}?jwt={token}{'x' * 30_000}") as response:
            assert response.status == 431
        server.process.send_signal(signal.SIGTERM)
        assert await server.ended() == 0
        errors = (await server.process.stderr.read()).decode()

    logged = orjson.dumps(server.lines).decode() + errors
    requests = [line for line in server.lines if line["message"].startswith("request.")]
    assert len(requests) >= 8
    assert "canary" not in logged
    assert token.rpartition(".")[2] not in logged
    assert scene.host.shared_secret not in logged
    assert scene.host.account_id not in logged
    assert scene.host.client_key not in logged


async def _drained(response: aiohttp.ClientResponse) -> None:
    try:
        await response.read()
    except aiohttp.ClientError:
        return
