"""Programs that ask the service as its users' programs do: each a process with the SDK it is about.

Older majors of the Python SDKs and all packages of Node are where `.ci/run` puts them.
"""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.node_server import MODULES, NODE, ROOT

PROGRAMS = ROOT / "tests" / "clients" / "programs"
OLD_SDKS = ROOT / ".ci" / "old_sdks"


@dataclass(frozen=True)
class Program:
    """*script* in PROGRAMS, with an SDK of that *version*. *needs* are folders without which it
    cannot run: of a Python program the one where its SDK is, instead of the one that is installed.
    """

    name: str
    script: str
    version: str = "newest"
    needs: tuple[Path, ...] = ()

    @property
    def marks(self) -> list[pytest.MarkDecorator]:
        """A reason to skip it, where something lacks."""
        missing = [folder.name for folder in self.needs if not folder.is_dir()]
        if self.script.endswith(".mjs") and NODE is None:
            missing.append("node")
        reason = f"needs {', '.join(missing)}, which .ci/run brings"
        return [pytest.mark.skip(reason=reason)] if missing else []

    async def run(self, url: str, key: str, asks: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """For each client in the SDK, by the ask's name, what the program saw."""
        told = {"url": url, "key": key, "asks": list(asks)}
        process = await asyncio.create_subprocess_exec(
            *self._command(), env=self._environment(), stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
        try:
            out, said = await process.communicate(orjson.dumps(told))
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0 or said:
            pytest.fail(f"{self.name} ended with {process.returncode}: {said.decode()}")
        seen: dict[str, Any] = orjson.loads(out)
        return seen

    def _command(self) -> tuple[str, ...]:
        script = str(PROGRAMS / self.script)
        if script.endswith(".mjs"):
            return str(NODE), script
        return sys.executable, "-W", "error::ResourceWarning", script

    def _environment(self) -> dict[str, str]:
        environment = {"PATH": os.environ["PATH"], "MODULES": str(MODULES)}
        if self.needs:
            environment["PYTHONPATH"] = str(self.needs[0])
        return environment


def python_program(sdk: str, version: str = "") -> Program:
    """*sdk* as it is installed, or as in an older *version*."""
    script = f"{sdk}_sdk.py"
    if not version:
        return Program(f"{sdk}-newest", script)
    return Program(f"{sdk}-{version}", script, version, (OLD_SDKS / f"{sdk}=={version}",))


def node_program(name: str, *packages: str) -> Program:
    return Program(name, f"{name}.mjs", needs=tuple(MODULES / package for package in packages))
