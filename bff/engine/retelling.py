"""An answer that is not passed on as it is: under the name that the caller asked for.

Source: operations.md decisions ("`model` in an answer"), design.md 1.
"""

from collections.abc import Sequence
from dataclasses import replace

from bff.chat.events import Chunk, Started


class Retelling:
    """Chunks in, the same chunks out, as *model*'s. Without *originals* the caller's face spells
    them anew: they are in its own dialect, and name another model.
    """

    def __init__(self, model: str, *, originals: bool) -> None:
        self._model, self._originals = model, originals

    def feed(self, batch: Sequence[Chunk]) -> Sequence[Chunk]:
        return [self._retold(chunk) for chunk in batch]

    def _retold(self, chunk: Chunk) -> Chunk:
        if any(isinstance(event, Started) for event in chunk.events):
            events = tuple(
                replace(event, model=self._model) if isinstance(event, Started) else event
                for event in chunk.events
            )
            chunk = replace(chunk, events=events)
        if self._originals or chunk.original is None:
            return chunk
        return replace(chunk, original=None, delta=False)
