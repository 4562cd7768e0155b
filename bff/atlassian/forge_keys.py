"""ForgeKeys: Atlassian's public keys for Forge invocation tokens, one document for all of them.

Not a judge of tokens. The document is fetched when a key is not in it that a token names, which is
once a rotation; made-up names cannot make us fetch for long. A fetch is nobody's own: who leaves
while it runs takes nothing away from who waits. Source: RFC 7517; design.md 8.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import structlog
from yarl import URL

from bff.atlassian.answers import read_at_most
from bff.connect.forge import read_keys
from bff.dialects.json_text import read_json
from bff.errors import Kind, Problem

LARGEST_DOCUMENT_BYTES = 256 * 1024

_log = structlog.get_logger("bff.forge_keys")


class _Away(Exception):  # noqa: N818 - the house names what happened
    """The host did not give a document we can use."""


class ForgeKeys:
    """*url* is the document's, *tasks* does the fetching. Seconds everywhere; *now* is monotonic.

    The document is fetched again after *fresh_s*, and for a name that is not in it: *spare* times
    at once, then one time in *again_s*.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        tasks: asyncio.TaskGroup,
        *,
        now: Callable[[], float] | None = None,
        timeout_s: float = 5.0,
        fresh_s: float = 3600.0,
        again_s: float = 30.0,
        spare: int = 4,
    ) -> None:
        self._session, self._url, self._tasks = session, url, tasks
        self._now = now or asyncio.get_running_loop().time
        self._timeout_s, self._fresh_s, self._again_s = timeout_s, fresh_s, again_s
        self._keys: dict[str, str] = {}
        self._fresh_until = float("-inf")
        self._away = False  # when last asked
        self._most, self._spare, self._counted_at = float(spare), float(spare), self._now()
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> str:
        """PEM text. Raises Problem(CALLER_AUTH) when the document does not have it."""
        known = kid in self._keys
        if not known or self._now() >= self._fresh_until:
            fetching = self._fetch_under_way()
            if fetching is not None and not (known and self._away):
                await asyncio.wait((fetching,))  # leaves it running when we are cancelled
        pem = self._keys.get(kid)
        if pem is None:
            raise Problem(Kind.CALLER_AUTH, "Could not find the key that signed the JWT token")
        return pem

    def hang_up(self) -> None:
        """Nobody will ask any more."""
        if self._fetching is not None:
            self._fetching.cancel()

    def _fetch_under_way(self) -> asyncio.Task[None] | None:
        """The one that runs, else a new one; None when it is too early for one."""
        if self._fetching is None or self._fetching.done():
            if not self._may_fetch():
                return None
            self._fetching = self._tasks.create_task(self._refresh())
        return self._fetching

    def _may_fetch(self) -> bool:
        now = self._now()
        earned = (now - self._counted_at) / self._again_s
        self._spare, self._counted_at = min(self._most, self._spare + earned), now
        if self._spare < 1:
            return False
        self._spare -= 1
        return True

    async def _refresh(self) -> None:
        """Keys once known stay usable while the host is away."""
        try:
            self._keys, self._away = await self._fetch(), False
            self._fresh_until = self._now() + self._fresh_s
        except _Away as reason:
            self._away = True
            self._fresh_until = self._now() + self._again_s
            _log.warning("forge_keys.unavailable", host=URL(self._url).host, reason=str(reason))

    async def _fetch(self) -> dict[str, str]:
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._session.get(self._url, allow_redirects=False) as response,
            ):
                if response.status != 200:
                    raise _Away(f"status {response.status}")
                body = await read_at_most(response, LARGEST_DOCUMENT_BYTES)
            if body is None:
                raise _Away("its answer is too large")
            keys = read_keys(read_json(body))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise _Away(type(error).__name__) from error
        if not keys:
            raise _Away("its answer holds no key")
        return keys


@asynccontextmanager
async def open_forge_keys(
    session: aiohttp.ClientSession, url: str, *, now: Callable[[], float] | None = None
) -> AsyncIterator[ForgeKeys]:
    """Fetches nothing before it is asked."""
    async with asyncio.TaskGroup() as tasks:
        keys = ForgeKeys(session, url, tasks, now=now)
        try:
            yield keys
        finally:
            keys.hang_up()
