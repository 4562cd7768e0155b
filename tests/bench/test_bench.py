"""That the bench runs and counts right; how fast anything is, no test says."""

import asyncio
import sys

import pytest

from tests.bench.__main__ import Load, Row, measure, table
from tests.bench.client import UnexpectedAnswerError, ask_at_once
from tests.bench.standin import order
from tests.bench.targets import open_direct, open_standin

LITTLE = Load(streams=2, events=3, gap_ms=1, requests=4, open_streams=2)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_everybody_is_measured_and_every_event_arrives() -> None:
    rows = await measure(LITTLE)

    assert [row.name.split(",")[0] for row in rows] == [
        "direct",
        "bare aiohttp relay",
        *["service"] * 7,
    ]
    assert all(row.rss_start_mib for row in rows[1:])


async def test_the_client_counts_words_however_they_are_cut() -> None:
    async with open_standin() as upstream, open_direct(upstream) as target:
        answers = await ask_at_once(target.port, lambda: target.question(500, 0), 3)

    assert [answer.words for answer in answers] == [500, 500, 500]


async def test_an_answer_that_is_none_is_no_figure() -> None:
    async def refuse(reader, writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ExceptionGroup) as raised:
            await ask_at_once(port, lambda: b"POST / HTTP/1.1\r\n\r\n", 1)

    assert raised.group_contains(UnexpectedAnswerError, match="401")


def test_the_table_sets_each_figure_beside_the_bare_relay() -> None:
    rows = [
        Row("direct", 1.0),
        Row("relay", 2.0, 10.0, 100.0, 40.0, 20.0, 1.0),
        Row("service", 3.0, 15.0, 150.0, 60.0, 30.0, 2.0),
    ]

    direct, relay, service = table(rows).splitlines()[1:]

    assert direct.split() == ["direct", "-", "-", "0.00", "-", "-"]
    assert relay.count("(1.00x)") == 5
    assert service.count("(1.50x)") == 4
    assert service.count("(2.00x)") == 1
    assert order(2, 5) == "[[2 events every 5 ms]]"
