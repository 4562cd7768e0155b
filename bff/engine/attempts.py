"""One question, from the first try to the last chunk: a list of ways, retries, the gateway's
breaker.

Decides nothing itself: policy.retry says what a failure means, policy.breaker whom to ask. The
answer is handed out as it arrives; until its first content another try may follow, so a reader
can see a second preamble. Source: gateway.md §11, providers.md §8, design.md 5.
"""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from functools import partial

from bff.chat.events import Chunk
from bff.chat.request import ChatRequest
from bff.engine.metering import Facts
from bff.engine.ports import Clock, Observer, Provider
from bff.errors import Kind, Problem
from bff.policy.breaker import Breaker
from bff.policy.retry import (
    Move,
    RetryBudget,
    Situation,
    Verdict,
    decide,
    is_fallback_class,
)
from bff.policy.routing import order_ways, read_model


class Answer:
    """One answer on its way; use as `async with`. Leaving it hangs up on upstream.

    *batches* are the chunks, one batch per network read; an empty batch is the last and says that
    the answer is complete: what happens after it is tidying. *facts* fill in as they are read.
    """

    def __init__(self, facts: Facts, batches: AsyncGenerator[Sequence[Chunk]]) -> None:
        self.facts, self.batches = facts, batches

    async def __aenter__(self) -> "Answer":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.batches.aclose()


class Engine:
    """Asks providers. Holds what outlives one request: a breaker per gateway, the retry budget."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        *,
        observer: Observer,
        clock: Clock,
        dice: Callable[[], float],
        total_s: float,
        round_misconfigured: bool = True,
    ) -> None:
        self._providers = providers
        self._observer, self._clock, self._dice = observer, clock, dice
        self._total_s = total_s
        self._round_misconfigured = round_misconfigured
        self._breakers = {name: Breaker() for name in providers}
        self._budget = RetryBudget()

    def answer(self, request: ChatRequest) -> Answer:
        """Its batches raise Problem: before the first of them, or after any."""
        facts = Facts()
        return Answer(facts, self._attempts(request, facts))

    async def _attempts(
        self, request: ChatRequest, facts: Facts
    ) -> AsyncGenerator[Sequence[Chunk]]:
        target = read_model(request.model)
        provider = self._providers.get(target.provider)
        if provider is None:
            raise Problem(Kind.NOT_FOUND, "The model is not available.", at="model")
        facts.provider, facts.model = provider.name, target.model
        started = self._clock.now()
        deadline = started + self._total_s
        self._budget.asked(started)
        ways, ticket = self._ways(provider, facts)
        way = tried = 0
        while True:
            via = ways[way]
            judge = partial(self._judge, provider.name, via, ticket)
            attempt = _Attempt(facts, via, started, judge, self._observer, self._clock)
            tried += 1
            try:
                async with (
                    attempt,
                    provider.stream(
                        request, model=target.model, via=via, deadline=deadline
                    ) as upstream,
                ):
                    attempt.note_headers(upstream.headers)
                    async for batch in upstream.batches:
                        attempt.note(batch)
                        yield batch
                    attempt.complete = True
                    yield ()
                return
            except Problem as problem:
                verdict = self._verdict(attempt, problem, tried, deadline, more=way + 1 < len(ways))
                if verdict.move is Move.STOP:
                    raise
                if verdict.move is Move.NEXT:
                    way, tried = way + 1, 0
                    facts.fallback_reasons.append(problem.sign.value)
                    self._observer.fell_back(reason=problem.sign.value)
            if verdict.wait_s:
                await self._clock.sleep(verdict.wait_s)

    def _ways(self, provider: Provider, facts: Facts) -> tuple[tuple[str, ...], int | None]:
        """The ways in order, and the breaker's ticket for the gateway."""
        if "gateway" not in provider.ways:
            return provider.ways, None
        ticket = self._breakers[provider.name].admit(self._clock.now())
        ways = order_ways(provider.ways, gateway_admitted=ticket is not None)
        if len(ways) < len(provider.ways):
            facts.fallback_reasons.append("breaker_open")
            self._observer.fell_back(reason="breaker_open")
        return ways, ticket

    def _verdict(
        self, attempt: "_Attempt", problem: Problem, tried: int, deadline: float, *, more: bool
    ) -> Verdict:
        now = self._clock.now()
        verdict = decide(
            Situation(
                problem,
                attempt.via,
                tried,
                left_s=deadline - now,
                roll=self._dice(),
                content_sent=attempt.content,
                more_routes=more,
                round_misconfigured=self._round_misconfigured,
            )
        )
        if verdict.move is Move.RETRY and not self._budget.spend(now):
            return Verdict(Move.STOP)
        return verdict

    def _judge(self, provider: str, via: str, ticket: int | None, problem: Problem | None) -> None:
        """Tells the breaker how an attempt through the gateway ended; None is a success."""
        if via != "gateway":
            return
        breaker, now = self._breakers[provider], self._clock.now()
        before = breaker.state(now)
        if problem is None:
            breaker.succeeded(ticket)
        elif is_fallback_class(problem, via=via):
            breaker.failed(ticket, now)
        else:
            breaker.abandoned(ticket)
        after = breaker.state(now)
        if after is not before:
            self._observer.breaker_changed(upstream=provider, state=after.value)


class _Attempt:
    """One try: counts it when it begins, says how it ended exactly once, whatever ended it."""

    def __init__(
        self,
        facts: Facts,
        via: str,
        started: float,
        judge: Callable[[Problem | None], None],
        observer: Observer,
        clock: Clock,
    ) -> None:
        self._facts, self.via, self._started = facts, via, started
        self._tell_breaker, self._observer, self._clock = judge, observer, clock
        self._judged = False
        self.content = False
        self.complete = False  # whoever leaves from now on leaves a whole answer

    async def __aenter__(self) -> None:
        self._facts.attempts += 1
        self._facts.via = self.via

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        provider = self._facts.provider
        if error is None or self.complete:
            status = "ok"
            self._judge(None)
        elif isinstance(error, Problem):
            status = str(error.status or error.sign.value)
            self._judge(error)
            if error.kind is Kind.UPSTREAM_AUTH:
                self._observer.misconfigured(provider=provider, via=self.via, problem=error)
        else:
            status = "cancelled"
            self._judge(_CALLER_LEFT)
        self._observer.attempt_ended(provider=provider, via=self.via, status=status)

    def note_headers(self, headers: Mapping[str, str]) -> None:
        self._facts.note_headers(headers, self._clock.now() - self._started)

    def note(self, batch: Sequence[Chunk]) -> None:
        for chunk in batch:
            if chunk.content and not self.content:
                self._first_content(self._clock.now() - self._started)
            self._facts.note_chunk(chunk)

    def _first_content(self, seconds: float) -> None:
        self.content = True
        self._judge(None)  # it answers: what happens from now on is no reason to avoid this way
        self._facts.first_content_s = seconds
        self._observer.first_content(via=self.via, seconds=seconds)

    def _judge(self, problem: Problem | None) -> None:
        if not self._judged:
            self._judged = True
            self._tell_breaker(problem)


_CALLER_LEFT = Problem(Kind.INTERNAL, "The caller left.")
