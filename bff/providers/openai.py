"""OpenAI, direct or through the gateway: its addresses. A request for a response, in OpenAI's own
words, is put to its own place; every other question asks for a completion.

Not the dialects (dialects/openai_chat, dialects/openai_responses). Source: providers.md §1,
api-faces.md §2, gateway.md §1, §2.
"""

from collections.abc import Mapping
from dataclasses import replace

import aiohttp
from yarl import URL

from bff.chat.models import ListedModel
from bff.chat.request import ChatRequest, Written
from bff.dialects import model_lists, openai_responses
from bff.providers._http import Dialect
from bff.providers._listing import ListsModels
from bff.providers._openai_words import SpeaksOpenAI
from bff.providers._vendor import Means, Road


class OpenAI(ListsModels, SpeaksOpenAI):
    """*roads* by way, in the order to try."""

    name = "openai"
    tongues = SpeaksOpenAI.tongues | {openai_responses.NAME}
    as_node = True

    def __init__(self, means: Means, roads: Mapping[str, Road]) -> None:
        super().__init__(means, roads)
        self._urls = {road.base: URL(f"{road.base}/chat/completions") for road in roads.values()}
        self._response_urls = {road.base: URL(f"{road.base}/responses") for road in roads.values()}
        self._responses = {
            stream: self._read_response(dialect, stream=stream)
            for stream, dialect in self._dialects.items()
        }

    def url(self, road: Road, model: str) -> URL:
        return self._urls[road.base]

    def list_url(self, road: Road, after: str) -> URL:
        return URL(f"{road.base}/models")

    def read_list(self, data: bytes) -> tuple[tuple[ListedModel, ...], str]:
        return model_lists.read_openai(data), ""

    def place(self, request: ChatRequest, road: Road, model: str) -> URL:
        if openai_responses.is_native(request):
            return self._response_urls[road.base]
        return self.url(road, model)

    def write(self, request: ChatRequest, model: str) -> Written:
        if openai_responses.is_native(request):
            return openai_responses.write_request(request, model=model)
        return super().write(request, model)

    def dialect(self, request: ChatRequest, model: str) -> Dialect:
        if openai_responses.is_native(request):
            return self._responses[request.stream]
        return super().dialect(request, model)

    async def ask(
        self, request: ChatRequest, written: Written, *, model: str, via: str, deadline: float
    ) -> aiohttp.ClientResponse:
        """What a caller says in its own words goes out unchanged, and teaches nothing about what
        the model takes: any caller could name any parameter.
        """
        if openai_responses.is_native(request):
            return await self.post(request, written, model=model, via=via, deadline=deadline)
        return await super().ask(request, written, model=model, via=via, deadline=deadline)

    def _read_response(self, dialect: Dialect, *, stream: bool) -> Dialect:
        """Refusals are shaped as those of completions."""
        return replace(
            dialect,
            open_reader=lambda between: openai_responses.StreamReader(
                self.means.event_limit, read_refusal=between
            ),
            read_whole=openai_responses.read_response if stream else openai_responses.read_reply,
        )
