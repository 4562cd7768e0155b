"""What the service costs beside its peers, in one run on one machine:

    uv run python -m tests.bench

CPU of the measured process per streamed event and per short request, time added to the first event,
memory at the start and per open stream; each for the service and for a bare aiohttp relay, with the
ratio. Translated is Anthropic's stream in OpenAI's words, simulated Straico's one piece as a stream. The
last three are the integrators' faces, with a key: OpenAI's passed on, Anthropic's passed on, and
OpenAI's stream in Anthropic's words. The upstream, the peers and the service are processes of their own. Linux only (/proc).
"""

import argparse
import asyncio
import statistics
import sys
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass, replace

import orjson
import uvloop

from tests.bench.client import Answer, ask_at_once, ask_in_turn, connect
from tests.bench.meter import MIB, Meter
from tests.bench.targets import Target, open_direct, open_relay, open_service, open_standin

_FOREVER_MS = 600_000


@dataclass(frozen=True, slots=True)
class Load:
    """*streams* at a time, of *events* each, *gap_ms* apart; *requests* short ones, one event each."""

    streams: int = 50
    events: int = 200
    gap_ms: int = 20
    requests: int = 1000
    open_streams: int = 200


@dataclass(frozen=True, slots=True)
class Row:
    """None where nothing is in between."""

    name: str
    first_event_ms: float
    cpu_us_per_event: float | None = None
    cpu_us_per_request: float | None = None
    rss_start_mib: float | None = None
    rss_kib_per_stream: float | None = None
    first_event_added_ms: float = 0.0


async def measure(load: Load) -> list[Row]:
    async with open_standin() as upstream:
        entrants: list[tuple[str, AbstractAsyncContextManager[Target]]] = [
            ("direct", open_direct(upstream)),
            ("bare aiohttp relay", open_relay(upstream)),
            ("service, token remembered", open_service(upstream, fresh_tokens=False)),
            ("service, fresh token each", open_service(upstream, fresh_tokens=True)),
            ("service, translated", open_service(upstream, vendor="anthropic")),
            ("service, simulated", open_service(upstream, vendor="straico")),
            ("service, OpenAI face", open_service(upstream, face="/v1/chat/completions")),
            (
                "service, Anthropic's own",
                open_service(upstream, vendor="anthropic", face="/v1/messages"),
            ),
            ("service, Anthropic's words", open_service(upstream, face="/v1/messages")),
        ]
        rows = []
        for name, opened in entrants:
            async with opened as target:
                row = await _measure(name, target, load)
            rows.append(replace(row, first_event_added_ms=row.first_event_ms - _base(rows, row)))
    return rows


def _base(rows: list[Row], row: Row) -> float:
    return rows[0].first_event_ms if rows else row.first_event_ms


async def _measure(name: str, target: Target, load: Load) -> Row:
    meter = Meter(target.pid) if target.pid is not None else None
    rss_start = meter.rss_bytes() if meter else 0
    await _short(target, max(10, load.requests // 20))  # warm
    rss_per_stream = await _memory_per_stream(target, meter, load.open_streams)
    await _short(target, 10)  # by then those streams are gone

    before = meter.cpu_us() if meter else 0.0
    answers = await _short(target, load.requests)
    between = meter.cpu_us() if meter else 0.0
    questions = iter([target.question(load.events, load.gap_ms) for _ in range(load.streams)])
    streamed = await ask_at_once(target.port, questions.__next__, load.streams)
    after = meter.cpu_us() if meter else 0.0

    _check(answers, 1)
    _check(streamed, load.events)
    first_ms = statistics.median(answer.first_s for answer in answers) * 1000
    if meter is None:
        return Row(name, first_ms)
    per_request = (between - before) / load.requests
    more_events = load.streams * (load.events - 1)  # a short request has one as well
    per_event = (after - between - per_request * load.streams) / more_events
    return Row(name, first_ms, per_event, per_request, rss_start / MIB, rss_per_stream / 1024)


async def _short(target: Target, times: int) -> list[Answer]:
    questions = iter([target.question(1, 0) for _ in range(times)])
    return await ask_in_turn(target.port, questions.__next__, times)


async def _memory_per_stream(target: Target, meter: Meter | None, streams: int) -> float:
    if meter is None or not target.streams:
        return 0.0
    before = meter.rss_bytes()
    connections = [await connect(target.port) for _ in range(streams)]
    asked = []
    for connection in connections:
        question = target.question(2, _FOREVER_MS)
        asked.append(asyncio.ensure_future(connection.ask(question)))
    await asyncio.gather(*(connection.began.wait() for connection in connections))
    grown = meter.rss_bytes() - before
    for waiting, connection in zip(asked, connections, strict=True):
        waiting.cancel()
        connection.close()
    await asyncio.gather(*asked, return_exceptions=True)
    return grown / streams


def _check(answers: list[Answer], events: int) -> None:
    if wrong := [answer.words for answer in answers if answer.words != events]:
        raise RuntimeError(f"{len(wrong)} answers had not {events} events but {wrong[:5]}")


_COLUMNS = (
    ("CPU us/event", "cpu_us_per_event", "{:.1f}"),
    ("CPU us/short request", "cpu_us_per_request", "{:.0f}"),
    ("first event +ms", "first_event_added_ms", "{:.2f}"),
    ("MiB at start", "rss_start_mib", "{:.1f}"),
    ("KiB/open stream", "rss_kib_per_stream", "{:.1f}"),
)


def table(rows: list[Row]) -> str:
    """Each figure, and in brackets how many times the bare relay's it is."""
    relay = rows[1]
    lines = ["".join(["".ljust(28), *(title.rjust(22) for title, _, _ in _COLUMNS)])]
    for row in rows:
        cells = [_cell(row, relay, field, form) for _, field, form in _COLUMNS]
        lines.append("".join([row.name.ljust(28), *(cell.rjust(22) for cell in cells)]))
    return "\n".join(lines)


def _cell(row: Row, relay: Row, field: str, form: str) -> str:
    value, peer = getattr(row, field), getattr(relay, field)
    if value is None:
        return "-"
    ratio = f" ({value / peer:.2f}x)" if row.cpu_us_per_event is not None and peer else ""
    return form.format(value) + ratio


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    for name, default in asdict(Load()).items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=int, default=default, help=f"default {default}")
    parser.add_argument("--json", action="store_true", help="figures for a program")
    given = vars(parser.parse_args())
    as_json = given.pop("json")
    load = Load(**given)
    rows = uvloop.run(measure(load))
    if as_json:
        told = {"load": asdict(load), "rows": [asdict(row) for row in rows]}
        sys.stdout.write(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        sys.stdout.write(f"{load}\n\n{table(rows)}\n")


if __name__ == "__main__":
    main()
