"""Whatever a service does with a request is an answer that can be compared."""

import asyncio

import pytest

from bff.compare.outcome import End
from bff.compare.prepare import Wire
from bff.compare.reading import Answer
from bff.compare.sending import open_sender
from tests.support.answers import Answers, Said, nobodys_url

SHORT_S = 0.2


async def send(service: Answers, wire: Wire, limit_s: float = 5.0) -> Answer:
    async with open_sender() as sender:
        return await sender.send(service.url, wire, limit_s)


async def test_an_answer_comes_as_it_was_said(service: Answers) -> None:
    service.says["/x"] = Said(302, b"moved", {"Location": "/y", "X-Odd": "a"})

    answer = await send(service, Wire("POST", "/x?a=%2f&b=<c>", (("A", "1"), ("A", "2")), b"hi"))

    assert (answer.end, answer.status, answer.body) == (End.COMPLETE, 302, b"moved")
    assert ("Location", "/y") in answer.headers
    assert service.asked == ["POST /x?a=%2f&b=<c>"]
    assert service.bodies == [b"hi"]


async def test_nothing_is_sent_that_was_not_said(service: Answers) -> None:
    await send(service, Wire("GET", "/x"))

    assert sorted(name.lower() for name in service.headers[0]) == [
        "connection",
        "host",
        "user-agent",
    ]


async def test_a_large_body_is_sent_whole(service: Answers) -> None:
    await send(service, Wire("POST", "/x", (), b" " * (2**20 + 1)))

    assert service.bodies == [b" " * (2**20 + 1)]
    assert service.headers[0]["Content-Length"] == str(2**20 + 1)


@pytest.mark.parametrize(
    ("said", "end", "status", "body"),
    [
        (Said(then="silent"), End.SILENT, None, b""),
        (Said(then="gone"), End.CUT, None, b""),
        (Said(200, b"half", then="hang"), End.UNFINISHED, 200, b"half"),
        (Said(200, b"half", then="cut"), End.CUT, 200, b"half"),
        (Said(200, b"no gzip here", {"Content-Encoding": "gzip"}), End.GARBLED, 200, b""),
    ],
)
async def test_what_goes_wrong_is_an_answer_too(
    service: Answers, said: Said, end: End, status: int | None, body: bytes
) -> None:
    service.says["/x"] = said

    answer = await send(service, Wire("GET", "/x"), SHORT_S)

    assert (answer.end, answer.status, answer.body) == (end, status, body)


async def test_nothing_is_sent_twice_when_a_connection_breaks(service: Answers) -> None:
    service.says["/x"] = Said(then="gone")

    await send(service, Wire("GET", "/x"))

    assert service.asked == ["GET /x"]


async def test_where_nobody_listens_there_is_no_connection() -> None:
    answer = await send(Answers(url=nobodys_url()), Wire("GET", "/x"))

    assert answer == Answer(End.NO_CONNECTION)


async def test_what_is_not_http_is_told_from_a_broken_connection() -> None:
    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"THIS/1.1 is no status line\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(babble, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        answer = await send(Answers(url=f"http://{host}:{port}"), Wire("GET", "/x"))

    assert answer == Answer(End.GARBLED)
