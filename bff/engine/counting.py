"""How many tokens a question has: as its vendor counts them, or by our own estimate.

Nobody stands in for a vendor here: a count of another model's tokens is none. Source: api-faces.md
§3 (`count_tokens`).
"""

from collections.abc import Awaitable, Callable, Sequence

from bff.chat.request import ChatRequest
from bff.chat.usage import Counted, estimated_prompt
from bff.engine.metering import Mode
from bff.engine.steps import Step
from bff.errors import Kind, Problem
from bff.policy.retry import MISCONFIGURED, is_fallback_class

COUNT_S = 10.0  # for all of it: a client counts before it asks, and has an estimate of its own
_THE_CALLERS = frozenset(
    {
        Kind.BAD_REQUEST,
        Kind.CONTENT_POLICY,
        Kind.CONTEXT_LENGTH,
        Kind.INVALID,
        Kind.NOT_FOUND,
        Kind.TOO_LARGE,
    }
)


async def count(
    request: ChatRequest,
    steps: Sequence[Step],
    ask: Callable[[Step], Awaitable[Counted | None]],
    *,
    round_misconfigured: bool = True,
) -> Counted:
    """*steps* are the ways to the model, and to those that may stand in for it: they are never
    asked in a caller's own words, and so not here. *ask* asks one of them, and gives None where it
    may not be asked. Raises Problem for what is the caller's fault; any other failure leads to the
    next way if this one was in it, else to our estimate.
    """
    for step in steps:
        if step.mode is not Mode.NATIVE:
            break
        try:
            counted = await ask(step)
        except Problem as problem:
            if problem.kind in _THE_CALLERS:
                raise
            may_go_round = round_misconfigured or problem.sign not in MISCONFIGURED
            if may_go_round and is_fallback_class(problem, via=step.via):
                continue
            break
        if counted is not None:
            return counted
    return Counted(estimated_prompt(request))
