"""A command of ours run in this process, on a thread of its own: what it talks to may be here."""

import asyncio
import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import pytest

from bff import cli


@dataclass(frozen=True)
class Ran:
    """A command's exit code and what it printed."""

    code: int
    out: str
    err: str


async def run_command(*arguments: str) -> Ran:
    return await asyncio.to_thread(_run, arguments)


def _run(arguments: tuple[str, ...]) -> Ran:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert isinstance(ended.value.code, int)
    return Ran(ended.value.code, out.getvalue(), err.getvalue())
