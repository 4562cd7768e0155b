"""The unchanged frontend's stream parser, as contract node-bff.md §7.1 measured it.

It decodes each network read by itself, and one bad line spoils everything after it.
"""

from __future__ import annotations

import json
from typing import Any


class FrontendParser:
    """`text` is what the page shows; `spinning` while nothing has removed the spinner."""

    def __init__(self) -> None:
        self.text = ""
        self.spinning = True
        self.done = False
        self._pending = ""

    def read(self, data: bytes) -> None:
        if self.done:
            return
        decoded = data.decode("utf-8", "replace").removeprefix("\ufeff")
        lines = (self._pending + decoded).split("\n")
        self._pending = ""
        for index, line in enumerate(lines):
            if line == "data: [DONE]":
                self.done = True
                return
            if line.startswith("data: "):
                try:
                    value = json.loads(line[6:], parse_constant=_refuse)
                except ValueError:
                    self._pending = line
                    return
                self._show(value)
            elif index == len(lines) - 1:
                self._pending = line

    def _show(self, value: Any) -> None:
        choices = value.get("choices") if isinstance(value, dict) else None
        if not choices or not isinstance(choices[0], dict):
            return
        delta = choices[0].get("delta")
        if isinstance(delta, dict):
            self.spinning = False
            content = delta.get("content")
            self.text += (
                content if isinstance(content, str) else ("" if not content else "[object]")
            )


def shown(stream: bytes, sizes: list[int] | None = None) -> FrontendParser:
    """The page after *stream* arrived in reads of *sizes* bytes (repeated; 1 by default)."""
    parser = FrontendParser()
    steps = sizes or [1]
    start = turn = 0
    while start < len(stream):
        size = max(1, steps[turn % len(steps)])
        parser.read(stream[start : start + size])
        start, turn = start + size, turn + 1
    return parser


def _refuse(name: str) -> Any:
    raise ValueError(name)
