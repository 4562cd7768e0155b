"""A row that is open: its provider in an engine of its own, against its simulator.

The provider is the one that the service would open. There is one slot in its pool and one way on
its list, so that what is kept and where it went can be seen.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import aiohttp

from bff.chat.reply import Collector, Reply
from bff.chat.request import ChatRequest
from bff.engine.attempts import Engine
from bff.engine.metering import Facts
from bff.engine.ports import Observer
from bff.errors import Problem
from bff.policy import routing
from bff.policy.deadline import Timers
from bff.providers._pool import Pool
from bff.providers._vendor import HttpProvider, Means
from bff.simulators.faults import Fault, read_fault
from bff.simulators.vendor import Vendor
from bff.simulators.world import open_world
from tests.providers.contract.rows import Row

PATIENT = Timers(connect=5, first_byte=20, idle=20, total=30)
HURRIED = Timers(connect=5, first_byte=0.6, idle=0.3, total=1.0)
SLACK_S = 2.0  # of a busy machine, beyond the deadline
# An engine that goes by rules has none to go by here.
_RULES: dict[str, Any] = {"rules": routing.Rules({}, {})} if hasattr(routing, "Rules") else {}


class Witness:
    """An Observer that remembers how each try and each question ended."""

    def __init__(self) -> None:
        self.attempts: list[str] = []
        self.told: list[tuple[Facts, str]] = []

    def attempt_ended(self, *, provider: str, via: str, status: str) -> None:
        self.attempts.append(status)

    def answered(self, facts: Facts, status: str) -> None:
        self.told.append((facts, status))

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None  # what else an observer is told


class HastyClock:
    """The loop's time, but nobody waits for a second try. *waits* are the seconds asked for."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)


@dataclass(slots=True)
class Outcome:
    """How one question ended. *took_s* is real time."""

    reply: Reply
    facts: Facts
    problem: Problem | None
    took_s: float

    @property
    def text(self) -> str:
        return self.reply.text or ""


@dataclass(slots=True)
class OpenRow:
    """A row that can be asked."""

    row: Row
    engine: Engine
    provider: HttpProvider
    simulator: Vendor
    session: aiohttp.ClientSession
    pool: Pool
    timers: Timers
    environment: Mapping[str, str] = field(repr=False)
    clock: HastyClock = field(default_factory=HastyClock)
    witness: Witness = field(default_factory=Witness)

    @property
    def model(self) -> str:
        return self.row.stand_in.model

    def ail(self, *faults: str, times: int = 1) -> None:
        """The next questions fall ill: each of *faults*, so many *times*."""
        self.simulator.faults.extend([read_fault(text) for text in faults] * times)

    @property
    def unused_faults(self) -> list[Fault]:
        return list(self.simulator.faults)

    async def ask(self, request: ChatRequest) -> Outcome:
        """The whole of an answer, or what came of it before the Problem."""
        collector, started = Collector(), self.clock.now()
        problem: Problem | None = None
        async with self.engine.answer(request) as answer:
            try:
                async for batch in answer.batches:
                    collector.feed(batch)
            except Problem as caught:
                problem = caught
        took_s = self.clock.now() - started
        assert took_s < self.timers.total + SLACK_S, "beyond its deadline"
        return Outcome(collector.reply(), answer.facts, problem, took_s)

    async def answered(self, request: ChatRequest) -> Reply:
        """An answer that must come, with its usage. Raises Problem."""
        outcome = await self.ask(request)
        if outcome.problem is not None:
            raise outcome.problem
        self.check_usage(outcome.facts)
        return outcome.reply

    async def refused(self, request: ChatRequest) -> tuple[Problem, Outcome]:
        """A question that must fail; nothing secret is in what is said of it."""
        outcome = await self.ask(request)
        assert outcome.problem is not None, f"it was answered: {outcome.text!r}"
        said = outcome.problem.public
        assert said
        assert not [value for value in self._private() if value in said]
        return outcome.problem, outcome

    def check_usage(self, facts: Facts) -> None:
        """What the ledger needs of an answer that came."""
        usage = facts.usage
        assert usage is not None
        assert not usage.estimated
        assert usage.prompt_tokens > 0
        assert usage.completion_tokens > 0
        assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens

    def check_told(self, questions: int, *, status: str = "") -> None:
        """The ledger hears of each question once, and what it used wherever something came."""
        if not hasattr(Observer, "answered"):
            return  # an engine that does not keep the books yet
        told = self.witness.told
        assert len(told) == questions
        assert not status or {how for _, how in told} == {status}
        spoke = [facts for facts, _ in told if facts.first_content_s is not None]
        assert all(facts.usage is not None for facts in spoke)

    async def check_tidy(self) -> None:
        """Nobody answers any more, no line is held, and there is room for the next question."""
        async with asyncio.timeout(SLACK_S):
            await self.simulator.idle()
        assert self.simulator.answering == 0
        connector = self.session.connector
        assert connector is not None
        assert len(connector._acquired) == 0, "a connection leaked"
        async with self.pool.slot(self.clock.now() + 0.1):
            pass

    def _private(self) -> list[str]:
        urls = [value for value in self.environment.values() if "://" in value]
        secret = ("KEY", "SECRET", "TOKEN")
        return urls + [v for name, v in self.environment.items() if name.endswith(secret)]


@asynccontextmanager
async def open_row(row: Row, timers: Timers = PATIENT) -> AsyncIterator[OpenRow]:
    """One slot in the pool: whoever keeps it is found out by the next try."""
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(open_world(vendors=(row.stand_in,)))
        name = row.stand_in.name
        environment = row.environment(world.url_of(name), world.gateway_url)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        pool = Pool(1, patience_s=1.0)
        provider = row.wiring(environment)[name](Means(session, pool, timers))
        provider.roads = {row.way: provider.roads[row.way]}
        clock, witness = HastyClock(), Witness()
        engine = Engine(
            {name: provider},
            observer=cast(Any, witness),
            clock=clock,
            dice=lambda: 0.5,
            total_s=timers.total,
            **_RULES,
        )
        yield OpenRow(
            row,
            engine,
            provider,
            world.vendors[name],
            session,
            pool,
            timers,
            environment,
            clock,
            witness,
        )
