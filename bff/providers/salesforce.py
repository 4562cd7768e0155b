"""Salesforce's Models API: its addresses, names of models, headers, and whose token is sent.

Not the dialect (dialects/salesforce), nor the keeping of the token (_salesforce_token). It never
streams and has no tools of its own. Source: providers.md §4, §8.
"""

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from urllib.parse import quote

import aiohttp
from yarl import URL

from bff.chat.events import Chunk
from bff.chat.reply import replay
from bff.chat.request import ChatRequest, Tags, Written
from bff.dialects import salesforce
from bff.dialects.salesforce import Endpoint
from bff.dialects.tool_prompt import Place
from bff.errors import Kind, Problem
from bff.policy import deadline as policy
from bff.policy.deadline import Timers
from bff.policy.retry import Patience
from bff.providers import _http
from bff.providers._http import Dialect
from bff.providers._salesforce_token import TokenHolder
from bff.providers._vendor import HttpProvider, Means, Road

ALIASES: Mapping[str, str] = {
    "claude-3-haiku": "sfdc_ai__DefaultBedrockAnthropicClaude3Haiku",
    "claude-3-sonnet": "sfdc_ai__DefaultBedrockAnthropicClaude37Sonnet",
    "claude-4-sonnet": "sfdc_ai__DefaultBedrockAnthropicClaude4Sonnet",
    "gemini-pro": "sfdc_ai__DefaultVertexAIGemini25Flash001",
    "gpt-4": "sfdc_ai__DefaultGPT4Omni",
    "gpt-4-mini": "sfdc_ai__DefaultOpenAIGPT4OmniMini",
}
_ALWAYS: Mapping[str, str] = {
    "Content-Type": "application/json;charset=utf-8",
    "x-sfdc-app-context": "EinsteinGPT",
    "x-client-feature-id": "ai-platform-models-connected-app",
}
_SLOW = re.compile(r"claude-?4", re.IGNORECASE)  # the fourth family, with its later numbers
_NO_NAME = re.compile(r"\.*")  # an empty step of a path, or one that leads out of it
_FEEDBACK_S = 30.0

_Post = Callable[[str], Awaitable[aiohttp.ClientResponse]]  # with a token


class Salesforce(HttpProvider):
    """*token* opens the Models API at the roads' base. *known* are the models that who runs us has
    named: that Salesforce does not have one of them is a fault of ours. *place* is where tools are
    described in a conversation; *send_parameters* is for orgs that listen to them.
    """

    name, tongues = "salesforce", frozenset({salesforce.NAME})
    streams = False
    patience = Patience(tries=3, first_s=1.0, share=0.0, added_s=1.0)

    def __init__(
        self,
        means: Means,
        roads: Mapping[str, Road],
        *,
        endpoint: str,
        token: TokenHolder,
        known: Collection[str] = (),
        place: Place = Place.SYSTEM,
        send_parameters: bool = False,
        locale: str = "en_US",
        new_id: Callable[[], str] = lambda: f"call_{secrets.token_hex(12)}",
    ) -> None:
        dressed = {
            way: replace(road, headers={**road.headers, **_ALWAYS}) for way, road in roads.items()
        }
        super().__init__(means, dressed)
        self._endpoint, self._token = Endpoint(endpoint), token
        self._known = frozenset(map(_name_of, [*known, *ALIASES]))
        self._place, self._send_parameters, self._locale = place, send_parameters, locale
        self._new_id = new_id

    def url(self, road: Road, model: str) -> URL:
        """Raises Problem(NOT_FOUND) for what can be no name: it would be another address."""
        if _NO_NAME.fullmatch(model):
            raise Problem(Kind.NOT_FOUND, "The model is not available.", at="model")
        name = quote(_name_of(model), safe="", errors="replace")
        return URL(f"{road.base}/models/{name}/{self._endpoint.value}", encoded=True)

    def write(self, request: ChatRequest, model: str) -> Written:
        return salesforce.write_request(
            request,
            endpoint=self._endpoint,
            place=self._place,
            send_parameters=self._send_parameters,
            locale=self._locale,
        )

    def dialect(self, request: ChatRequest, model: str) -> Dialect:
        known = _name_of(model) in self._known

        def read_whole(data: bytes) -> list[Chunk]:
            reply, failed = salesforce.read_reply(
                data,
                request,
                endpoint=self._endpoint,
                new_id=self._new_id,
                place=self._place,
            )
            if failed:
                self.means.note_failed_calls(failed)
            return replay(reply)

        return _dialect(read_whole, known=known)

    def timers(self, request: ChatRequest, model: str) -> Timers:
        """By how much there is to read; not a byte comes before the answer is there."""
        slow = _SLOW.search(_name_of(model)) is not None
        total = policy.by_length(salesforce.characters(request), slow=slow)
        return policy.silent(policy.within(self.means.timers, total))

    async def ask(
        self, request: ChatRequest, written: Written, *, model: str, via: str, deadline: float
    ) -> aiohttp.ClientResponse:
        """Once; a second time with another token where the first was refused."""

        async def post(token: str) -> aiohttp.ClientResponse:
            return await self.post(
                request,
                written,
                model=model,
                via=via,
                deadline=deadline,
                more_headers=_who_asks(token, request.tags),
            )

        return await self._with_token(post, deadline)

    async def feedback(self, generation_id: str, *, good: bool, text: str = "") -> None:
        """Says what was thought of an answer; *generation_id* is its `feedback_id`. Raises Problem,
        and is not tried again.
        """
        way, road = next(iter(self.roads.items()))
        body = salesforce.write_feedback(generation_id, good=good, text=text)
        until = asyncio.get_running_loop().time() + _FEEDBACK_S
        timers = policy.silent(policy.within(self.means.timers, _FEEDBACK_S))

        async def post(token: str) -> aiohttp.ClientResponse:
            headers = self._headers[way].copy()
            headers.update(_who_asks(token))
            endpoint = _http.Endpoint(URL(f"{road.base}/feedback"), headers)
            return await _http.ask(
                self.means.session,
                endpoint,
                body,
                dialect=_dialect(lambda _: [], known=True),
                timers=timers,
                deadline=until,
            )

        async with self.means.pool.slot(until):
            response = await self._with_token(post, until)
            response.release()

    async def _with_token(self, post: _Post, deadline: float) -> aiohttp.ClientResponse:
        token = await self._token.find(deadline=deadline)
        try:
            return await post(token)
        except Problem as problem:
            if problem.status != 401:
                raise
        return await post(await self._token.find(deadline=deadline, instead_of=token))


def _name_of(model: str) -> str:
    return ALIASES.get(model, model)


def _who_asks(token: str, tags: Tags | None = None) -> dict[str, str]:
    trace = {} if tags is None else {"x-client-trace-id": tags.request_id}
    return {"Authorization": f"Bearer {token}", **trace}


def _dialect(read_whole: Callable[[bytes], list[Chunk]], *, known: bool) -> Dialect:
    return Dialect(
        open_reader=None,
        read_whole=read_whole,
        read_refusal=lambda status, _, data, wait: salesforce.read_refusal(
            status, data, known=known, retry_after=wait
        ),
        not_an_answer=salesforce.not_an_answer,
    )
