"""What callers may do at a time and within a minute, asked where they come in.

How they are counted is the store's business, what a refusal looks like the face's.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager

from aiohttp import web

from bff.errors import Kind, Problem
from bff.records import Caller, Standing
from bff.web.services import SERVICES

WriteStanding = Callable[[Standing, float], Mapping[str, str]]
STANDING_HEADERS = web.RequestKey("STANDING_HEADERS", Mapping[str, str])  # of any answer to it


async def count_request(request: web.Request, caller: Caller, *, write: WriteStanding) -> None:
    """Right behind the door, before the body is read. Every answer to *request* will say how the
    caller stands, by *write*, a face's own words for it; so will the refusal.

    Raises Problem(OWN_RATE_LIMIT).
    """
    services = request.app[SERVICES]
    standing = await services.callers.count(caller)
    if standing is None:
        return
    request[STANDING_HEADERS] = write(standing, services.now())
    if standing.wait_s is not None:
        raise Problem(
            Kind.OWN_RATE_LIMIT,
            f"This key may begin {standing.limit} requests a minute, and has.",
            retry_after=standing.wait_s,
        )


def stream_slot(request: web.Request, caller: Caller) -> AbstractAsyncContextManager[None]:
    """Round a streamed answer, from before its vendor is asked until it has ended, however it did.

    Entering raises Problem(OWN_RATE_LIMIT).
    """
    return request.app[SERVICES].callers.stream(caller)
