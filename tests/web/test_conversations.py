"""`POST /conversations` over real sockets: what the unchanged frontend sees, whatever upstream does."""

import asyncio
import io
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest

from bff.simulators.openai.frames import DONE
from bff.simulators.openai.simulator import delta, error_frame, finish, role, usage
from tests.support.frontend import shown
from tests.support.service import QUESTION, Service, open_service

BROWSER = {"Sec-Fetch-Mode": "cors"}


async def test_an_answer_streams_through_the_gateway(service: Service) -> None:
    async with service.ask() as response:
        body = await response.read()

    page = shown(body, [7])
    assert response.status == 200
    assert page.done
    assert "hello" in page.text.lower()
    assert response.headers["Content-Type"] == "text/event-stream"
    assert response.headers["X-Upstream-Via"] == "gateway"
    assert response.headers["X-Aig-Log-Id"]
    assert "Content-Encoding" not in response.headers
    assert "Content-Length" not in response.headers
    assert body.isascii()
    assert b"\r" not in body
    assert body.count(b"[DONE]") == 1


async def test_the_headers_are_the_node_apps(service: Service) -> None:
    async with service.ask(headers={"Accept-Encoding": "gzip"}) as response:
        headers = response.headers

    expected = {
        "Strict-Transport-Security": "max-age=31536000",
        "Referrer-Policy": "origin",
        "Surrogate-Control": "no-store",
        "Pragma": "no-cache",
        "Expires": "0",
        "Connection": "keep-alive",
    }
    assert {name: headers.get(name) for name in expected} == expected
    assert headers["Cache-Control"].startswith("no-cache")
    assert headers["X-Acpt"].count(".") == 2
    assert headers["X-Request-Id"].startswith("req_")
    assert not any(name.lower().startswith("cf-") for name in headers)
    assert "X-Frame-Options" not in headers


async def test_a_session_token_from_an_answer_opens_the_next_one(service: Service) -> None:
    async with service.ask() as response:
        session_token = response.headers["X-Acpt"]

    async with service.ask(token=session_token) as response:
        assert response.status == 200


async def test_upstream_is_asked_in_the_node_apps_words(service: Service) -> None:
    await service.answer("What is UML?")

    seen = service.openai.requests[-1]
    assert seen.json == {
        "model": "gpt-3.5-turbo",
        "messages": [
            {
                "role": "system",
                "content": "You are an AI assistant called 'GPTDock'. Answer in well-formatted "
                "markdown. Use headings, lists, code blocks, and formatting to make responses readable.",
            },
            {"role": "user", "content": "What is UML?"},
        ],
        "max_tokens": 4096,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert seen.headers["Authorization"] == "Bearer sk-test-key"


async def test_a_callers_gateway_headers_are_not_passed_on(service: Service) -> None:
    async with service.ask(headers={"cf-aig-collect-log": "false", "X-Other": "1"}) as response:
        await response.read()

    log = service.world.gateway.logs[-1]
    assert set(log.metadata) == {"app", "tenant", "user", "conv", "req"}
    assert log.metadata["req"] == response.headers["X-Request-Id"]
    assert service.host.client_key not in orjson.dumps(log.metadata).decode()


async def test_each_event_is_passed_on_as_soon_as_it_comes(service: Service) -> None:
    service.openai.hold()
    await service.openai.say(role(), delta("one "))
    async with service.ask() as response:
        first = await response.content.readuntil(b'"one "')
        await service.openai.say(delta("two"))
        second = await response.content.readuntil(b'"two"')
        await service.openai.finish()
        rest = await response.read()

    assert shown(first + second + rest).text == "one two"


async def test_a_preamble_alone_is_passed_on_within_a_moment(tmp_path: Path) -> None:
    async with open_service(tmp_path, early_commit_seconds="0.05") as service:
        service.openai.hold()
        await service.openai.say(role())
        async with service.ask() as response:
            assert b'"role"' in await response.content.readuntil(b"\n\n")
            await service.openai.say(delta("x"))
            await service.openai.finish()
            await response.read()


async def test_silence_is_broken_by_comments_and_a_late_answer_still_comes(tmp_path: Path) -> None:
    async with open_service(
        tmp_path, heartbeat_seconds="0.05", early_commit_seconds="0.05"
    ) as service:
        service.openai.hold()
        async with service.ask() as response:
            beats = [await response.content.readuntil(b"\n\n") for _ in range(3)]
            await service.openai.say(delta("late"))
            await service.openai.finish()
            page = shown(b"".join(beats) + await response.read())

    assert all(beat.startswith(b":") for beat in beats)
    assert (page.text, page.done) == ("late", True)


async def test_a_failure_after_an_early_beginning_is_spoken_in_the_stream(tmp_path: Path) -> None:
    async with open_service(
        tmp_path, gateway=False, heartbeat_seconds="0.05", early_commit_seconds="0.05"
    ) as service:
        service.openai.hold()
        async with service.ask() as response:
            await response.content.readuntil(b"\n\n")
            for attempt in range(3):
                await service.openai.question(attempt)
                await service.openai.say(error_frame())
                await service.openai.end()
            page = shown(await response.read())

    assert response.status == 200
    assert page.text.startswith("An error occurred")
    assert page.done


async def test_b08_a_reader_who_leaves_hangs_up_upstream(service: Service) -> None:
    service.openai.hold()
    await service.openai.say(delta("one"))
    async with service.ask() as response:
        await response.content.readuntil(b"\n\n")
        response.close()

        async with asyncio.timeout(1):
            await service.openai.hung_up.wait()


async def test_a_reader_who_leaves_before_the_answer_hangs_up_upstream(service: Service) -> None:
    service.openai.hold()
    asking = asyncio.ensure_future(service.ask().__aenter__())
    await service.openai.question()
    asking.cancel()

    async with asyncio.timeout(1):
        await service.openai.hung_up.wait()


async def test_a_reader_who_stops_reading_stops_upstream_and_is_cut(tmp_path: Path) -> None:
    async with open_service(tmp_path, gateway=False, client_stall_seconds="0.3") as service:
        body = orjson.dumps({"messages": [{"content": "[[simulate: endless=60000]]"}]})
        with slow_reader(service, body):
            await service.openai.blocked.wait()
            written = service.openai.written.bytes
            await service.openai.hung_up.wait()

    # what was in flight: socket buffers and our own, never the answer
    assert written < 40 * 2**20


def slow_reader(service: Service, body: bytes) -> socket.socket:
    """A caller who asks and never reads."""
    address = urlsplit(service.url)
    caller = socket.create_connection((address.hostname, address.port))
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    caller.sendall(
        f"POST /conversations?jwt={service.host.context_token()} HTTP/1.1\r\nHost: x\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    return caller


# -- everything that can go wrong upstream, seen from the page ----------------------------------------

BEFORE = [
    # what happens, direct and gateway both, status, JSON body
    ("status=429", 429, {"error": "OpenAI API error"}),
    ("status=400", 400, {"error": "OpenAI API error"}),
    ("status=401", 401, {"error": "OpenAI API error"}),
    ("status=500", 500, {"error": "OpenAI API error"}),
    ("status=503", 503, {"error": "OpenAI API error"}),
    ("status=302", 502, {"error": "OpenAI API error"}),
    ("quota", 429, {"error": "OpenAI API error"}),
    ("html", 502, None),
    ("empty", 502, None),
    ("role-only", 502, None),
    ("end-after=1", 502, None),
    ("error-after=1", 502, None),
    ("reset", 502, None),
    ("garbage", 502, None),
    ("cut-after=1", 502, None),
    ("huge=9000000", 502, None),
]
AFTER = ["cut-after=3", "end-after=3", "error-after=3", "hang-after=3"]
REPAIRED = [
    "crlf", "cr", "bom", "no-space", "multiline", "comments", "obfuscation", "split", "burst",
    "no-done", "json", "bad-line-after=2", "crlf,bom,split,no-done",
]  # fmt: skip


@pytest.fixture
async def direct(tmp_path: Path) -> Any:
    async with open_service(
        tmp_path, gateway=False, idle_timeout="0.3", first_byte_timeout="0.3"
    ) as service:
        yield service


@pytest.mark.parametrize(("fault", "status", "body"), BEFORE)
async def test_a_failure_before_the_answer_has_its_status_and_says_nothing_internal(
    direct: Service, fault: str, status: int, body: Any
) -> None:
    answered, data, headers = await direct.answer(f"[[simulate: {fault}]] hello")

    assert answered == status
    told = orjson.loads(data)
    assert headers["Content-Type"].startswith("application/json")
    assert told == (body or told)
    assert direct.world.url.encode() not in data
    assert b"127.0.0.1" not in data


@pytest.mark.parametrize(("fault", "status"), [(fault, status) for fault, status, _ in BEFORE])
async def test_a_browser_sees_the_same_failure_as_a_sentence(
    direct: Service, fault: str, status: int
) -> None:
    body = {"messages": [{"content": f"[[simulate: {fault}]] hello"}]}
    async with direct.ask(body, headers=BROWSER) as response:
        page = shown(await response.read())

    assert response.status == status
    assert page.text.startswith("An error occurred: ")
    assert (page.done, page.spinning) == (True, False)


@pytest.mark.parametrize("fault", AFTER)
async def test_a_failure_after_some_text_keeps_the_text_and_ends_readably(
    direct: Service, fault: str
) -> None:
    direct.openai.text = "one two three four five six"
    status, data, _ = await direct.answer(f"[[simulate: {fault}]] hello")

    page = shown(data, [1, 50])
    assert status == 200
    assert page.text.startswith("one ")
    assert "An error occurred" not in page.text
    assert page.text.endswith("*")
    assert page.done


@pytest.mark.parametrize("fault", REPAIRED)
@pytest.mark.parametrize("sizes", [[1], [3, 11], [10**6]])
async def test_a_stream_spelled_another_way_is_repaired(
    direct: Service, fault: str, sizes: list[int]
) -> None:
    direct.openai.text = "Grüße aus 中国 😀 and more words to come"
    status, data, _ = await direct.answer(f"[[simulate: {fault}]] hello")

    page = shown(data, sizes)
    assert status == 200
    assert page.text == direct.openai.text
    assert page.done
    assert data.count(b"[DONE]") == 1


async def test_an_answer_that_is_finished_ends_although_upstream_stays_open(
    direct: Service,
) -> None:
    direct.openai.hold()
    await direct.openai.say(delta("all of it"), finish("stop"))
    async with direct.ask() as response:
        page = shown(await response.read())

    assert (page.text, page.done) == ("all of it", True)


async def test_no_headers_in_time_is_a_timeout(direct: Service) -> None:
    status, data, _ = await direct.answer("[[simulate: hang]] hello")

    assert status == 504
    assert b"took too long" in data


async def test_a_stream_that_says_nothing_is_a_timeout(direct: Service) -> None:
    status, data, _ = await direct.answer("[[simulate: hang-after=0]] hello")

    assert status == 504
    assert b"stopped answering" in data


async def test_the_total_time_is_a_limit_too(tmp_path: Path) -> None:
    async with open_service(tmp_path, gateway=False, total_timeout="0.4") as service:
        status, data, _ = await service.answer("[[simulate: frame-delay-ms=100]] hello")

    page = shown(data)
    assert status == 200
    assert page.text.endswith("*The answer took too long and was stopped.*")
    assert page.done


async def test_nobody_listening_is_a_502(tmp_path: Path) -> None:
    async with open_service(tmp_path, gateway=False) as service:
        closed = service.world.closed_url
    async with open_service(tmp_path, gateway=False, openai_baseurl=closed) as service:
        status, data, _ = await service.answer("hello")

    assert status == 502
    assert orjson.loads(data) == {"error": "The AI service could not be reached. Please try again."}


async def test_no_connection_in_time_is_a_502(tmp_path: Path) -> None:
    with full_backlog() as address:
        async with open_service(
            tmp_path, gateway=False, openai_baseurl=f"http://{address}/v1", connect_timeout="0.2"
        ) as service:
            status, _, _ = await service.answer("hello")

    assert status == 502


class full_backlog:  # noqa: N801 - used as a verb
    """A host that takes no more connections: its queue is full and nobody accepts."""

    def __enter__(self) -> str:
        self._server = socket.create_server(("127.0.0.1", 0), backlog=0)
        self._callers = []
        host, port = self._server.getsockname()
        for _ in range(4):
            caller = socket.socket()
            caller.setblocking(False)
            caller.connect_ex((host, port))
            self._callers.append(caller)
        return f"{host}:{port}"

    def __exit__(self, *_: object) -> None:
        for caller in (*self._callers, self._server):
            caller.close()


# -- the gateway's table, row by row ------------------------------------------------------------------

GOES_DIRECT = [
    "gateway-reset",
    "gateway-status=524,gateway-html",
    "gateway-status=520",
    "gateway-status=403",
    "gateway=2001",
    "gateway=2002",
    "gateway=2005",
    "gateway=2008",
    "gateway=2009",
    "gateway=2040",
    "gateway=2047",
    "gateway-hang",
    "gateway-empty",
    "gateway-cut-after=1",
]
REFUSED = [
    ("gateway=2003", 429),
    ("gateway=2041", 429),
    ("gateway=2045", 429),
    ("gateway=2016", 424),
    ("gateway=2017", 424),
    ("gateway=2029", 400),
    ("gateway=2030", 400),
    ("gateway=2021", 402),
    ("status=400", 400),
    ("status=401", 401),
    ("status=404", 404),
    ("quota", 429),
]


@pytest.fixture
async def gated(tmp_path: Path) -> Any:
    async with open_service(tmp_path, first_byte_timeout="0.4", idle_timeout="0.4") as service:
        yield service


@pytest.mark.parametrize("fault", GOES_DIRECT)
async def test_a_gateway_in_the_way_is_gone_round(gated: Service, fault: str) -> None:
    status, data, headers = await gated.answer(f"[[simulate: {fault}]] hello")

    assert (status, shown(data).done) == (200, True)
    assert headers["X-Upstream-Via"] == "direct"
    assert await gated.metric("bff_gateway_fallback_total") == 1


@pytest.mark.parametrize(("fault", "status"), REFUSED)
async def test_a_refusal_is_never_bypassed(gated: Service, fault: str, status: int) -> None:
    answered, data, _ = await gated.answer(f"[[simulate: {fault}]] hello")

    assert (answered, orjson.loads(data)) == (status, {"error": "OpenAI API error"})
    assert await gated.metric("bff_gateway_fallback_total") == 0


async def test_a_guarded_answer_in_one_piece_is_told_as_chunks(gated: Service) -> None:
    status, data, headers = await gated.answer("[[simulate: gateway-json]] hello")

    assert (status, shown(data).done) == (200, True)
    assert shown(data).text
    assert headers["X-Upstream-Via"] == "gateway"


async def test_nothing_is_spliced_after_the_first_word(gated: Service) -> None:
    gated.openai.text = "one two three four"
    status, data, headers = await gated.answer("[[simulate: gateway-cut-after=3]] hello")

    page = shown(data)
    assert (status, headers["X-Upstream-Via"]) == (200, "gateway")
    assert page.text.startswith("one ")
    assert "four" not in page.text
    assert await gated.metric("bff_gateway_fallback_total") == 0


async def test_five_failures_open_the_breaker(gated: Service) -> None:
    for _ in range(5):
        await gated.answer("[[simulate: gateway=2005]] hello")
    before = len(gated.world.gateway.logs)

    _, _, headers = await gated.answer("hello")

    assert headers["X-Upstream-Via"] == "direct"
    assert len(gated.world.gateway.logs) == before
    assert await gated.metric('bff_gateway_breaker_state{upstream="openai"}') == 2


# -- bad input -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({}, 422, "Messages array is required"),
        ({"messages": None}, 422, "Messages array is required"),
        ({"messages": []}, 422, "Messages array is required"),
        ({"messages": "x"}, 422, "Messages array is required"),
        ([], 422, "Messages array is required"),
        ({"messages": [None]}, 422, "A message must be an object"),
        ({"messages": [{"role": "system"}]}, 422, "Only the roles user and assistant are accepted"),
    ],
)
async def test_a_bad_question_is_refused_before_anybody_is_asked(
    service: Service, body: Any, status: int, error: str
) -> None:
    async with service.ask(body) as response:
        told = await response.json()

    assert (response.status, told["error"]) == (status, error)
    assert not service.openai.requests


@pytest.mark.parametrize(
    ("data", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b'"x"', "application/json", 400),
        (b"null", "application/json", 400),
        (b"[" * 100 + b"]" * 100, "application/json", 400),
        (b"{}", "application/json; charset=latin-1", 415),
        (b"x" * (10 * 2**20 + 1), "application/json", 413),
        (b'{"messages":[{}]}', "text/plain", 422),
        (b"", "application/json", 422),
    ],
)
async def test_a_body_that_cannot_be_read_has_its_status(
    service: Service, data: bytes, content_type: str, status: int
) -> None:
    url = f"{service.url}/conversations?jwt={service.host.context_token()}"
    headers = {"Content-Type": content_type}
    async with service.session.post(url, data=io.BytesIO(data), headers=headers) as response:
        assert response.status == status
        assert "error" in await response.json()


async def test_without_a_token_nobody_is_asked(service: Service) -> None:
    async with service.session.post(f"{service.url}/conversations", json=QUESTION) as response:
        assert response.status == 401
        assert "X-Acpt" not in response.headers
    assert not service.openai.requests


@pytest.mark.parametrize("visible", ["always", "never", "auto"])
async def test_who_sees_errors_as_a_stream_is_a_setting(tmp_path: Path, visible: str) -> None:
    async with (
        open_service(tmp_path, visible_errors=visible) as service,
        service.ask({}) as plain,
        service.ask({}, headers=BROWSER) as browser,
    ):
        kinds = [plain.content_type, browser.content_type]
        statuses = {plain.status, browser.status}

    stream, json = "text/event-stream", "application/json"
    assert statuses == {422}
    assert (
        kinds
        == {"always": [stream, stream], "never": [json, json], "auto": [json, stream]}[visible]
    )


async def test_usage_is_known_once_and_not_shown(service: Service) -> None:
    service.openai.hold()
    await service.openai.say(delta("x"), finish("stop"), usage(7, 2), DONE)
    await service.openai.end()
    async with service.ask() as response:
        body = await response.read()

    assert b"prompt_tokens" not in body
    assert await service.metric("bff_upstream_requests_total") == 1
