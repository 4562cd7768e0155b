"""Vendors that answer as scripted, and an observer that remembers: for the engine alone."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from bff.chat.events import (
    Chunk,
    Finished,
    FinishReason,
    Original,
    Started,
    TextDelta,
    UsageReported,
)
from bff.chat.request import ChatRequest, Message, Role, Tags
from bff.chat.usage import Counted
from bff.engine.attempts import Engine
from bff.engine.metering import Facts
from bff.errors import Kind, Problem, Sign
from bff.policy.deadline import Timers
from bff.policy.retry import Patience
from bff.policy.routing import Rules
from bff.providers._http import OpenAnswer
from tests.support.clock import FakeClock

ROLE = Chunk((Started("c", "m", 0),))
HI = Chunk((TextDelta("Hi"),), content=True)
END = Chunk((Finished(FinishReason.STOP), UsageReported(1, 2, 3)))
UNCOUNTED_END = Chunk((Finished(FinishReason.STOP),))
ANSWER = [[ROLE], [HI], [END]]
QUESTION = ChatRequest(
    "vendor/model", (Message(Role.USER, "12345678"),), Tags("bff", "t", "u", "-", "r")
)


def spoken(chunk: Chunk, dialect: str = "openai_chat") -> Chunk:
    """The same with an original."""
    return replace(chunk, original=Original(dialect, b"{}"), delta=True)


def failure(sign: Sign, kind: Kind = Kind.UPSTREAM, **more: Any) -> Problem:
    problem = Problem(kind, "It failed.", sign=sign)
    for name, value in more.items():
        setattr(problem, name, value)
    return problem


class ScriptedVendor:
    """Each attempt plays the next script: a Problem at the door, or batches with a Problem in them.
    A number in a script is seconds that pass.
    """

    def __init__(
        self,
        *scripts: object,
        name: str = "vendor",
        ways: tuple[str, ...] = ("gateway", "direct"),
        spoken: str = "openai_chat",
        streams: bool = True,
        patience: Patience | None = None,
        total_s: float = 600.0,
        ignored: tuple[str, ...] = (),
    ) -> None:
        self.name, self.ways, self.streams = name, ways, streams
        self.tongues = frozenset({spoken})
        self.patience = patience or Patience()
        self.clock: FakeClock | None = None
        self.scripts = list(scripts)
        self.asked: list[str] = []
        self.models: list[str] = []
        self.deadlines: list[float] = []
        self.left = 0
        self._total_s, self._ignored = total_s, ignored

    def timers(self, request: ChatRequest, model: str) -> Timers:
        return Timers(total=self._total_s)

    @asynccontextmanager
    async def stream(
        self, request: ChatRequest, *, model: str, via: str, deadline: float
    ) -> AsyncIterator[OpenAnswer]:
        self.asked.append(via)
        self.models.append(model)
        self.deadlines.append(deadline)
        script = self.scripts.pop(0)
        if isinstance(script, Problem):
            raise script
        headers = {"cf-aig-log-id": f"log-{len(self.asked)}"}
        try:
            yield OpenAnswer(self._play(script), headers, self._ignored)
        finally:
            self.left += 1

    async def count(
        self, request: ChatRequest, *, model: str, via: str, deadline: float
    ) -> Counted | None:
        """The next script: a Problem, or what was counted."""
        self.asked.append(via)
        self.models.append(model)
        self.deadlines.append(deadline)
        script = self.scripts.pop(0)
        if isinstance(script, Problem):
            raise script
        assert script is None or isinstance(script, Counted)
        return script

    async def _play(self, script: Any) -> AsyncIterator[Sequence[Chunk]]:
        for step in script:
            if isinstance(step, Problem):
                raise step
            if step == "hang":
                await asyncio.Event().wait()
            elif isinstance(step, float):
                assert self.clock is not None
                self.clock.time += step
            else:
                yield step


class Witness:
    """An Observer that remembers."""

    def __init__(self) -> None:
        self.attempts: list[tuple[str, str]] = []
        self.fallbacks: list[str] = []
        self.changes: list[tuple[str, str]] = []
        self.states: list[str] = []
        self.upstreams: list[str] = []
        self.alerts: list[str] = []
        self.answers: list[tuple[Facts, str]] = []

    def attempt_ended(self, *, provider: str, via: str, status: str) -> None:
        self.attempts.append((via, status))

    def fell_back(self, *, reason: str) -> None:
        self.fallbacks.append(reason)

    def changed_model(self, *, provider: str, reason: str) -> None:
        self.changes.append((provider, reason))

    def breaker_changed(self, *, upstream: str, state: str) -> None:
        self.upstreams.append(upstream)
        self.states.append(state)

    def first_content(self, *, via: str, seconds: float) -> None:
        pass

    def answered(self, facts: Facts, status: str) -> None:
        self.answers.append((facts, status))

    def bad_events(self, *, provider: str, count: int) -> None:
        pass

    def tool_parse_failed(self, *, provider: str, count: int) -> None:
        pass

    def misconfigured(self, *, provider: str, via: str, problem: Problem) -> None:
        self.alerts.append(via)


def engine_of(
    *vendors: ScriptedVendor,
    clock: FakeClock | None = None,
    fallbacks: Mapping[str, tuple[str, ...]] | None = None,
    aliases: Mapping[str, str] | None = None,
    total_s: float = 600.0,
    round_misconfigured: bool = True,
) -> tuple[Engine, Witness]:
    witness, clock = Witness(), clock or FakeClock()
    for vendor in vendors:
        vendor.clock = clock
    engine = Engine(
        {vendor.name: vendor for vendor in vendors},
        rules=Rules(aliases or {}, fallbacks or {}),
        observer=witness,
        clock=clock,
        dice=lambda: 0.5,
        total_s=total_s,
        round_misconfigured=round_misconfigured,
    )
    return engine, witness


async def ask(
    engine: Engine, question: ChatRequest = QUESTION, *, seconds: float | None = None
) -> tuple[list[Chunk], Facts, Problem | None]:
    chunks: list[Chunk] = []
    try:
        async with engine.answer(question, seconds) as answer:
            facts = answer.facts
            async for batch in answer.batches:
                chunks += batch
    except Problem as problem:
        return chunks, facts, problem
    return chunks, facts, None
