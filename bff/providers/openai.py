"""OpenAI, direct or through the gateway: its address, and the name of its token limit.

Not the dialect (dialects/openai_chat). Source: providers.md §1, gateway.md §1, §2.
"""

from collections.abc import Mapping
from dataclasses import replace

import aiohttp
from yarl import URL

from bff.chat.request import ChatRequest, Written
from bff.dialects import openai_chat
from bff.errors import Problem
from bff.policy.models import openai_traits, other_limit_field
from bff.providers._http import Dialect
from bff.providers._vendor import HttpProvider, Means, Road


class OpenAI(HttpProvider):
    """*roads* by way, in the order to try."""

    name, spoken = "openai", openai_chat.NAME

    def __init__(self, means: Means, roads: Mapping[str, Road]) -> None:
        super().__init__(means, roads)
        self._urls = {road.base: URL(f"{road.base}/chat/completions") for road in roads.values()}
        self._limit_fields: dict[str, str] = {}  # of models that call it otherwise than we thought
        self._dialects = {stream: _dialect(means.event_limit, stream) for stream in (True, False)}

    def url(self, road: Road, model: str) -> URL:
        return self._urls[road.base]

    def write(self, request: ChatRequest, model: str) -> Written:
        traits = openai_traits(model)
        field = self._limit_fields.get(model)
        if field is not None:
            traits = replace(traits, limit_field=field)
        return openai_chat.write_request(request, model=model, traits=traits)

    def dialect(self, request: ChatRequest, model: str) -> Dialect:
        return self._dialects[request.stream]

    async def ask(
        self, request: ChatRequest, written: Written, *, model: str, via: str, deadline: float
    ) -> aiohttp.ClientResponse:
        """Once, or a second time where the model calls its token limit by the other name."""
        field = self._limit_fields.get(model) or openai_traits(model).limit_field
        try:
            return await self.post(request, written, model=model, via=via, deadline=deadline)
        except Problem as problem:
            if problem.at != field:
                raise
        self._limit_fields[model] = other_limit_field(field)
        again = self.write(request, model)
        return await self.post(request, again, model=model, via=via, deadline=deadline)


def _dialect(event_limit: int, stream: bool) -> Dialect:
    return Dialect(
        open_reader=lambda between: openai_chat.StreamReader(event_limit, read_refusal=between),
        read_whole=openai_chat.read_completion if stream else openai_chat.read_reply,
        read_refusal=lambda status, _, data, wait: openai_chat.read_refusal(
            status, data, retry_after=wait
        ),
        not_an_answer=openai_chat.not_an_answer,
    )
