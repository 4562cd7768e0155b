"""Asked: a request that passed OpenAI's checks, and Spelling: how what is said to it is put on the
wire. Not the checks and not the words themselves.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bff.simulators.faults import Fault
from bff.simulators.pen import LastWords
from bff.simulators.stage import Speech

_TAIL = 12  # characters at the end of an answer's id that count


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that passed the checks, as far as the answer depends on it."""

    json: Mapping[str, Any]
    id: str
    model: str
    fault: Fault
    pieces: list[str]
    calls: list[tuple[str, str]]
    reason: str
    prompt_tokens: int

    @property
    def tail(self) -> str:
        """What the ids of this answer have in common."""
        return self.id[-_TAIL:]

    @property
    def spent(self) -> tuple[int, int]:
        return self.prompt_tokens, len(self.pieces) + 8 * len(self.calls)

    @property
    def called(self) -> list[tuple[str, str, str]]:
        """Each call's id, name and arguments."""
        return [
            (f"call_{self.tail}{number:012d}", name, arguments)
            for number, (name, arguments) in enumerate(self.calls)
        ]


@dataclass(frozen=True, slots=True)
class Spelling:
    """*speak* gives the frames of an answer, and what faults put between them; *whole* is the
    answer in one object, *maimed* what is left of that after a fault.
    """

    speak: Callable[[Asked], tuple[Iterator[bytes], Speech]]
    whole: Callable[[Asked], dict[str, Any]]
    maimed: Callable[[dict[str, Any], Fault], dict[str, Any]]
    last_words: LastWords
