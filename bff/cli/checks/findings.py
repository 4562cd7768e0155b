"""Finding: one line of `bff check`."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. *said* holds the mend where one is needed."""

    state: State
    about: str
    said: str

    def __str__(self) -> str:
        return f"{self.state:<8}{self.about}: {self.said}"


def ok(about: str, said: str) -> Finding:
    return Finding(State.OK, about, said)


def warning(about: str, said: str) -> Finding:
    return Finding(State.WARNING, about, said)


def failed(about: str, said: str) -> Finding:
    return Finding(State.FAILED, about, said)
