"""The list of what one request may try: every way to every model of its plan; and where on it the
request stands.

Decides nothing: policy.routing made the plan, policy.breaker says whom to pass over. Source:
gateway.md §11, design.md 5.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bff.chat.request import ChatRequest
from bff.engine.metering import Mode
from bff.engine.ports import Clock, Observer, Provider
from bff.errors import Kind, Problem
from bff.policy.breaker import Breaker
from bff.policy.retry import tells_against
from bff.policy.routing import Target


@dataclass(frozen=True, slots=True)
class Step:
    """One way to one model. *turn* is the model's place in the plan; *model_used* is told where it
    is not simply what the caller wrote.
    """

    target: Target
    provider: Provider
    via: str
    turn: int
    mode: Mode
    model_used: str | None


def list_steps(
    plan: Iterable[Target], providers: Mapping[str, Provider], *, asked: str, passes: str
) -> list[Step]:
    """*asked* is the name that the caller wrote; *passes* is its face's dialect."""
    steps = []
    for turn, target in enumerate(plan):
        provider = providers[target.provider]
        mode = _mode(provider, target, passes)
        plain = not target.fallback and asked in (target.name, target.model)
        used = None if plain else target.name
        steps += [Step(target, provider, via, turn, mode, used) for via in provider.ways]
    return steps


def _mode(provider: Provider, target: Target, passes: str) -> Mode:
    """What stands in for another model is never passed on as it is: it would name itself."""
    if not provider.streams:
        return Mode.SIMULATED
    if passes in provider.tongues and not target.fallback:
        return Mode.NATIVE
    return Mode.TRANSLATED


class Breakers:
    """One for each way to each vendor."""

    def __init__(
        self, providers: Mapping[str, Provider], observer: Observer, now: Callable[[], float]
    ) -> None:
        self._observer, self._now = observer, now
        self._of = {(name, way): Breaker() for name, one in providers.items() for way in one.ways}

    def admit(self, step: Step) -> int | None:
        return self._of[step.target.provider, step.via].admit(self._now())

    def judge(self, step: Step, ticket: int | None, problem: Problem | None) -> None:
        """How an attempt ended; None is a success."""
        breaker, now = self._of[step.target.provider, step.via], self._now()
        before = breaker.state(now)
        if problem is None:
            breaker.succeeded(ticket)
        elif tells_against(problem, via=step.via):
            breaker.failed(ticket, now)
        else:
            breaker.abandoned(ticket)
        after = breaker.state(now)
        if after is not before:
            suffix = "" if step.via == "gateway" else f"-{step.via}"
            self._observer.breaker_changed(
                upstream=f"{step.target.provider}{suffix}", state=after.value
            )


class Walk:
    """Where one request stands on its list; goes on only, never back.

    *targets* counts the models asked so far, *tried* the attempts at *step*; *until* is when its
    model has had its time, *deadline* when the request has.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        request: ChatRequest,
        *,
        breakers: Breakers,
        clock: Clock,
        deadline: float,
    ) -> None:
        self._request, self._breakers, self._clock = request, breakers, clock
        self.deadline = deadline
        self.targets = 0
        self._go(steps)

    def _go(self, steps: Sequence[Step], turn: int | None = None) -> None:
        """To the first of *steps* whose breaker lets us, or to the first where none does; *turn* is
        where we come from.
        """
        chosen, self.ticket = 0, None
        for index, step in enumerate(steps):
            self.ticket = self._breakers.admit(step)
            if self.ticket is not None:
                chosen = index
                break
        self.step, self._rest = steps[chosen], steps[chosen + 1 :]
        self.tried = 0
        if self.step.turn != turn:
            target = self.step.target
            time_s = self.step.provider.timers(self._request, target.model).total
            self.until = min(self.deadline, self._clock.now() + time_s)
            self.targets += 1

    @property
    def more_ways(self) -> bool:
        return bool(self._rest) and self._rest[0].turn == self.step.turn

    def more_models(self, problem: Problem) -> Sequence[Step]:
        """The steps of other models; a key that is wrong is wrong for all of that vendor's."""
        this, wrong_key = self.step, problem.kind is Kind.UPSTREAM_AUTH
        return [
            step
            for step in self._rest
            if step.turn != this.turn and not (wrong_key and step.provider is this.provider)
        ]

    def next_way(self) -> None:
        self._go(self._rest, self.step.turn)

    def next_model(self, problem: Problem) -> None:
        self._go(self.more_models(problem))
