"""`bff` as an operator runs it: processes of their own, in a folder that holds a `.env`."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest

_MEASURED = ("COVERAGE_", "COV_CORE_")


def write_env(folder: Path, environment: Mapping[str, str]) -> None:
    lines = [f"{name}={value}\n" for name, value in environment.items()]
    (folder / ".env").write_text("".join(lines), encoding="utf-8")


async def run_bff(folder: Path, *arguments: str) -> tuple[int | None, str]:
    """The exit code and all that was printed."""
    process = await _start(folder, *arguments, stderr=STDOUT)
    out, _ = await process.communicate()
    return process.returncode, out.decode()


@asynccontextmanager
async def serving_bff(folder: Path, *arguments: str) -> AsyncIterator[str]:
    """Its address, once it listens. At the end it is told to stop, and must end well."""
    process = await _start(folder, "serve", *arguments, stderr=DEVNULL)
    try:
        url = await _listening(process)
        reading = asyncio.create_task(process.communicate())
        yield url
        process.send_signal(signal.SIGTERM)
        await reading
        assert process.returncode == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _listening(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    lines = []
    async for raw in process.stdout:
        lines.append(raw.decode())
        said = orjson.loads(raw)
        if said["message"] == "server.listening":
            return str(said["url"])
    pytest.fail("".join(["bff serve did not start:\n", *lines]))


async def _start(folder: Path, *arguments: str, stderr: int) -> asyncio.subprocess.Process:
    kept = {name: os.environ[name] for name in os.environ if name.startswith(_MEASURED)}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bff", *arguments),
        cwd=folder,
        env={"PATH": os.environ["PATH"], "LOG_FORMAT": "json", "PYTHONWARNINGS": "error", **kept},
        stdout=PIPE,
        stderr=stderr,
    )
