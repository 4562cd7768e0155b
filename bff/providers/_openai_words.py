"""What the vendors share who are asked in OpenAI's words: the dialect, and learning by refusal.

Not a vendor: addresses and keys are in each vendor's own file. Source: providers.md §1, §3, §8.
"""

from collections.abc import Mapping
from dataclasses import replace

import aiohttp

from bff.chat.request import ChatRequest, Written
from bff.chat.traits import Traits
from bff.dialects import openai_chat
from bff.errors import Problem
from bff.policy.deadline import Timers, for_whole_answer, within
from bff.policy.models import openai_traits, other_limit_field
from bff.providers._http import Dialect
from bff.providers._vendor import HttpProvider, Means, Road
from bff.providers.cloudflare import behind_gateway

_TOTAL_S = 300.0
_LEARNED_MOST = 1000  # models; callers name them


class SpeaksOpenAI(HttpProvider):
    """A model that refuses a parameter is asked again without it, and not asked for it any more."""

    tongues = frozenset({openai_chat.NAME})

    def __init__(self, means: Means, roads: Mapping[str, Road]) -> None:
        super().__init__(means, roads)
        self._learned: dict[str, Traits] = {}
        self._dialects = {stream: self._read(stream=stream) for stream in (True, False)}
        self._behind: dict[int, Dialect] = {}  # the same few, behind the gateway
        timers = within(means.timers, _TOTAL_S)
        self._streaming = {False: timers, True: replace(timers, first_byte=timers.total)}

    def traits(self, model: str) -> Traits:
        return self._learned.get(model) or self.first_traits(model)

    def first_traits(self, model: str) -> Traits:
        """What is thought of *model* before it has refused anything."""
        return openai_traits(model)

    def write(self, request: ChatRequest, model: str) -> Written:
        return openai_chat.write_request(request, model=model, traits=self.traits(model))

    def dialect(self, request: ChatRequest, model: str) -> Dialect:
        return self._dialects[request.stream]

    def timers(self, request: ChatRequest, model: str) -> Timers:
        streaming = self._streaming[self.traits(model).thinks_long]
        return streaming if request.stream else for_whole_answer(streaming, request.max_tokens)

    def _dialect(self, request: ChatRequest, model: str, via: str) -> Dialect:
        dialect = self.dialect(request, model)
        if self.roads[via].gateway is None:
            return dialect
        behind = self._behind.get(id(dialect))
        if behind is None:
            behind = self._behind[id(dialect)] = behind_gateway(dialect)
        return behind

    async def ask(
        self, request: ChatRequest, written: Written, *, model: str, via: str, deadline: float
    ) -> aiohttp.ClientResponse:
        """Again, at most twice, where what was refused can be left out or said otherwise."""
        for _ in range(2):
            try:
                return await self.post(request, written, model=model, via=via, deadline=deadline)
            except Problem as problem:
                said = written.body
                if not self._learn(model, problem.at):
                    raise
                written = self.write(request, model)
                if written.body == said:
                    raise
        return await self.post(request, written, model=model, via=via, deadline=deadline)

    def _learn(self, model: str, refused: str) -> bool:
        """Whether *refused*, a parameter, can be left out from now on, or said otherwise. Another
        question may have learned it since this one was written.
        """
        traits = self.traits(model)
        if refused == "stream_options":
            traits = replace(traits, usage_in_stream=False)
        elif refused in openai_chat.LIMITS:
            traits = replace(traits, limit_field=other_limit_field(refused), only_limit=True)
        else:
            return False
        if len(self._learned) >= _LEARNED_MOST:
            self._learned.clear()
        self._learned[model] = traits
        return True

    def _read(self, *, stream: bool) -> Dialect:
        return Dialect(
            open_reader=lambda between: openai_chat.StreamReader(
                self.means.event_limit, read_refusal=between
            ),
            read_whole=openai_chat.read_completion if stream else openai_chat.read_reply,
            read_refusal=lambda status, _, data, wait: openai_chat.read_refusal(
                status, data, retry_after=wait
            ),
            not_an_answer=openai_chat.not_an_answer,
        )
