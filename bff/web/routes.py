"""Route: a path with its door. What the door returns is what the handler takes, checked by the
type.

So a handler that wants a signed install cannot be put behind the door of a chat token.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from aiohttp import web

from bff.errors import Problem

C = TypeVar("C")
Door = Callable[[web.Request], Awaitable[C]]
Handler = Callable[[web.Request, C], Awaitable[web.StreamResponse]]
Refusal = Callable[[web.Request, Problem], web.StreamResponse]


@dataclass(frozen=True, slots=True)
class Route(Generic[C]):
    """*path* is written in lower case without a trailing slash: matching ignores both
    (node-bff.md §2).

    *refuse* speaks a Problem of the door or the handler; None for the house's usual words.
    """

    method: str
    path: str
    door: Door[C]
    handler: Handler[C]
    refuse: Refusal | None = None

    async def enter(self, request: web.Request) -> web.StreamResponse:
        """Through the door to the handler. Raises Problem."""
        return await self.handler(request, await self.door(request))
