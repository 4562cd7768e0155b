"""One question, from the first try to the last chunk: ways to models, retries, breakers.

Decides nothing itself: policy.routing says whom to ask, policy.retry what a failure means,
policy.breaker whom to pass over. The answer is handed out as it arrives; until its first content
another try may follow, so a reader can see a second preamble. Source: gateway.md §11, providers.md
§8, design.md 5.
"""

import math
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial

from bff.chat.events import Chunk
from bff.chat.request import ChatRequest
from bff.chat.usage import Counted
from bff.engine.counting import COUNT_S, count
from bff.engine.metering import Facts, Mode, Status
from bff.engine.ports import Clock, Observer, Provider, Upstream
from bff.engine.retelling import Retelling
from bff.engine.steps import Breakers, Step, Walk, list_steps
from bff.errors import Kind, Problem
from bff.policy.retry import Move, RetryBudget, Situation, Verdict, decide, told
from bff.policy.routing import Rules, check_name, names_of, plan


class Answer:
    """One answer on its way; use as `async with`. Leaving it hangs up on upstream.

    *batches* are the chunks, one batch per network read; an empty batch is the last and says that
    the answer is complete: what happens after it is tidying. *facts* fill in as they are read.
    """

    def __init__(
        self, facts: Facts, batches: AsyncGenerator[Sequence[Chunk]], note_left: Callable[[], None]
    ) -> None:
        self.facts, self.batches = facts, batches
        self._note_left = note_left

    async def __aenter__(self) -> "Answer":
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        crashed = isinstance(error, Exception) and not isinstance(error, ConnectionError)
        if crashed and self.facts.status is Status.CANCELLED:
            self.facts.status = Status.FAILED
        try:
            await self.batches.aclose()
        finally:
            self._note_left()


class Engine:
    """Asks providers. Holds what outlives one request: breakers and retry budgets."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        *,
        rules: Rules,
        observer: Observer,
        clock: Clock,
        dice: Callable[[], float],
        total_s: float,
        round_misconfigured: bool = True,
    ) -> None:
        self._providers, self._rules = providers, rules
        self._observer, self._clock, self._dice = observer, clock, dice
        self._total_s = total_s
        self._round_misconfigured = round_misconfigured
        self._breakers = Breakers(providers, observer, clock.now)
        self._budgets = {name: RetryBudget() for name in providers}
        self._list_known = lru_cache(_KNOWN_LISTS)(self._list)

    def answer(self, request: ChatRequest, seconds: float | None = None) -> Answer:
        """Its batches raise Problem: before the first of them, or after any. *seconds* is how long
        the caller waits, where that is shorter than we would.
        """
        facts = Facts()

        def note_left() -> None:
            facts.settle_usage(request)
            self._observer.answered(facts, facts.status)

        patience_s = math.inf if seconds is None else seconds
        return Answer(facts, self._attempts(request, facts, patience_s), note_left)

    def names_of(self, model: str) -> tuple[str, str]:
        """What *model* is called, publicly and by its vendor. Raises Problem(NOT_FOUND)."""
        return names_of(model, self._rules, self._providers)

    async def count(self, request: ChatRequest) -> Counted:
        """The tokens of *request*. Raises Problem: for a model that is not there, or what its
        vendor finds wrong with the question.
        """
        deadline = self._clock.now() + COUNT_S
        return await count(
            request,
            self._steps(request),
            partial(self._count, request, deadline),
            round_misconfigured=self._round_misconfigured,
        )

    async def _count(self, request: ChatRequest, deadline: float, step: Step) -> Counted | None:
        """None where its breaker does not let us."""
        ticket = self._breakers.admit(step)
        if ticket is None:
            return None
        judge = partial(self._breakers.judge, step, ticket)
        async with _Attempt(Facts(), step, 0.0, judge, self._observer, self._clock):
            return await step.provider.count(
                request, model=step.target.model, via=step.via, deadline=deadline
            )

    async def _attempts(
        self, request: ChatRequest, facts: Facts, patience_s: float
    ) -> AsyncGenerator[Sequence[Chunk]]:
        started = self._clock.now()
        walk = self._begin(request, facts, started + min(patience_s, self._total_s))
        asked: Problem | None = None  # how the model failed that the caller wanted
        while True:
            step, retelling = walk.step, _retelling(walk.step, request)
            judge = partial(self._judge, step, walk.ticket, started + patience_s)
            attempt = _Attempt(facts, step, started, judge, self._observer, self._clock)
            walk.tried += 1
            try:
                async with (
                    attempt,
                    step.provider.stream(
                        request, model=step.target.model, via=step.via, deadline=walk.until
                    ) as upstream,
                ):
                    attempt.note_upstream(upstream)
                    async for batch in upstream.batches:
                        attempt.note(batch)
                        yield batch if retelling is None else retelling.feed(batch)
                    facts.status = Status.COMPLETE
                    yield ()
                return
            except Problem as problem:
                if step.target.fallback:
                    problem.original = None  # it would name another model
                asked = asked if step.target.fallback else problem
                verdict = self._verdict(walk, problem, content_sent=attempt.content)
                if verdict.move is Move.STOP:
                    facts.status = Status.FAILED
                    if attempt.content or asked is None or told(asked, problem) is problem:
                        raise
                    raise asked from problem
                self._go_on(walk, facts, problem, verdict.move)
            if verdict.wait_s:
                await self._clock.sleep(verdict.wait_s)

    def _begin(self, request: ChatRequest, facts: Facts, deadline: float) -> Walk:
        """Raises Problem(NOT_FOUND)."""
        steps = self._steps(request)
        facts.sure_mode = len({step.mode for step in steps}) == 1
        walk = Walk(steps, request, breakers=self._breakers, clock=self._clock, deadline=deadline)
        self._arrive(walk, facts)
        if walk.step is not steps[0]:
            self._tell_left(steps[0], walk.step, facts, "breaker_open")
        return walk

    def _steps(self, request: ChatRequest) -> Sequence[Step]:
        check_name(request.model)  # or what is remembered has no bounds
        return self._list_known(request.model, request.passes)

    def _list(self, model: str, passes: str) -> Sequence[Step]:
        """The same for every question about *model* of such a face. Raises Problem(NOT_FOUND)."""
        targets = plan(model, self._rules, self._providers)
        return list_steps(targets, self._providers, asked=model, passes=passes)

    def _verdict(self, walk: Walk, problem: Problem, *, content_sent: bool) -> Verdict:
        step, now = walk.step, self._clock.now()
        situation = Situation(
            problem,
            step.via,
            walk.tried,
            left_s=walk.until - now,
            rest_s=walk.deadline - now,
            roll=self._dice(),
            patience=step.provider.patience,
            content_sent=content_sent,
            is_fallback=step.target.fallback,
            more_ways=walk.more_ways,
            more_models=bool(walk.more_models(problem)),
            round_misconfigured=self._round_misconfigured,
        )
        verdict = decide(situation)
        if verdict.move is Move.RETRY and not self._budgets[step.target.provider].spend(now):
            return decide(replace(situation, may_retry=False))
        return verdict

    def _go_on(self, walk: Walk, facts: Facts, problem: Problem, move: Move) -> None:
        if move is Move.RETRY:
            return
        before = walk.step
        if move is Move.NEXT_WAY:
            walk.next_way()
        else:
            walk.next_model(problem)
        self._arrive(walk, facts)
        self._tell_left(before, walk.step, facts, problem.sign.value)

    def _arrive(self, walk: Walk, facts: Facts) -> None:
        """At a step. At another model than before it is a new request to its vendor."""
        step = walk.step
        facts.provider, facts.model = step.target.provider, step.target.model
        facts.mode, facts.model_used = step.mode, step.model_used
        if walk.targets > facts.targets_tried:
            facts.targets_tried = walk.targets
            self._budgets[step.target.provider].asked(self._clock.now())

    def _tell_left(self, before: Step, after: Step, facts: Facts, reason: str) -> None:
        facts.fallback_reasons.append(reason)
        if after.turn == before.turn:
            self._observer.fell_back(reason=reason)
        else:
            self._observer.changed_model(provider=before.target.provider, reason=reason)

    def _judge(
        self, step: Step, ticket: int | None, caller_waits_until: float, problem: Problem | None
    ) -> None:
        """A caller who would not wait tells nothing of the vendor, or one could switch it off."""
        if problem is not None and self._clock.now() >= caller_waits_until:
            problem = _CALLER_LEFT
        self._breakers.judge(step, ticket, problem)


class _Attempt:
    """One try: counts it when it begins, says how it ended exactly once, whatever ended it."""

    def __init__(
        self,
        facts: Facts,
        step: Step,
        started: float,
        judge: Callable[[Problem | None], None],
        observer: Observer,
        clock: Clock,
    ) -> None:
        self._facts, self._step, self._started = facts, step, started
        self._tell_breaker, self._observer, self._clock = judge, observer, clock
        self._judged = False
        self.content = False

    async def __aenter__(self) -> None:
        self._facts.begin_try(self._step.via)

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        provider, via = self._step.target.provider, self._step.via
        if error is None or self._facts.status is Status.COMPLETE:  # who leaves now leaves it whole
            status = "ok"
            self._judge(None)
        elif isinstance(error, Problem):
            status = str(error.status or error.sign.value)
            self._judge(error)
            if error.kind is Kind.UPSTREAM_AUTH:
                self._observer.misconfigured(provider=provider, via=via, problem=error)
        else:
            status = "cancelled"
            self._judge(_CALLER_LEFT)
        self._observer.attempt_ended(provider=provider, via=via, status=status)

    def note_upstream(self, upstream: Upstream) -> None:
        self._facts.ignored = upstream.ignored
        if self._step.mode is Mode.NATIVE:
            self._facts.passed = upstream.passed
        self._facts.note_headers(upstream.headers, self._clock.now() - self._started)

    def note(self, batch: Sequence[Chunk]) -> None:
        if not self.content and any(chunk.content for chunk in batch):
            self._first_content(self._clock.now() - self._started)
        self._facts.note(batch)

    def _first_content(self, seconds: float) -> None:
        self.content = True
        self._judge(None)  # it answers: what happens from now on is no reason to avoid this way
        self._facts.first_content_s = seconds
        self._observer.first_content(via=self._step.via, seconds=seconds)

    def _judge(self, problem: Problem | None) -> None:
        if not self._judged:
            self._judged = True
            self._tell_breaker(problem)


def _retelling(step: Step, request: ChatRequest) -> Retelling | None:
    """None where the vendor's own words are passed on."""
    if step.mode is Mode.NATIVE:
        return None
    return Retelling(request.model, originals=request.passes not in step.provider.tongues)


_KNOWN_LISTS = 256
_CALLER_LEFT = Problem(Kind.INTERNAL, "The caller left.")
