"""The set asked of a service: the only part of a comparison that takes time.

Nothing is judged here. Silence and broken connections are answers (sending.py); only a service that
is not there at all ends it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar

import orjson

from bff.compare.masks import Names
from bff.compare.outcome import End, Outcome
from bff.compare.prepare import Wire, names_of, prepare
from bff.compare.reading import Answer, read_outcome
from bff.compare.requests import Mark, Request
from bff.compare.sending import LIMIT_S, Sender
from bff.compare.tokens import Identity

DESCRIPTOR = "/atlassian-connect.json"
_LOOKS, _LOOK_EVERY_S = 40, 0.5  # a process manager starts the Node app again

Sleep = Callable[[float], Awaitable[None]]
T = TypeVar("T")


class Away(Exception):  # noqa: N818 - the service's state, not a bug
    """A service cannot be compared; the text is one line with a mend."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two services. *url* has no slash at its end."""

    title: str
    url: str
    sender: Sender
    sleep: Sleep
    identity: Identity
    limit_s: float = LIMIT_S
    any_words: bool = False
    names: Names = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", names_of(self.identity, self.url))

    async def ask(self, request: Request) -> Outcome:
        """Raises Away when nothing listens any more and nothing comes back."""
        answer = await self._send(request)
        for _ in range(_LOOKS):
            if answer.end is not End.NO_CONNECTION:
                return read_outcome(answer, self.names, any_words=self.any_words)
            await self.sleep(_LOOK_EVERY_S)
            answer = await self._send(request)
        raise Away(
            f'{self.title} at {self.url} has gone away before "{request.name}": start it again.'
        )

    async def _send(self, request: Request) -> Answer:
        now = int(datetime.now(UTC).timestamp())
        wire = prepare(request, self.identity, self.names, now)
        return await self.sender.send(self.url, wire, request.limit_s or self.limit_s)


async def find_side(
    title: str, url: str, sender: Sender, sleep: Sleep, *, limit_s: float, any_words: bool
) -> Side:
    """Looks at the service's descriptor. Raises Away."""
    url = url.rstrip("/")
    answer = await sender.send(url, Wire("GET", DESCRIPTOR), limit_s)
    if answer.status is None:
        raise Away(
            f"{title} at {url} cannot be compared ({answer.end.value}): is it running, and is the "
            "URL right?"
        )
    try:
        descriptor = orjson.loads(answer.body)
        identity = Identity(str(descriptor["baseUrl"]).rstrip("/"), str(descriptor["key"]))
    except (ValueError, TypeError, KeyError) as error:
        raise Away(
            f"{title} at {url} answers {answer.status} for {DESCRIPTOR}, and not with a "
            "descriptor: is the URL its base URL?"
        ) from error
    return Side(title, url, sender, sleep, identity, limit_s, any_words)


def called_by(side: Side, client_key: str, secret: str, new_secret: str = "") -> Side:
    """The same service, called by a tenant."""
    identity = replace(side.identity, client_key=client_key, secret=secret, new_secret=new_secret)
    return replace(side, identity=identity)


async def run(
    requests: Sequence[Request], ask: Callable[[Request], Awaitable[T]], jobs: int = 1
) -> AsyncIterator[T]:
    """What *ask* makes of each, in their order; *jobs* at a time where order does not matter.
    Raises what *ask* raises first.
    """
    for batch in batches(requests, jobs):
        for answer in await _ask_at_once(batch, ask):
            yield answer


async def _ask_at_once(batch: Sequence[Request], ask: Callable[[Request], Awaitable[T]]) -> list[T]:
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_awaited(ask(request))) for request in batch]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed
    return [task.result() for task in tasks]


def batches(requests: Sequence[Request], jobs: int) -> Iterator[list[Request]]:
    """What changes installs or is paid for is alone: the Node app stumbles over calls that spend at
    the same time (node-bff.md B12, B14).
    """
    batch: list[Request] = []
    for request in requests:
        alone = Mark.LIFECYCLE in request.marks or _is_paid_for(request)
        if batch and (alone or len(batch) == jobs):
            yield batch
            batch = []
        batch.append(request)
        if alone:
            yield batch
            batch = []
    if batch:
        yield batch


async def _awaited(answer: Awaitable[T]) -> T:
    return await answer


def _is_paid_for(request: Request) -> bool:
    return Mark.UPSTREAM in request.marks and Mark.FAULTS not in request.marks
