import asyncio
import contextlib
import os
import signal
import socket
import sys
from types import SimpleNamespace
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web

from bff.web import server
from bff.web.server import address, bind, open_server, serve
from bff.web.services import SERVICES

DEADLINE_S = 10


class Streams:
    """What the server asks of LiveStreams."""

    def __init__(self) -> None:
        self.open_count = 0
        self.drains = asyncio.Event()
        self.told = asyncio.get_running_loop().create_future()

    @property
    def draining(self) -> bool:
        return self.drains.is_set()

    @draining.setter
    def draining(self, _true: bool) -> None:
        self.drains.set()

    def end_all(self, problem) -> None:
        self.told.set_result(problem)


class Slow:
    """An app whose one request ends when the test says so, or when it is told to."""

    def __init__(self) -> None:
        self.streams = Streams()
        self.entered, self.release = asyncio.Event(), asyncio.Event()
        self.cancelled = asyncio.Event()
        self.app = web.Application()
        self.app[SERVICES] = SimpleNamespace(streams=self.streams)
        self.app.router.add_get("/slow", self._slow)
        self.app.router.add_post("/upload", self._upload)
        self.app.router.add_get("/quick", self._quick)

    async def _slow(self, _request) -> web.Response:
        self.entered.set()
        waits = [asyncio.ensure_future(self.release.wait()), self.streams.told]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        finally:
            waits[0].cancel()
        return web.Response(
            text=self.streams.told.result().kind if self.streams.told.done() else "whole"
        )

    async def _upload(self, request) -> web.Response:
        self.entered.set()
        return web.Response(text=f"{len(await request.read())}")

    async def _quick(self, _request) -> web.Response:
        return web.Response(text="quick")


@pytest.fixture
async def slow() -> Slow:
    return Slow()


@pytest.fixture
async def client():
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=DEADLINE_S)) as session:
        yield session


async def test_it_answers_at_the_address_it_gives(client, slow) -> None:
    async with open_server(slow.app) as url, client.get(f"{url}/quick") as response:
        assert await response.text() == "quick"


async def test_no_answer_names_the_software_or_its_version(client, slow) -> None:
    async with open_server(slow.app) as url:
        async with client.get(f"{url}/quick") as response:
            assert response.headers["Server"] == "bff"
        head = await _ask(url, b"nonsense\r\n\r\n")

    assert b"Server: bff\r\n" in head
    assert b"aiohttp" not in head


@pytest.mark.parametrize("length", [8_191, 16_000, 16_384])
async def test_a_request_line_of_16_kib_is_read(client, slow, length) -> None:
    async with open_server(slow.app) as url:
        query = "x" * (length - len("/quick?jwt="))
        async with client.get(
            f"{url}/quick?jwt={query}", headers={"X-Long": "y" * 16_384}
        ) as response:
            assert response.status == 200


async def test_a_longer_line_is_refused_without_repeating_it(slow) -> None:
    async with open_server(slow.app) as url:
        answer = await _ask(
            url, b"GET /quick?jwt=canary" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"
        )

    assert answer.startswith((b"HTTP/1.1 431 ", b"HTTP/1.0 431 "))
    assert b"canary" not in answer
    assert unreadable(answer)["code"] == "headers_too_large"


async def test_a_header_longer_than_a_line_is_refused_the_same(slow) -> None:
    async with open_server(slow.app) as url:
        answer = await _ask(
            url, b"GET / HTTP/1.1\r\nHost: x\r\nX-Api-Key: canary" + b"x" * 20_000 + b"\r\n\r\n"
        )

    assert b" 431 " in answer.partition(b"\r\n")[0]
    assert b"canary" not in answer
    assert unreadable(answer)["code"] == "headers_too_large"


async def test_a_bad_request_is_answered_without_its_words(slow) -> None:
    async with open_server(slow.app) as url:
        answer = await _ask(url, b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization canary\r\n\r\n")

    assert b" 400 " in answer
    assert b"canary" not in answer
    assert unreadable(answer) == {
        "type": "invalid_request_error",
        "message": "The request cannot be read.",
        "param": None,
        "code": None,
    }


def unreadable(answer: bytes) -> dict[str, Any]:
    """The error, in an envelope that both SDKs look into and that carries the id of the headers."""
    head, _, body = answer.partition(b"\r\n\r\n")
    told = orjson.loads(body)
    assert (set(told), told["type"]) == ({"type", "error", "request_id"}, "error")
    assert f"X-Request-Id: {told['request_id']}".encode() in head
    assert f"\r\nRequest-Id: {told['request_id']}".encode() in head
    assert b"X-Should-Retry: false" in head
    error: dict[str, Any] = told["error"]
    return error


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the kernel has no such timer")
@pytest.mark.parametrize(
    ("size", "header"),
    [
        pytest.param(20 * 2**20, b"", id="large"),
        pytest.param(20 * 2**20, b"Connection: close\r\n", id="the last"),
        pytest.param(8_000, b"", id="small enough to be thought sent"),
    ],
)
async def test_who_takes_nothing_of_a_whole_answer_is_cut(monkeypatch, size, header) -> None:
    lost = asyncio.get_running_loop().create_future()

    def note_lost(connection, error) -> None:
        lose(connection, error)
        lost.set_result(error)

    async def give(_request) -> web.Response:
        return web.Response(body=b"x" * size)

    lose = web.RequestHandler.connection_lost
    monkeypatch.setattr(web.RequestHandler, "connection_lost", note_lost)
    app = web.Application()
    app.router.add_get("/", give)
    async with open_server(app, stall_s=0.2) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        with socket.socket() as caller:
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            caller.connect((host, int(port)))
            caller.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n")
            async with asyncio.timeout(DEADLINE_S):
                error = await lost

    assert isinstance(error, TimeoutError)


async def test_an_application_that_crashes_is_answered_under_our_name(client) -> None:
    async def crash(_request) -> web.Response:
        raise ValueError("canary")

    app = web.Application()
    app.router.add_get("/", crash)
    async with open_server(app) as url, client.get(url) as response:
        assert response.status == 500
        assert response.headers["Server"] == "bff"
        assert "canary" not in await response.text()


async def test_what_runs_may_end_within_the_grace(client, slow) -> None:
    async with asyncio.TaskGroup() as tasks, open_server(slow.app, grace_s=DEADLINE_S) as url:
        asked = tasks.create_task(_text(client, f"{url}/slow"))
        await slow.entered.wait()
        tasks.create_task(_when_draining(slow, slow.release.set))

    assert asked.result() == "whole"
    assert not slow.streams.told.done()


async def test_a_body_still_on_its_way_may_arrive_within_the_grace(client, slow) -> None:
    go_on = asyncio.Event()

    async def body():
        yield b"first"
        await go_on.wait()
        yield b"last"

    async with asyncio.TaskGroup() as tasks, open_server(slow.app, grace_s=DEADLINE_S) as url:
        asked = tasks.create_task(_text(client, f"{url}/upload", data=body()))
        await slow.entered.wait()
        tasks.create_task(_when_draining(slow, go_on.set))

    assert asked.result() == "9"


async def test_nothing_new_is_accepted_while_draining(client, slow) -> None:
    async def knock(url: str) -> None:
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.get(f"{url}/quick")
        slow.release.set()

    async with asyncio.TaskGroup() as tasks, open_server(slow.app, grace_s=DEADLINE_S) as url:
        tasks.create_task(_text(client, f"{url}/slow"))
        await slow.entered.wait()
        tasks.create_task(_when_draining(slow, knock, url))


async def test_what_outlives_the_grace_is_told_to_end(client, slow) -> None:
    async with asyncio.TaskGroup() as tasks, open_server(slow.app, grace_s=0.05) as url:
        asked = tasks.create_task(_text(client, f"{url}/slow"))
        await slow.entered.wait()

    assert asked.result() == "shutting_down"


async def test_what_does_not_listen_is_cancelled(client, slow, monkeypatch) -> None:
    monkeypatch.setattr(server, "LAST_WORDS_S", 0.1)
    slow.streams.end_all = lambda _problem: None

    async with asyncio.TaskGroup() as tasks, open_server(slow.app) as url:
        asked = tasks.create_task(_left_alone(client, f"{url}/slow"))
        await slow.entered.wait()

    await slow.cancelled.wait()
    assert asked.result()


async def test_an_app_without_streams_ends_too(client, monkeypatch) -> None:
    monkeypatch.setattr(server, "LAST_WORDS_S", 0.1)
    entered, cancelled = asyncio.Event(), asyncio.Event()

    async def hang(_request) -> web.Response:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    app = web.Application()
    app.router.add_get("/", hang)
    async with asyncio.TaskGroup() as tasks, open_server(app) as url:
        tasks.create_task(_left_alone(client, url))
        await entered.wait()

    await cancelled.wait()


def test_without_uvloop_the_standard_loop_will_do(monkeypatch) -> None:
    ran = []

    async def look() -> None:
        ran.append(type(asyncio.get_running_loop()).__module__)

    server.run(look())
    monkeypatch.setitem(sys.modules, "uvloop", None)
    server.run(look())

    assert ran[0].startswith("uvloop")
    assert ran[1].startswith("asyncio")


async def test_a_signal_stops_the_server_and_others_right_after_it_are_the_same(slow) -> None:
    listening = asyncio.Event()
    listener = bind("127.0.0.1", 0)

    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(
            serve(slow.app, sock=listener, grace_s=0, announce=lambda _url: listening.set())
        )
        await listening.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)

    assert serving.done()
    assert slow.streams.draining


async def test_a_second_signal_ends_the_process_at_once(slow, monkeypatch) -> None:
    ended = asyncio.Event()
    monkeypatch.setattr(server, "ONE_SIGNAL_S", 0.0)
    monkeypatch.setattr(os, "_exit", lambda code: ended.set() if code == 1 else None)
    signals = server._Signals(patient=False)

    signals.caught()
    assert not ended.is_set()
    signals.caught()

    assert ended.is_set()


async def test_a_worker_leaves_a_second_signal_to_its_parent(monkeypatch) -> None:
    monkeypatch.setattr(server, "ONE_SIGNAL_S", 0.0)
    monkeypatch.setattr(os, "_exit", lambda _code: pytest.fail("ended at once"))
    signals = server._Signals(patient=True)

    signals.caught()
    signals.caught()

    assert signals.stop.is_set()


async def test_a_worker_stops_when_its_parent_is_gone(slow) -> None:
    listening = asyncio.Event()
    ours, parents = os.pipe()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            serve(
                slow.app,
                sock=bind("127.0.0.1", 0),
                grace_s=0,
                announce=lambda _url: listening.set(),
                parent=ours,
            )
        )
        await listening.wait()
        os.close(parents)

    os.close(ours)
    assert slow.streams.draining


def test_a_busy_port_is_refused() -> None:
    with bind("127.0.0.1", 0) as taken, pytest.raises(OSError, match="in use"):
        bind("127.0.0.1", taken.getsockname()[1])


@pytest.mark.parametrize(
    ("host", "start"),
    [("127.0.0.1", "http://127.0.0.1:"), ("0.0.0.0", "http://127.0.0.1:")],  # noqa: S104 - for a moment
)
def test_the_address_is_one_a_client_can_use(host, start) -> None:
    with bind(host, 0) as listener:
        assert address(listener) == f"{start}{listener.getsockname()[1]}"


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
@pytest.mark.parametrize("host", ["::", "::1"])
def test_an_ipv6_address_is_written_in_brackets(host) -> None:
    try:
        listener = bind(host, 0)
    except OSError:
        return  # a kernel without IPv6 refuses the address
    with listener:
        assert address(listener) == f"http://[::1]:{listener.getsockname()[1]}"


async def _text(client, url: str, *, data=None) -> str:
    async with client.request("POST" if data else "GET", url, data=data) as response:
        return await response.text()


async def _left_alone(client, url: str) -> bool:
    with contextlib.suppress(aiohttp.ClientError):
        await _text(client, url)
        return False
    return True


async def _when_draining(slow: Slow, act, *arguments) -> None:
    await slow.streams.drains.wait()
    done = act(*arguments)
    if asyncio.iscoroutine(done):
        await done


async def _ask(url: str, request: bytes) -> bytes:
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer
