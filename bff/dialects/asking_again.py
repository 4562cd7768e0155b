"""What an error's headers tell a caller of asking again: never left to the caller's own guess.

The callers' SDKs try twice more on any 408, 409, 429 and 5xx; we have tried before. So a caller may
ask again only where the time to wait is known. Source: api-faces.md §2 "Errors", providers.md §8.
"""

import math
from collections.abc import Mapping

from bff.errors import Kind, Problem

# seconds, where nobody named them; None: only where somebody did
_WAIT: Mapping[Kind, int | None] = {
    Kind.OWN_RATE_LIMIT: 60,  # the gateway's window; our own limiter names its own
    Kind.UPSTREAM_RATE_LIMIT: None,
    Kind.OVERLOADED: None,
    Kind.UPSTREAM: None,
    Kind.TIMEOUT: None,
    Kind.CONNECTION: None,
    Kind.SHUTTING_DOWN: 1,
}


def write_headers(problem: Problem) -> dict[str, str]:
    """`retry-after` in whole seconds where it is known, `x-should-retry: false` wherever asking
    again would not help.
    """
    wait = problem.retry_after
    if wait is None:
        wait = _WAIT.get(problem.kind)
    headers = {} if wait is None else {"retry-after": str(max(1, math.ceil(wait)))}
    if wait is None or problem.kind not in _WAIT or problem.should_retry is False:
        headers["x-should-retry"] = "false"
    return headers
