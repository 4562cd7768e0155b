"""Straico: its addresses, and how long it may take. Not the dialect (dialects/straico).

It never streams and has no tools of its own. Source: providers.md §5, §8.
"""

import secrets
from collections.abc import Callable, Mapping

from yarl import URL

from bff.chat.events import Chunk
from bff.chat.models import ListedModel
from bff.chat.reply import replay
from bff.chat.request import ChatRequest, Written
from bff.dialects import model_lists, straico
from bff.dialects.straico import Endpoint
from bff.dialects.tool_prompt import Place
from bff.policy.deadline import Timers, silent, within
from bff.policy.retry import Patience
from bff.providers._http import Dialect
from bff.providers._listing import ListsModels
from bff.providers._vendor import Means, Road

_PATHS: Mapping[Endpoint, str] = {
    Endpoint.CHAT: "/v2/chat/completions",
    Endpoint.CHAT_V0: "/v0/chat/completions",
    Endpoint.PROMPT: "/v1/prompt/completion",
}
_TOTAL_S = 120.0


class Straico(ListsModels):
    """*endpoint* is how its setting names it; *tool_place* is where tools are described in a
    conversation: `system` or `user`.
    """

    name, tongues = "straico", frozenset({straico.NAME})
    streams = False
    patience = Patience(tries=3)

    def __init__(
        self,
        means: Means,
        roads: Mapping[str, Road],
        *,
        endpoint: str = Endpoint.CHAT,
        tool_place: str = Place.SYSTEM,
        new_id: Callable[[], str] = lambda: f"call_{secrets.token_hex(12)}",
    ) -> None:
        super().__init__(means, roads)
        self._endpoint, self._place, self._new_id = Endpoint(endpoint), Place(tool_place), new_id
        path = _PATHS[self._endpoint]
        self._urls = {road.base: URL(f"{road.base}{path}") for road in roads.values()}

    def url(self, road: Road, model: str) -> URL:
        return self._urls[road.base]

    def list_url(self, road: Road, after: str) -> URL:
        """The older endpoints have an older list."""
        version = "v2" if self._endpoint is Endpoint.CHAT else "v1"
        return URL(f"{road.base}/{version}/models")

    def read_list(self, data: bytes) -> tuple[tuple[ListedModel, ...], str]:
        return model_lists.read_straico(data), ""

    def write(self, request: ChatRequest, model: str) -> Written:
        return straico.write_request(
            request, model=model, endpoint=self._endpoint, place=self._place
        )

    def dialect(self, request: ChatRequest, model: str) -> Dialect:
        def read_whole(data: bytes) -> list[Chunk]:
            reply, failed = straico.read_reply(
                data,
                request,
                model=model,
                endpoint=self._endpoint,
                new_id=self._new_id,
                place=self._place,
            )
            if failed:
                self.means.note_failed_calls(failed)
            return replay(reply)

        return Dialect(
            open_reader=None,
            read_whole=read_whole,
            read_refusal=lambda status, _, data, wait: straico.read_refusal(
                status, data, retry_after=wait
            ),
            not_an_answer=straico.not_an_answer,
        )

    def timers(self, request: ChatRequest, model: str) -> Timers:
        """Not a byte comes before the answer is there."""
        return silent(within(self.means.timers, _TOTAL_S))
