"""A script of ours run by Node with the packages of `.ci/node_modules`: JSON in, JSON out."""

import asyncio
from typing import Any

import orjson

from tests.support.node_server import MODULES, NODE, node_url


async def run_node(script: str, database_url: str, asked: object) -> Any:
    """*script* finds the database's URL and *asked*, as JSON, among its arguments."""
    process = await asyncio.create_subprocess_exec(
        *(str(NODE), "-e", script, node_url(database_url), orjson.dumps(asked).decode()),
        env={"NODE_PATH": str(MODULES)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, said = await process.communicate()
    assert process.returncode == 0, said.decode()
    return orjson.loads(out)
