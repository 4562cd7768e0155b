"""One piece of markup as it comes: what was eaten of it is kept, for it may turn out to be text."""

from bff.dialects.tool_prompt.forms import LISTED, Form, Outcome, Verdict
from bff.dialects.tool_prompt.steps import Step

MARKUP_MOST = 256 * 1024  # characters


class Block:
    """*opening* is what was read before it, *outcome* None until it has ended."""

    def __init__(self, opening: str, form: Form, *, is_fence: bool = False) -> None:
        self.opening, self.is_fence = opening, is_fence
        self.outcome: Outcome | None = None
        self._form = form
        self._eaten: list[str] = []
        self._room = MARKUP_MOST
        self._go_on(None)

    @property
    def is_meant(self) -> bool:
        """Whether it means to be calls; a block of JSON in a fence may be anything."""
        return not self.is_fence or self.eaten().lstrip("{ \t\r\n").startswith(LISTED)

    def eaten(self) -> str:
        return "".join(self._eaten)

    def feed(self, text: str, start: int) -> int:
        """Where in *text* it stopped eating: at its end, or where it cannot go on."""
        fits = text if len(text) - start <= self._room else text[: start + self._room]
        at = start
        while self.outcome is None and at < len(fits):
            at, said = self._step.eat(fits, at)
            if said is not None:
                self._go_on(said)
        self._eaten.append(text[start:at])
        self._room -= at - start
        if self.outcome is None and not self._room:
            self.outcome = Verdict.BROKEN
        return at

    def close(self) -> None:
        """The text ends here."""
        while self.outcome is None and (said := self._step.end()) is not None:
            self._go_on(said)

    def _go_on(self, said: str | None) -> None:
        try:
            self._step: Step = self._form.send(said)  # type: ignore[arg-type]  # None begins it
        except StopIteration as done:
            self.outcome = done.value
