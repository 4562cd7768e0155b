"""Diary: what happened between the stand-in site and the add-on, kept and told live.

Not a log: it is for the page's reader and holds no token and no secret, only claims.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

REMEMBERED = 200


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the diary. *number* counts from 1, *at* is seconds since 1970."""

    number: int
    at: float
    title: str
    detail: str
    ok: bool
    facts: Mapping[str, Any] = field(default_factory=dict)


class Diary:
    """Kept by one loop. A reader who left is forgotten; `close` ends the others' reading."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.happenings: deque[Happening] = deque(maxlen=REMEMBERED)
        self._now = now
        self._number = 0
        self._closed = False
        self._readers: set[asyncio.Queue[Happening | None]] = set()

    def note(
        self, title: str, detail: str, *, ok: bool = True, facts: Mapping[str, Any] | None = None
    ) -> None:
        self._number += 1
        happening = Happening(self._number, self._now(), title, detail, ok, facts or {})
        self.happenings.append(happening)
        for reader in self._readers:
            reader.put_nowait(happening)

    async def read(self, *, after: int = 0) -> AsyncGenerator[Happening, None]:
        """Everything later than number *after*, then whatever comes, until `close`."""
        queue: asyncio.Queue[Happening | None] = asyncio.Queue()
        for happening in self.happenings:
            if happening.number > after:
                queue.put_nowait(happening)
        if self._closed:
            queue.put_nowait(None)
        self._readers.add(queue)
        try:
            while (next_one := await queue.get()) is not None:
                yield next_one
        finally:
            self._readers.discard(queue)

    def close(self) -> None:
        self._closed = True
        for reader in self._readers:
            reader.put_nowait(None)
