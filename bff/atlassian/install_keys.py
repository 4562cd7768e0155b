"""InstallKeys: Atlassian's public keys for signed installs, by the `kid` a token names.

Not a judge of tokens. The hosts are asked in order; what was learned is kept, and a key once known
stays usable while its hosts are away. Source: node-bff.md §4.3, §9 (B19).
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakValueDictionary

import aiohttp
import structlog
from yarl import URL

from bff.atlassian.answers import read_at_most
from bff.errors import Kind, Problem

FETCHES_AT_ONCE = 8
LARGEST_KEY_BYTES = 16 * 1024
KEYS_MOST = 256
STRANGERS_MOST = 1024  # a list of their own: made-up names must not push keys out

_log = structlog.get_logger("bff.install_keys")
_KID = re.compile(r"[A-Za-z0-9_-]{1,128}")  # nothing else ever goes into an address
_PEM = re.compile(
    r"\s*-----BEGIN (?P<what>(?:RSA )?PUBLIC KEY)-----[A-Za-z0-9+/=\s]+-----END (?P=what)-----\s*"
)


@dataclass(frozen=True, slots=True)
class _Known:
    """*pem* is None for a name no host has. Believed until *fresh_until*."""

    pem: str | None
    fresh_until: float


class _Away(Exception):  # noqa: N818 - the house names what happened
    """A host that did not say whether it has the key."""


class InstallKeys:
    """*bases* are URLs to which `/<kid>` is appended. Seconds everywhere; *now* is monotonic.

    A key is asked for again after *fresh_s*, an unknown name after *unknown_s*, hosts that were
    away after *away_s*.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        bases: tuple[str, ...],
        *,
        now: Callable[[], float] | None = None,
        timeout_s: float = 5.0,
        fresh_s: float = 3600.0,
        unknown_s: float = 30.0,
        away_s: float = 2.0,
    ) -> None:
        self._session = session
        self._bases = tuple(base.rstrip("/") for base in bases)
        self._now = now or asyncio.get_running_loop().time
        self._timeout_s = timeout_s
        self._fresh_s, self._unknown_s, self._away_s = fresh_s, unknown_s, away_s
        self._keys: OrderedDict[str, _Known] = OrderedDict()
        self._strangers: OrderedDict[str, _Known] = OrderedDict()
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._fetches = asyncio.Semaphore(FETCHES_AT_ONCE)

    async def find(self, kid: str) -> str:
        """PEM text. Raises Problem(CALLER_AUTH) when no host has it, or none can say."""
        if _KID.fullmatch(kid) is None:
            raise _no_key()
        known = self._recall(kid)
        if known is None:
            lock = self._asking.setdefault(kid, asyncio.Lock())
            async with lock:
                known = self._recall(kid) or await self._ask(kid)
        if known.pem is None:
            raise _no_key()
        return known.pem

    def _recall(self, kid: str) -> _Known | None:
        known = self._keys.get(kid) or self._strangers.get(kid)
        return known if known is not None and self._now() < known.fresh_until else None

    async def _ask(self, kid: str) -> _Known:
        try:
            async with self._fetches:
                pem = await self._fetch(kid)
        except _Away:
            old = self._keys.get(kid)
            pem, fresh_s = (old.pem if old else None), self._away_s
        else:
            fresh_s = self._unknown_s if pem is None else self._fresh_s
        return self._remember(kid, _Known(pem, self._now() + fresh_s))

    def _remember(self, kid: str, known: _Known) -> _Known:
        here, there, most = self._keys, self._strangers, KEYS_MOST
        if known.pem is None:
            here, there, most = self._strangers, self._keys, STRANGERS_MOST
        there.pop(kid, None)
        here[kid] = known
        here.move_to_end(kid)
        if len(here) > most:
            here.popitem(last=False)
        return known

    async def _fetch(self, kid: str) -> str | None:
        """None when every host says that it has no such key."""
        away: _Away | None = None
        for base in self._bases:
            try:
                pem = await self._fetch_from(base, kid)
            except _Away as reason:
                _log.warning("install_key.unavailable", host=URL(base).host, reason=str(reason))
                away = reason
            else:
                if pem is not None:
                    return pem
        if away is not None:
            raise away
        return None

    async def _fetch_from(self, base: str, kid: str) -> str | None:
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._session.get(f"{base}/{kid}", allow_redirects=False) as response,
            ):
                if response.status != 200:
                    if _says_no(response.status):
                        return None
                    raise _Away(f"status {response.status}")
                body = await read_at_most(response, LARGEST_KEY_BYTES)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _Away(type(error).__name__) from error
        if body is None:
            raise _Away("its answer is too large")
        text = body.decode("ascii", "replace")
        if _PEM.fullmatch(text) is None:
            raise _Away("its answer is not a public key")
        return text


def _says_no(status: int) -> bool:
    """A store that hides its list says 403 for what it does not have."""
    return 400 <= status < 500 and status not in (408, 429)


def _no_key() -> Problem:
    return Problem(Kind.CALLER_AUTH, "Could not find the key that signed the JWT token")
