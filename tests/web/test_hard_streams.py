"""Streams that once did harm: to their reader, to the other readers, or to the whole process."""

import asyncio
import socket
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pytest

from bff.simulators.openai.simulator import DONE, delta, finish, role
from tests.support.frontend import shown
from tests.support.raw_upstream import event_stream, raw_upstream
from tests.support.service import QUESTION, Service, open_service

PREAMBLE = (
    b'data: {"choices":[{"index":0,"delta":{"reasoning_content":"' + b"x" * 4_000_000 + b'"}}]}\n\n'
)
BROWSER = {"Sec-Fetch-Mode": "cors"}


def ask_and_never_read(service: Service) -> socket.socket:
    address = urlsplit(service.url)
    body = orjson.dumps(QUESTION)
    caller = socket.socket()
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    caller.connect((address.hostname, address.port))
    caller.sendall(
        f"POST /conversations?jwt={service.host.context_token()} HTTP/1.1\r\nHost: x\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    return caller


async def test_a_reader_who_takes_nothing_holds_up_nobody_and_is_cut(tmp_path: Path) -> None:
    async with (
        raw_upstream(event_stream(PREAMBLE), event_stream(role())) as upstream,
        open_service(
            tmp_path,
            gateway=False,
            openai_baseurl=upstream.url,
            heartbeat_seconds="0.1",
            early_commit_seconds="0.1",
            client_stall_seconds="0.5",
        ) as service,
    ):
        with ask_and_never_read(service):
            await upstream.asked.wait()
            async with service.ask() as response:
                beats = [await response.content.readuntil(b"\n\n") for _ in range(8)]
            await service.services.streams.idle()  # the silent one has been cut

    assert sum(beat.startswith(b":") for beat in beats) >= 6


async def test_a_reader_who_resets_while_we_wait_for_it_ends_only_its_own_stream(
    tmp_path: Path,
) -> None:
    async with (
        raw_upstream(event_stream(PREAMBLE)) as upstream,
        open_service(
            tmp_path, gateway=False, openai_baseurl=upstream.url, early_commit_seconds="0.05"
        ) as service,
    ):
        caller = ask_and_never_read(service)
        caller.setblocking(False)
        # one byte says that the answer has begun, and is stuck behind what is not read
        assert await asyncio.get_running_loop().sock_recv(caller, 1)
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        caller.close()
        await service.services.streams.idle()

        async with service.session.get(f"{service.url}/health") as response:
            assert response.status == 200


@pytest.mark.parametrize("value", [b"a\x01b", b"a\xe9b", b"x" * 5000])
async def test_a_header_that_is_no_word_is_not_passed_on(tmp_path: Path, value: bytes) -> None:
    headers = b"cf-aig-log-id: " + value + b"\r\ncf-ray: " + value + b"\r\n"
    answer = event_stream(delta("hi"), finish("stop"), DONE, headers=headers)
    async with (
        raw_upstream(answer) as upstream,
        open_service(tmp_path, gateway=False, openai_baseurl=upstream.url) as service,
        service.ask() as response,
    ):
        page = shown(await response.read())

    # aiohttp itself refuses a control character: then upstream counts as unreachable
    assert (response.status, page.text) == (200, "hi") or (response.status == 502)
    assert "X-Aig-Log-Id" not in response.headers


async def test_after_an_early_beginning_the_headers_name_no_way(tmp_path: Path) -> None:
    async with (
        raw_upstream(
            event_stream(role(), headers=b"cf-aig-log-id: 01FAILED\r\n")
        ) as hanging_gateway,
        open_service(
            tmp_path,
            gateway_url=hanging_gateway.url.removesuffix("/v1"),
            early_commit_seconds="0.05",
            idle_timeout="0.3",
        ) as service,
        service.ask() as response,
    ):
        page = shown(await response.read())

    assert (response.status, page.done) == (200, True)
    assert page.text
    assert "X-Upstream-Via" not in response.headers
    assert "X-Aig-Log-Id" not in response.headers


async def test_a_preamble_too_long_to_be_held_names_no_way_either(tmp_path: Path) -> None:
    preamble = event_stream(role() * 400, headers=b"cf-aig-log-id: 01FAILED\r\n")
    async with (
        raw_upstream(preamble, hang_up=True) as gateway,
        open_service(tmp_path, gateway_url=gateway.url.removesuffix("/v1")) as service,
        service.ask() as response,
    ):
        page = shown(await response.read())

    assert (response.status, page.done) == (200, True)
    assert page.text
    assert "X-Upstream-Via" not in response.headers
    assert "X-Aig-Log-Id" not in response.headers


async def test_an_old_caller_is_told_the_end_by_closing(service: Service) -> None:
    address = urlsplit(service.url)
    body = orjson.dumps(QUESTION)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(
        f"POST /conversations?jwt={service.host.context_token()} HTTP/1.0\r\nHost: x\r\n"
        f"Connection: keep-alive\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )

    answer = await reader.read()
    writer.close()

    assert answer.endswith(b"data: [DONE]\n\n")


async def test_half_an_emoji_in_a_question_is_sent_on(tmp_path: Path) -> None:
    body = b'{"messages":[{"content":{"parts":["cut here \\ud83d"]}}]}'
    headers = {"Content-Type": "application/json"}
    async with (
        raw_upstream(event_stream(delta("hi"), finish("stop"), DONE)) as upstream,
        open_service(tmp_path, gateway=False, openai_baseurl=upstream.url) as service,
        service.session.post(
            f"{service.url}/conversations?jwt={service.host.context_token()}",
            data=body,
            headers=headers,
        ) as response,
    ):
        page = shown(await response.read())

    assert (response.status, page.text) == (200, "hi")


async def test_a_crash_of_our_own_is_spoken_like_every_other_failure(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("bff.dialects.chatgpt.read_request", crash)
    async with service.ask() as plain, service.ask(headers=BROWSER) as browser:
        told, page = await plain.json(), shown(await browser.read())

    assert (plain.status, told) == (500, {"error": "Internal server error"})
    assert (browser.status, page.done) == (500, True)


async def test_a_crash_in_the_middle_ends_the_stream_in_words(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.openai.hold()
    await service.openai.say(delta("half "))
    async with service.ask() as response:
        first = await response.content.readuntil(b"\n\n")

        def crash(*_: object) -> bytes:
            raise ZeroDivisionError

        monkeypatch.setattr("bff.dialects.chatgpt.StreamWriter.feed", crash)
        await service.openai.say(delta("more"))
        page = shown(first + await response.read())

    assert page.text.startswith("half ")
    assert page.done


@pytest.mark.parametrize(("code", "status", "via"), [(2030, 400, None), (2005, 200, "direct")])
async def test_the_gateways_error_as_an_event_means_what_it_means_as_an_answer(
    tmp_path: Path, code: int, status: int, via: str | None
) -> None:
    error = {"success": False, "error": [{"code": code}], "name": "AiGatewayError"}
    refusal = event_stream(b"data: " + orjson.dumps({**error, "internalCode": code}) + b"\n\n")
    async with (
        raw_upstream(refusal) as gateway,
        open_service(tmp_path, gateway_url=gateway.url.removesuffix("/v1")) as service,
        service.ask() as response,
    ):
        await response.read()

    assert (response.status, response.headers.get("X-Upstream-Via")) == (status, via)


async def test_a_refusal_that_trickles_is_told_without_waiting_for_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bff.providers._http._REFUSAL_S", 0.2)
    head = b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{"
    async with (
        raw_upstream(head) as upstream,
        open_service(tmp_path, gateway=False, openai_baseurl=upstream.url) as service,
        asyncio.timeout(5),
        service.ask() as response,
    ):
        assert (response.status, await response.json()) == (400, {"error": "OpenAI API error"})
