"""What is the same for every vendor that is asked over HTTP: roads, the pool, the one POST.

Not a vendor: what differs (address, keys, words, quirks) is in the vendor's own file, and what is
read and written in its dialect.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import ClassVar

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from bff import __version__
from bff.chat.request import ChatRequest, Written
from bff.chat.usage import Counted
from bff.errors import Kind, Problem
from bff.policy.deadline import Timers, for_whole_answer
from bff.policy.retry import Patience
from bff.providers._http import Dialect, Endpoint, OpenAnswer, ask, reading
from bff.providers._pool import Pool
from bff.providers.cloudflare import Gateway, behind_gateway

USER_AGENT = f"gptdock-bff/{__version__}"


@dataclass(frozen=True, slots=True)
class Road:
    """One way to a vendor. *base* has no slash at its end; *headers* say who asks, and are empty
    where the gateway holds the key.
    """

    base: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    gateway: Gateway | None = None


@dataclass(frozen=True, slots=True)
class Means:
    """What a vendor is asked with; its own, so that one slow vendor does not starve another."""

    session: aiohttp.ClientSession
    pool: Pool
    timers: Timers
    event_limit: int = 8 * 2**20  # bytes of one event, and of a whole answer
    note_bad_events: Callable[[int], None] = lambda _: None
    note_failed_calls: Callable[[int], None] = lambda _: None  # tool markup that could not be read


class HttpProvider(ABC):
    """*roads* by way, in the order to try: `gateway`, `direct`."""

    name: ClassVar[str]
    tongues: ClassVar[frozenset[str]]
    streams: ClassVar[bool] = True
    patience: ClassVar[Patience] = Patience()
    as_node: ClassVar[bool] = False  # the Node app told its callers every status of this vendor's

    def __init__(self, means: Means, roads: Mapping[str, Road]) -> None:
        self.means, self.roads = means, dict(roads)
        self._headers = {way: _fixed_headers(road) for way, road in roads.items()}

    @property
    def ways(self) -> tuple[str, ...]:
        return tuple(self.roads)

    # -- a vendor's own ---------------------------------------------------------------------------

    @abstractmethod
    def url(self, road: Road, model: str) -> URL:
        """Where *model* is asked."""

    def place(self, request: ChatRequest, road: Road, model: str) -> URL:
        """Where *request* is put to *model*: one place, unless a vendor has another for some."""
        return self.url(road, model)

    @abstractmethod
    def write(self, request: ChatRequest, model: str) -> Written:
        """Raises Problem(BAD_REQUEST) for what this vendor cannot be asked."""

    @abstractmethod
    def dialect(self, request: ChatRequest, model: str) -> Dialect:
        """How the answer to *request* is read."""

    def timers(self, request: ChatRequest, model: str) -> Timers:
        timers = self.means.timers
        return timers if request.stream else for_whole_answer(timers, request.max_tokens)

    # -- the same for all -------------------------------------------------------------------------

    @asynccontextmanager
    async def stream(
        self, request: ChatRequest, *, model: str, via: str, deadline: float
    ) -> AsyncIterator[OpenAnswer]:
        written = self.write(request, model)
        async with self.means.pool.slot(deadline):
            try:
                response = await self.ask(request, written, model=model, via=via, deadline=deadline)
            except Problem as problem:
                problem.ours = problem.kind is Kind.UPSTREAM_AUTH and not self.as_node
                raise
            async with reading(
                response,
                dialect=self._dialect(request, model, via),
                timers=self.timers(request, model),
                deadline=deadline,
                answer_limit=self.means.event_limit,
                note_bad_events=self.means.note_bad_events,
            ) as answer:
                yield replace(answer, ignored=written.ignored) if written.ignored else answer

    async def count(
        self, request: ChatRequest, *, model: str, via: str, deadline: float
    ) -> Counted | None:
        """The tokens of *request*; None, for most vendors do not count them."""
        return None

    async def ask(
        self, request: ChatRequest, written: Written, *, model: str, via: str, deadline: float
    ) -> aiohttp.ClientResponse:
        """Once; a vendor whose refusal can be mended asks a second time here."""
        return await self.post(request, written, model=model, via=via, deadline=deadline)

    async def post(
        self,
        request: ChatRequest,
        written: Written,
        *,
        model: str,
        via: str,
        deadline: float,
        more_headers: Mapping[str, str] | None = None,
        url: URL | None = None,
    ) -> aiohttp.ClientResponse:
        """The one POST. *more_headers* are what only this request carries, *url* is where it is put
        if that is not where questions are. Raises Problem.
        """
        road, headers = self.roads[via], self._headers[via]
        timers = self.timers(request, model)
        if road.gateway is not None or more_headers:
            headers = headers.copy()
            headers.update(more_headers or {})
        if road.gateway is not None:
            headers.update(road.gateway.headers(request.tags, first_byte_s=timers.first_byte))
        return await ask(
            self.means.session,
            Endpoint(url or self.place(request, road, model), headers),
            written.body,
            dialect=self._dialect(request, model, via),
            timers=timers,
            deadline=deadline,
        )

    def _dialect(self, request: ChatRequest, model: str, via: str) -> Dialect:
        dialect = self.dialect(request, model)
        return dialect if self.roads[via].gateway is None else behind_gateway(dialect)


def _fixed_headers(road: Road) -> CIMultiDict[str]:
    return CIMultiDict(
        {
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            "Accept-Encoding": "identity",  # a compressed stream arrives in one piece
            **road.headers,
        }
    )
