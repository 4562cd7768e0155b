"""Who is measured: nothing in between, a bare relay, the service with everything on."""

import asyncio
import itertools
import os
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import jwt
import orjson

from bff.store.api_key_rows import create_key
from bff.store.db import open_database
from bff.store.migrate import migrate
from bff.store.tenants import TenantStore
from tests.bench.standin import order

ROOT = Path(__file__).parents[2]
_MODELS = {
    "anthropic": "anthropic/claude-sonnet-4-5",
    "openai": "openai/gpt-3.5-turbo",
    "straico": "straico/openai/gpt-4o-mini",
}
_CLIENT_KEY, _SECRET = "bench", "a-shared-secret-of-the-bench-0123456789"


@dataclass(frozen=True, slots=True)
class Target:
    """*question* makes the bytes of the next question; *pid* is None when nothing is in between;
    without *streams* nothing is said before the whole answer is there.
    """

    port: int
    pid: int | None
    question: Callable[[int, int], bytes]
    streams: bool = True


@asynccontextmanager
async def open_standin() -> AsyncIterator[int]:
    async with _started("tests.bench.standin") as (_, first_line):
        yield int(first_line)


@asynccontextmanager
async def open_direct(upstream: int) -> AsyncIterator[Target]:
    yield Target(upstream, None, _ask_openai("/v1/chat/completions"))


@asynccontextmanager
async def open_relay(upstream: int) -> AsyncIterator[Target]:
    url = f"http://127.0.0.1:{upstream}/v1/chat/completions"
    async with _started("tests.bench.relay", url) as (pid, first_line):
        yield Target(int(first_line), pid, _ask_openai("/"))


@asynccontextmanager
async def open_service(
    upstream: int,
    *,
    fresh_tokens: bool = False,
    vendor: str = "openai",
    face: str = "/conversations",
) -> AsyncIterator[Target]:
    """Through the gateway where it has a path, with its headers, logs, metrics and a database.
    *face* is the path that is asked.
    """
    with tempfile.TemporaryDirectory(prefix="bff-bench-") as folder:
        database = f"sqlite:///{folder}/bench.sqlite"
        key = await _install(database)
        environment = {
            "ANTHROPIC_API_KEY": "sk-bench",
            "APP_ENV": "development",
            "CHAT_MODEL": _MODELS[vendor],
            "CLOUDFLARE_ACCOUNT_ID": "account",
            "CLOUDFLARE_GATEWAY_ID": "gateway",
            "DATABASE_URL": database,
            "GATEWAY_URL": f"http://127.0.0.1:{upstream}/v1",
            "HOST": "127.0.0.1",
            "LOG_FORMAT": "json",
            "OPENAI_API_KEY": "sk-bench",
            "PORT": "0",
            "STREAMS_PER_KEY": "off",
            "STREAMS_PER_USER": "off",
            "STRAICO_API_KEY": "sk-bench",
            "STRAICO_BASE_URL": f"http://127.0.0.1:{upstream}",
            "UPSTREAM_CONNECTIONS": "10000",
        }
        async with _started("bff", "serve", **environment) as (pid, first_line):
            url = orjson.loads(first_line)["url"]
            port = int(url.rpartition(":")[2])
            question = _ask_service(fresh_tokens)
            if face != "/conversations":
                question = _ask_face(face, _MODELS[vendor], key)
            yield Target(port, pid, question, streams=vendor != "straico")


def _ask_openai(path: str) -> Callable[[int, int], bytes]:
    def question(events: int, gap_ms: int) -> bytes:
        messages = [{"role": "user", "content": order(events, gap_ms)}]
        body = {"model": "gpt-3.5-turbo", "stream": True, "messages": messages}
        return _post(path, orjson.dumps(body))

    return question


def _ask_face(path: str, model: str, key: str) -> Callable[[int, int], bytes]:
    def question(events: int, gap_ms: int) -> bytes:
        messages = [{"role": "user", "content": order(events, gap_ms)}]
        body = {"model": model, "max_tokens": 4096, "stream": True, "messages": messages}
        return _post(path, orjson.dumps(body), f"Authorization: Bearer {key}\r\n")

    return question


def _ask_service(fresh_tokens: bool) -> Callable[[int, int], bytes]:
    numbers = itertools.count()
    token = _token(0)

    def question(events: int, gap_ms: int) -> bytes:
        content = {"content_type": "text", "parts": [order(events, gap_ms)]}
        message = {"author": {"role": "user"}, "role": "user", "content": content}
        body = {"action": "next", "messages": [message], "model": "text-davinci-002"}
        mine = _token(next(numbers)) if fresh_tokens else token
        return _post(f"/conversations?jwt={mine}", orjson.dumps(body))

    return question


def _post(target: str, body: bytes, more: str = "") -> bytes:
    head = (
        f"POST {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"{more}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _token(number: int) -> str:
    now = int(time.time())
    claims = {
        "iss": _CLIENT_KEY,
        "sub": "user",
        "qsh": "context-qsh",
        "iat": now,
        "exp": now + 3600,
        "context": {"user": {"accountId": "user", "number": number}},
    }
    return jwt.encode(claims, _SECRET, "HS256")


async def _install(database: str) -> str:
    """A site, and a key: its text."""
    payload = {
        "key": "com.zenuml.gptdock",
        "clientKey": _CLIENT_KEY,
        "sharedSecret": _SECRET,
        "baseUrl": "https://bench.atlassian.net/wiki",
        "productType": "confluence",
    }
    async with open_database(database) as db:
        await migrate(db)
        await TenantStore(db, now=asyncio.get_running_loop().time).save(_CLIENT_KEY, payload)
        _, key = await create_key(db, "bench", now=time.time())
    return key


@asynccontextmanager
async def _started(*command: str, **environment: str) -> AsyncIterator[tuple[int, bytes]]:
    """A process of its own, and the first line that says it is listening."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *command),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=PIPE,
        stderr=DEVNULL,
    )
    reading: asyncio.Task[None] | None = None
    try:
        line = await process.stdout.readline()
        while b"server.listening" not in line and not line.strip().isdigit():
            if not line:
                raise RuntimeError(f"{' '.join(command)} did not start")
            line = await process.stdout.readline()
        reading = asyncio.ensure_future(_swallow(process.stdout))
        yield process.pid, line
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        if reading is not None:
            await reading


async def _swallow(output: asyncio.StreamReader) -> None:
    while await output.read(65536):
        pass
