"""What the vendors share that tell which models they have: the pages of their list, on any road.

Not what a list looks like: dialects/model_lists.py. Nothing of a caller's is in such a question.
Source: providers.md §1, §2, §5.
"""

from abc import abstractmethod
from dataclasses import replace

from yarl import URL

from bff.chat.models import ListedModel
from bff.chat.request import ChatRequest, Tags
from bff.errors import Kind, Problem
from bff.policy.retry import is_fallback_class
from bff.providers._http import Endpoint, fetch
from bff.providers._vendor import HttpProvider, Road

_NOBODY = ChatRequest("", (), Tags("models", "-", "-", "-", "-"))
_FIRST_BYTE_S = 10.0  # then there is time for the other road
_PAGE_BYTES = 4 * 2**20
_MOST_PAGES = 20
_MOST_MODELS = 2_000


class ListsModels(HttpProvider):
    """A vendor with a list of its models."""

    @abstractmethod
    def list_url(self, road: Road, after: str) -> URL:
        """Where the page is that begins after the model *after*; empty for the first."""

    @abstractmethod
    def read_list(self, data: bytes) -> tuple[tuple[ListedModel, ...], str]:
        """A page's models, and after which of them the next one begins. Raises Problem."""

    async def list_models(self, *, deadline: float) -> tuple[ListedModel, ...]:
        """All of them, as far as anybody reads. *deadline* is on the loop's clock. Raises Problem.

        A gateway that fails, or has no such path, is gone round, but never one that refuses.
        """
        async with self.means.pool.slot(deadline):
            *others, last = self.ways
            for via in others:
                try:
                    return await self._list(via, deadline)
                except Problem as problem:
                    if not _leads_round(problem, via):
                        raise
            return await self._list(last, deadline)

    async def _list(self, via: str, deadline: float) -> tuple[ListedModel, ...]:
        found: list[ListedModel] = []
        after = ""
        for _ in range(_MOST_PAGES):
            models, next_after = self.read_list(await self._page(via, after, deadline))
            found += models
            if next_after in ("", after) or len(found) >= _MOST_MODELS:
                break
            after = next_after
        return tuple(found[:_MOST_MODELS])

    async def _page(self, via: str, after: str, deadline: float) -> bytes:
        road, headers = self.roads[via], self._headers[via].copy()
        del headers["Content-Type"]  # there is none
        timers = self.means.timers
        timers = replace(timers, first_byte=min(timers.first_byte, _FIRST_BYTE_S))
        if road.gateway is not None:
            headers.update(road.gateway.headers(_NOBODY.tags, first_byte_s=timers.first_byte))
        return await fetch(
            self.means.session,
            Endpoint(self.list_url(road, after), headers),
            dialect=self._dialect(_NOBODY, "", via),
            timers=timers,
            deadline=deadline,
            limit=_PAGE_BYTES,
        )


def _leads_round(problem: Problem, via: str) -> bool:
    return is_fallback_class(problem, via=via) or problem.kind is Kind.NOT_FOUND
