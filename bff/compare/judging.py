"""Two outcomes of one request, and what is to be thought of them. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bff.compare.diff import Difference, diff
from bff.compare.known import Known, answers_of, find_known
from bff.compare.outcome import Outcome
from bff.compare.requests import Request


@dataclass(frozen=True, slots=True)
class Found:
    """A difference, and the row that knows it."""

    difference: Difference
    known: Known | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One request asked of both."""

    request: Request
    node: Outcome
    bff: Outcome
    found: tuple[Found, ...]

    @property
    def unknown(self) -> tuple[Found, ...]:
        return tuple(found for found in self.found if found.known is None)

    @property
    def same(self) -> bool:
        """But for what differs on every answer."""
        return all(found.known is not None and found.known.everywhere for found in self.found)

    @property
    def answers(self) -> str:
        return answers_of(self.node, self.bff)


def judge(request: Request, node: Outcome, bff: Outcome, rows: Sequence[Known]) -> Verdict:
    answers = answers_of(node, bff)
    found = (
        Found(difference, find_known(rows, request.name, answers, difference))
        for difference in diff(node, bff)
    )
    return Verdict(request, node, bff, tuple(found))


def unused(rows: Iterable[Known], verdicts: Sequence[Verdict]) -> list[Known]:
    """Rows for requests that were sent which explain nothing any more."""
    used = {found.known for verdict in verdicts for found in verdict.found}
    return [
        row
        for row in rows
        if row not in used and any(row.is_for(verdict.request.name) for verdict in verdicts)
    ]
