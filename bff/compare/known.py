"""Known and wanted differences: the rows of known_differences.toml, and which of them applies.
Pure.

A row says where (*requests*, *parts*), what (*answers*, *node*, *bff*; left out is anything, `-` is
what is not there), and why, with its source. Patterns: rows.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bff.compare.diff import Difference
from bff.compare.outcome import Outcome
from bff.compare.rows import matches, read_rows, read_text, read_texts, refuse_unknown

ABSENT, ANY = "-", "*"
_FIELDS = {"requests", "parts", "answers", "node", "bff", "reason", "source"}


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """One row, itself only. *answers* is what came back in short, for example `400 -> 401`."""

    requests: tuple[str, ...]
    parts: tuple[str, ...]
    answers: str
    node: str
    bff: str
    reason: str
    source: str

    @property
    def everywhere(self) -> bool:
        """Whether it says nothing about one request more than about another."""
        return self.requests == (ANY,)

    def is_for(self, request: str) -> bool:
        return matches(request, self.requests)

    def covers(self, request: str, answers: str, difference: Difference) -> bool:
        return (
            self.is_for(request)
            and matches(difference.part, self.parts)
            and matches(answers, (self.answers,))
            and matches(_shown(difference.node), (self.node,))
            and matches(_shown(difference.bff), (self.bff,))
        )


def read_known(text: str, name: str) -> tuple[Known, ...]:
    """The rows of a file; *name* is what it is called in a complaint. Raises WrongFile."""
    rows = read_rows(text, name, "known")
    return tuple(_read_row(row, f"{name}, row {number}") for number, row in enumerate(rows, 1))


def find_known(
    rows: Sequence[Known], request: str, answers: str, difference: Difference
) -> Known | None:
    """The first row that covers it."""
    return next((row for row in rows if row.covers(request, answers, difference)), None)


def answers_of(node: Outcome, bff: Outcome) -> str:
    """What came back on either side, in short: a status, or why there is none."""
    return f"{_in_short(node)} -> {_in_short(bff)}"


def _in_short(outcome: Outcome) -> str:
    return str(outcome.status) if outcome.status is not None else outcome.end.value


def _shown(value: str | None) -> str:
    return ABSENT if value is None else value


def _read_row(row: Mapping[str, Any], at: str) -> Known:
    refuse_unknown(row, _FIELDS, at)
    return Known(
        requests=read_texts(row, "requests", at),
        parts=read_texts(row, "parts", at),
        answers=read_text(row, "answers", at, ANY),
        node=read_text(row, "node", at, ANY),
        bff=read_text(row, "bff", at, ANY),
        reason=read_text(row, "reason", at),
        source=read_text(row, "source", at),
    )
