"""Anthropic, direct or through the gateway: its addresses, its version, and how long it may take.

Not the dialect (dialects/anthropic_messages). Source: providers.md §2, §8; gateway.md §1, §2.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import aiohttp
from yarl import URL

from bff.chat.models import ListedModel
from bff.chat.request import ChatRequest, Written
from bff.chat.usage import Counted
from bff.dialects import anthropic_messages, model_lists
from bff.policy.deadline import within
from bff.policy.models import anthropic_traits
from bff.providers._http import Dialect, read_short
from bff.providers._listing import ListsModels
from bff.providers._vendor import Means, Road

_VERSION = "2023-06-01"  # what our own words are written for
_TOTAL_S = 600.0
_MOST_A_PAGE = "1000"


class Anthropic(ListsModels):
    """*roads* by way, in the order to try; a base has no `/v1` at its end."""

    name, tongues = "anthropic", frozenset({anthropic_messages.NAME})

    def __init__(self, means: Means, roads: Mapping[str, Road]) -> None:
        super().__init__(replace(means, timers=within(means.timers, _TOTAL_S)), roads)
        self._urls = {road.base: URL(f"{road.base}/v1/messages") for road in roads.values()}
        for headers in self._headers.values():
            headers.setdefault("anthropic-version", _VERSION)

    def url(self, road: Road, model: str) -> URL:
        return self._urls[road.base]

    async def count(
        self, request: ChatRequest, *, model: str, via: str, deadline: float
    ) -> Counted | None:
        if not anthropic_messages.is_native(request):
            return None
        async with self.means.pool.slot(deadline):
            response = await self.post(
                request,
                self.write(request, model),
                model=model,
                via=via,
                deadline=deadline,
                more_headers=request.headers,
                url=_asked(URL(f"{self.roads[via].base}/v1/messages/count_tokens"), request),
            )
            data = await read_short(response, self.timers(request, model), deadline)
        return anthropic_messages.read_count(data)

    def place(self, request: ChatRequest, road: Road, model: str) -> URL:
        return _asked(self.url(road, model), request)

    def list_url(self, road: Road, after: str) -> URL:
        begin = {"after_id": after} if after else {}
        return URL(f"{road.base}/v1/models").with_query({"limit": _MOST_A_PAGE, **begin})

    def read_list(self, data: bytes) -> tuple[tuple[ListedModel, ...], str]:
        return model_lists.read_anthropic(data)

    def write(self, request: ChatRequest, model: str) -> Written:
        return anthropic_messages.write_request(
            request, model=model, traits=anthropic_traits(model)
        )

    async def ask(
        self, request: ChatRequest, written: Written, *, model: str, via: str, deadline: float
    ) -> aiohttp.ClientResponse:
        """Once. A body in the caller's own words goes out under the caller's version of them."""
        headers = request.headers if anthropic_messages.is_native(request) else {}
        return await self.post(
            request, written, model=model, via=via, deadline=deadline, more_headers=headers
        )

    def dialect(self, request: ChatRequest, model: str) -> Dialect:
        hearing = anthropic_messages.hearing_of(request, anthropic_traits(model))
        whole = anthropic_messages.read_message if request.stream else anthropic_messages.read_reply
        return Dialect(
            open_reader=lambda between: anthropic_messages.StreamReader(
                self.means.event_limit, read_refusal=between, hearing=hearing
            ),
            read_whole=partial(whole, hearing=hearing),
            read_refusal=lambda status, _, data, wait: anthropic_messages.read_refusal(
                status, data, retry_after=wait
            ),
            not_an_answer=anthropic_messages.not_an_answer,
            told_headers=anthropic_messages.told_headers,
        )


def _asked(url: URL, request: ChatRequest) -> URL:
    """*url*, with the caller's query where the caller's words go there."""
    if not (request.query and anthropic_messages.is_native(request)):
        return url
    return url.with_query(request.query)
