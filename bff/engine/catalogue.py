"""Catalogue: the models that callers are told of, kept fresh beside the requests, never within one.

Which those are: policy/catalogue.py. Source: api-faces.md §2 (`/v1/models`: no upstream call in the
request path).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from bff.chat.models import ListedModel, Model
from bff.engine.ports import Clock
from bff.errors import Problem
from bff.policy import catalogue
from bff.policy.routing import Rules

_LOOK_S = 30.0  # for one look at a vendor's list, all its pages and both roads


class Lister(Protocol):
    """A vendor that tells which models it has."""

    async def list_models(self, *, deadline: float) -> Sequence[ListedModel]:
        """*deadline* is on the loop's clock. Raises Problem."""


class Catalogue:
    """*configured* are the vendors that can be asked, *listers* those of them that have a list;
    *named* the settings' models. Each list is read every *every_s* seconds; 0 for never.
    *note_failure* is told of a look that failed.
    """

    def __init__(
        self,
        listers: Mapping[str, Lister],
        *,
        rules: Rules,
        configured: Collection[str],
        named: Sequence[str],
        every_s: float,
        clock: Clock,
        dice: Callable[[], float],
        note_failure: Callable[[str, Problem], None],
    ) -> None:
        self._listers, self._rules, self._configured = listers, rules, frozenset(configured)
        self._named, self._every_s = tuple(named), every_s
        self._clock, self._dice, self._note_failure = clock, dice, note_failure
        self._heard: dict[str, tuple[ListedModel, ...]] = {}
        self._models = self._list()

    def models(self) -> Sequence[Model]:
        """All of them, in their order."""
        return self._models

    def find(self, name: str) -> Model | None:
        """The one that *name* means, if it is listed."""
        return catalogue.find(self._models, name, self._rules, self._configured)

    async def look(self, vendor: str) -> bool:
        """Reads the list of *vendor* once. False when that failed: what it told last stands."""
        deadline = self._clock.now() + _LOOK_S
        try:
            heard = await self._listers[vendor].list_models(deadline=deadline)
        except Problem as problem:
            self._note_failure(vendor, problem)
            return False
        if heard:  # a vendor that has none at all has lost its list, not its models
            self._heard[vendor] = tuple(heard)
            self._models = self._list()
        return True

    @asynccontextmanager
    async def kept_fresh(self) -> AsyncIterator["Catalogue"]:
        """Reads nothing before this is entered: a server listens first."""
        vendors = self._listers if self._every_s else ()
        async with asyncio.TaskGroup() as tasks:
            keeping = [tasks.create_task(self._keep(vendor)) for vendor in vendors]
            try:
                yield self
            finally:
                for task in keeping:
                    task.cancel()

    async def _keep(self, vendor: str) -> None:
        failed = 0
        await self._clock.sleep(catalogue.first_look(self._dice()))
        while True:
            failed = 0 if await self.look(vendor) else failed + 1
            wait = catalogue.next_look(self._every_s, failed=failed, roll=self._dice())
            await self._clock.sleep(wait)

    def _list(self) -> tuple[Model, ...]:
        return catalogue.listed(self._rules, self._configured, self._named, self._heard)
