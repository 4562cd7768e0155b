"""Route: a path with its door. What the door returns is what the handler takes, checked by the type.

So a handler that wants a signed install cannot be put behind the door of a chat token.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from aiohttp import web

C = TypeVar("C")
Door = Callable[[web.Request], Awaitable[C]]
Handler = Callable[[web.Request, C], Awaitable[web.StreamResponse]]
Refusal = Callable[[web.Request, Exception], web.StreamResponse]


@dataclass(frozen=True, slots=True)
class Route(Generic[C]):
    """*path* is written in lower case without a trailing slash; matching ignores both (node-bff.md §2)."""

    method: str
    path: str
    door: Door[C]
    handler: Handler[C]

    async def enter(self, request: web.Request) -> web.StreamResponse:
        return await self.handler(request, await self.door(request))
