"""Which requests of the set are sent, and one line for each reason that some are not. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bff.compare.requests import Mark, Request
from bff.compare.rows import matches
from bff.compare.tokens import Needs


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person asked for, and what there is to sign with."""

    only: tuple[str, ...] = ("*",)
    upstream: bool = True
    faults: bool = False
    risky: bool = False
    lifecycle: bool = False
    has_tenant: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    requests: tuple[Request, ...]
    left_out: tuple[str, ...]


_REASONS = (
    "change an install: --lifecycle sends them",
    "call the site or may end the Node app's process: --risky sends them",
    "tell a simulated upstream to fail: --faults sends them",
    "ask a model: --no-upstream was given",
    "need a tenant's token: give --tenant, --client-key or DATABASE_URL",
)


def choose(requests: Iterable[Request], wishes: Wishes) -> Choice:
    """Those that were wished for with --only and may be sent."""
    wanted = [request for request in requests if _is_wanted(request, wishes)]
    reasons = [(request, _why_not(request, wishes)) for request in wanted]
    sent = tuple(request for request, reason in reasons if reason is None)
    counts = [(sum(why == reason for _, why in reasons), reason) for reason in _REASONS]
    return Choice(sent, tuple(f"{count} that {reason}" for count, reason in counts if count))


def _is_wanted(request: Request, wishes: Wishes) -> bool:
    needed = wishes.lifecycle and Mark.FIRST in request.marks
    return needed or matches(request.name, wishes.only)


def _why_not(request: Request, wishes: Wishes) -> str | None:
    refusals = (
        (Mark.LIFECYCLE in request.marks or request.needs is Needs.SIGNING_KEY)
        and not wishes.lifecycle,
        Mark.RISKY in request.marks and not wishes.risky,
        Mark.FAULTS in request.marks and not wishes.faults,
        Mark.UPSTREAM in request.marks and not wishes.upstream,
        request.needs is not Needs.NOTHING and not wishes.has_tenant,
    )
    return next((_REASONS[at] for at, refused in enumerate(refusals) if refused), None)


def recorded(requests: Sequence[Request], names: Iterable[str]) -> Choice:
    """Those that a recording holds."""
    held = set(names)
    found = tuple(request for request in requests if request.name in held)
    missing = len(requests) - len(found)
    return Choice(found, (f"{missing} that are not in the recording",) if missing else ())
