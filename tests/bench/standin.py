"""Upstreams that cost nearly nothing: bytes ready made, one write per event, one event at a time.

OpenAI's stream, Anthropic's where the path is its own, and Straico's one piece. Not simulators: of a
question only the path and `[[N events every M ms]]` are read. Their own process.
"""

import asyncio
import re
import sys
from dataclasses import dataclass
from functools import partial

import uvloop

WORD = b"word"
_ORDER = re.compile(rb"\[\[(\d+) events every (\d+) ms\]\]")
_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
    b"cf-aig-log-id: 01J0000000000000000000\r\ncf-aig-cache-status: MISS\r\n\r\n"
)


def order(events: int, gap_ms: int) -> str:
    return f"[[{events} events every {gap_ms} ms]]"


def _event(rest: bytes) -> bytes:
    data = (
        b'data: {"id":"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012","object":"chat.completion.chunk",'
        b'"created":1700000000,"model":"gpt-3.5-turbo-0125","service_tier":"default",'
        b'"system_fingerprint":"fp_0123456789","choices":[{"index":0,' + rest + b"}]}\n\n"
    )
    return b"%x\r\n%b\r\n" % (len(data), data)


@dataclass(frozen=True, slots=True)
class _Answer:
    """The frames of an answer; *word* is repeated."""

    begin: bytes
    word: bytes
    finish: bytes
    end: bytes


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _named(name: bytes, rest: bytes) -> bytes:
    return _chunk(b'event: %b\ndata: {"type":"%b"%b}\n\n' % (name, name, rest))


def _whole(events: int) -> bytes:
    """Straico's answer in one piece."""
    body = (
        b'{"id":"c1","object":"chat.completion","created":1700000000,"model":"openai/gpt-4o-mini",'
        b'"choices":[{"index":0,"message":{"role":"assistant","content":"'
        + b" ".join([WORD] * events)
        + b'"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":9,'
        b'"total_tokens":18},"price":{"input":0.1,"output":0.2,"total":0.3}}'
    )
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % len(body) + body


_ROLE = _event(b'"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null')
_WORD = _event(b'"delta":{"content":"' + WORD + b'"},"logprobs":null,"finish_reason":null')
_FINISH = _event(b'"delta":{},"logprobs":null,"finish_reason":"stop"')
_END = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
_OPENAI = _Answer(_ROLE, _WORD, _FINISH, _END)
_ANTHROPIC = _Answer(
    _named(
        b"message_start",
        b',"message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-x",'
        b'"content":[],"stop_reason":null,"usage":{"input_tokens":9,"output_tokens":1}}',
    )
    + _named(b"content_block_start", b',"index":0,"content_block":{"type":"text","text":""}'),
    _named(
        b"content_block_delta",
        b',"index":0,"delta":{"type":"text_delta","text":" ' + WORD + b'"}',
    ),
    _named(b"content_block_stop", b',"index":0')
    + _named(
        b"message_delta",
        b',"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":9}',
    ),
    _named(b"message_stop", b"") + b"0\r\n\r\n",
)


class _Connection(asyncio.Protocol):
    """One question after another; each answered as it orders."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._seen = b""
        self._due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, _exc: Exception | None) -> None:
        if self._due is not None:
            self._due.cancel()

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, found, body = self._seen.partition(b"\r\n\r\n")
        if not found:
            return
        length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        chunked = b"chunked" in head.lower() and not body.endswith(b"0\r\n\r\n")
        if chunked or (length and len(body) < int(length[1])):
            return
        events, gap_ms = map(int, _ORDER.search(body).groups())
        self._seen = b""
        path = head.split(b" ", 2)[1]
        if path.endswith(b"/v2/chat/completions"):
            self._transport.write(_whole(events))
            return
        self._answer = _ANTHROPIC if path.endswith(b"/messages") else _OPENAI
        self._transport.write(_HEAD + self._answer.begin)
        self._say(events, gap_ms / 1000, self._loop.time())

    def _say(self, left: int, gap_s: float, now: float) -> None:
        if self._transport.is_closing():
            return
        if not left:
            self._transport.write(self._answer.finish)
            self._transport.write(self._answer.end)
            return
        self._transport.write(self._answer.word)
        again = partial(self._say, left - 1, gap_s, now + gap_s)
        self._due = self._loop.call_at(now + gap_s, again)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(
        _Connection, "127.0.0.1", 0, backlog=4096
    )
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - told to the bench
    await server.serve_forever()


if __name__ == "__main__":
    sys.exit(uvloop.run(_serve()))
