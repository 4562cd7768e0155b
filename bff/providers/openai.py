"""OpenAI, direct or through the gateway: endpoints, keys, and the name of its token limit.

Not the dialect (dialects/openai_chat.py). Source: providers.md §1, gateway.md §1, §2.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from bff import __version__
from bff.chat.events import Chunk
from bff.chat.request import ChatRequest
from bff.dialects import cloudflare, openai_chat
from bff.errors import Problem
from bff.policy.deadline import Timers, for_whole_answer
from bff.policy.models import limit_field, other_limit_field
from bff.providers._http import Dialect, Endpoint, OpenAnswer, ask, reading
from bff.providers.cloudflare import Gateway

USER_AGENT = f"gptdock-bff/{__version__}"


@dataclass(frozen=True, slots=True)
class Base:
    """One road to OpenAI. *api_key* is None where the gateway holds it: then none is sent."""

    url: str
    api_key: str | None
    gateway: Gateway | None = None


class OpenAI:
    """*bases* by way, in the order to try: `gateway`, `direct`. *note_bad_events* gets a count."""

    name = "openai"

    def __init__(
        self,
        session: aiohttp.ClientSession,
        bases: dict[str, Base],
        *,
        timers: Timers,
        event_limit: int,
        note_bad_events: Callable[[int], None],
    ) -> None:
        self._session, self._bases, self._timers = session, bases, timers
        self._event_limit, self._note_bad_events = event_limit, note_bad_events
        self._urls = {
            way: URL(base.url.rstrip("/") + "/chat/completions") for way, base in bases.items()
        }
        self._headers = {way: _fixed_headers(base) for way, base in bases.items()}
        self._limit_fields: dict[
            str, str
        ] = {}  # models whose limit has another name than we thought
        self._dialects = {
            (way, stream): self._dialect(base, stream)
            for way, base in bases.items()
            for stream in (True, False)
        }

    @property
    def ways(self) -> tuple[str, ...]:
        return tuple(self._bases)

    @asynccontextmanager
    async def stream(
        self, request: ChatRequest, *, model: str, via: str, deadline: float
    ) -> AsyncIterator[OpenAnswer]:
        dialect = self._dialects[via, request.stream]
        response = await self._ask(request, model, via, deadline)
        async with reading(
            response,
            dialect=dialect,
            timers=self._timers,
            deadline=deadline,
            answer_limit=self._event_limit,
            note_bad_events=self._note_bad_events,
        ) as answer:
            yield answer

    async def _ask(
        self, request: ChatRequest, model: str, via: str, deadline: float
    ) -> aiohttp.ClientResponse:
        """Once, or a second time where the model calls its token limit by the other name."""
        field = self._limit_fields.get(model) or limit_field(model)
        try:
            return await self._post(request, model, via, deadline, field)
        except Problem as problem:
            if problem.at != field:
                raise
        field = self._limit_fields[model] = other_limit_field(field)
        return await self._post(request, model, via, deadline, field)

    async def _post(
        self, request: ChatRequest, model: str, via: str, deadline: float, field: str
    ) -> aiohttp.ClientResponse:
        headers, timers = self._headers[via], self._timers
        if not request.stream:
            timers = for_whole_answer(timers, request.max_tokens)
        gateway = self._bases[via].gateway
        if gateway is not None:
            headers = headers.copy()
            headers.update(gateway.headers(request.tags, first_byte_s=timers.first_byte))
        return await ask(
            self._session,
            Endpoint(self._urls[via], headers),
            openai_chat.write_request(request, model=model, limit_field=field),
            dialect=self._dialects[via, request.stream],
            timers=timers,
            deadline=deadline,
        )

    def _dialect(self, base: Base, stream: bool) -> Dialect:
        through_gateway = base.gateway is not None
        read_whole = openai_chat.read_completion if stream else openai_chat.read_reply
        return Dialect(
            open_reader=lambda: openai_chat.StreamReader(
                self._event_limit,
                read_refusal=_read_gateway_error if through_gateway else _nobody_between,
            ),
            read_whole=_behind_gateway(read_whole) if through_gateway else read_whole,
            read_refusal=_read_gateway_refusal if through_gateway else _read_refusal,
            not_an_answer=openai_chat.not_an_answer,
        )


def _fixed_headers(base: Base) -> CIMultiDict[str]:
    headers = CIMultiDict(
        {
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            "Accept-Encoding": "identity",  # a compressed stream arrives in one piece
        }
    )
    if base.api_key is not None:
        headers["Authorization"] = f"Bearer {base.api_key}"
    return headers


def _read_refusal(status: int, content_type: str, data: bytes, wait: float | None) -> Problem:
    return openai_chat.read_refusal(status, data, retry_after=wait)


def _read_gateway_refusal(
    status: int, content_type: str, data: bytes, wait: float | None
) -> Problem:
    """The gateway's own words come first: they are not shaped like the provider's."""
    problem = cloudflare.read_refusal(status, content_type, data)
    return problem or _read_refusal(status, content_type, data, wait)


def _nobody_between(_: bytes) -> Problem | None:
    return None


def _read_gateway_error(data: bytes) -> Problem | None:
    """The gateway's own error inside a 200, whole or as an event."""
    return cloudflare.read_refusal(200, "application/json", data)


def _behind_gateway(read_whole: Callable[[bytes], list[Chunk]]) -> Callable[[bytes], list[Chunk]]:
    def read(data: bytes) -> list[Chunk]:
        problem = _read_gateway_error(data)
        if problem is not None:
            raise problem
        return read_whole(data)

    return read
