"""Requests of clients that cannot be run here, as they are on the wire: read, filled in, sent raw.

They are tests/recordings/clients, written after api-faces.md §4; no key or content of anybody's.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tests.support.raw_http import RawAnswer, ask

FOLDER = Path(__file__).parents[1] / "recordings" / "clients"


@dataclass(frozen=True)
class Recorded:
    """*headers* and *body* (as Node's JSON.stringify spells it) with everything filled in."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None

    async def send(self, url: str) -> RawAnswer:
        return await ask(self.method, url + self.path, self.body, **self.headers)


def read_recorded(name: str, **values: Any) -> Recorded:
    """*values* stand where the recording has their names in braces: a text within one, or any
    JSON in place of the whole string.
    """
    said = orjson.loads((FOLDER / f"{name}.json").read_bytes())
    filled = {name: _fill(said[name], values) for name in ("headers", "body") if name in said}
    body = (
        said.get("body")
        and json.dumps(filled["body"], ensure_ascii=False, separators=(",", ":")).encode()
    )
    return Recorded(said["method"], said["path"], filled["headers"], body)


def _fill(value: Any, values: Mapping[str, Any]) -> Any:
    match value:
        case dict():
            return {name: _fill(inner, values) for name, inner in value.items()}
        case list():
            return [_fill(inner, values) for inner in value]
        case str():
            for name, said in values.items():
                hole = "{{" + name + "}}"
                if value == hole:
                    return said
                value = value.replace(hole, said) if isinstance(said, str) else value
            assert "{{" not in value, value
    return value
