"""HostClient: calls to a tenant's own site, as the Connect app or as the Forge app.

Not a REST library: who calls knows path and JSON. An answer is a 2xx or a Problem in our words;
what the site said in an error goes nowhere. Redirects are followed within the site only, each with
a token made anew. Source: node-bff.md §4.7; Forge, "Calling Atlassian app APIs from a remote".
"""

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import structlog
from yarl import URL

from bff.atlassian.answers import read_at_most
from bff.connect.host_tokens import write_host_token
from bff.connect.host_urls import (
    HostBase,
    Parameters,
    read_host_base,
    read_redirect,
    write_target,
)
from bff.dialects.json_text import read_json
from bff.errors import Kind, Problem
from bff.policy.retry import read_retry_after
from bff.records import ForgeInvocation, Tenant

REDIRECTS_MOST = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FORGE_PRODUCT = "/wiki"  # below the apiBaseUrl; a Connect baseUrl has it already
_ONE_WORD = re.compile(r"[!-~]+")

_log = structlog.get_logger("bff.host")

Site = Tenant | ForgeInvocation


@dataclass(frozen=True, slots=True)
class HostAnswer:
    """A 2xx."""

    status: int
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """Raises Problem(UPSTREAM) when the body is not one JSON value."""
        try:
            return read_json(self.body)
        except ValueError as error:
            raise Problem(Kind.UPSTREAM, "The site's answer cannot be read.") from error


@dataclass(frozen=True, slots=True)
class _Road:
    """How a site is reached: its base, and what proves who asks for a target below it."""

    base: HostBase
    authorize: Callable[[str, str], str] = field(repr=False)


class HostClient:
    """*now* is seconds since 1970. *timeout_s* is for a whole call, redirects included; nothing of
    an answer longer than *answer_bytes* is used. Plain http in *development* only.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        app_key: str,
        version: str,
        development: bool,
        now: Callable[[], float],
        timeout_s: float = 10.0,
        answer_bytes: int = 2**20,
    ) -> None:
        self._session, self._app_key, self._now = session, app_key, now
        self._development = development
        self._timeout_s, self._answer_bytes = timeout_s, answer_bytes
        self._headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",  # what is counted is what was sent
            "User-Agent": f"gptdock-bff/{version} {app_key}",
        }

    async def get(self, site: Site, path: Iterable[str], parameters: Parameters = ()) -> HostAnswer:
        """*path* is the segments below the product's base, not encoded. Raises Problem, of kind
        NOT_FOUND for a 404.
        """
        try:
            road = self._road(site)
            target = road.base.path + _target(path, parameters)
            with _network_problems():
                async with asyncio.timeout(self._timeout_s):
                    return await self._get(road, target)
        except Problem as problem:
            if problem.kind is not Kind.NOT_FOUND:
                _log.warning("host.failed", kind=problem.kind.value, status=problem.status)
            raise

    def _road(self, site: Site) -> _Road:
        if isinstance(site, ForgeInvocation):
            bearer = site.system_token
            if bearer is None or _ONE_WORD.fullmatch(bearer) is None:
                raise Problem(Kind.UPSTREAM_AUTH, "The app has no token for the site.")
            base = self._base(site.api_base_url)
            below = HostBase(base.origin, base.path + _FORGE_PRODUCT)
            return _Road(below, lambda _method, _target: f"Bearer {bearer}")
        if not site.secrets:
            raise Problem(Kind.UPSTREAM_AUTH, "The app is not installed on the site.")

        def sign(method: str, target: str) -> str:
            now = int(self._now())
            return f"JWT {write_host_token(site, method, target, app_key=self._app_key, now=now)}"

        return _Road(self._base(site.base_url), sign)

    def _base(self, url: str) -> HostBase:
        base = read_host_base(url, plain_http=self._development)
        if base is None:
            raise Problem(Kind.UPSTREAM, "The site's address cannot be used.")
        return base

    async def _get(self, road: _Road, target: str) -> HostAnswer:
        for _ in range(1 + REDIRECTS_MOST):
            below = target.removeprefix(road.base.path)
            async with self._session.get(
                URL(road.base.origin + target, encoded=True),
                headers={**self._headers, "Authorization": road.authorize("GET", below)},
                allow_redirects=False,
            ) as response:
                if response.status not in _REDIRECTS:
                    return await self._read(response)
                led = read_redirect(road.base, target, response.headers.get("Location", ""))
            if led is None:
                raise Problem(Kind.UPSTREAM, "The site led elsewhere.", status=response.status)
            target = led
        raise Problem(Kind.UPSTREAM, "The site led round in a circle.")

    async def _read(self, response: aiohttp.ClientResponse) -> HostAnswer:
        if not 200 <= response.status < 300:
            raise _refusal(response)
        body = await read_at_most(response, self._answer_bytes)
        if body is None:
            raise Problem(Kind.UPSTREAM, "The site's answer is too large.")
        return HostAnswer(response.status, body)


def _target(path: Iterable[str], parameters: Parameters) -> str:
    try:
        return write_target(path, parameters)
    except ValueError as error:
        raise Problem(Kind.BAD_REQUEST, "There is no such address on the site.") from error


@contextmanager
def _network_problems() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise Problem(Kind.TIMEOUT, "The site did not answer in time.") from error
    except (aiohttp.ClientError, OSError) as error:
        raise Problem(Kind.CONNECTION, "The site could not be reached.") from error


def _refusal(response: aiohttp.ClientResponse) -> Problem:
    status = response.status
    kind, public = Kind.UPSTREAM, "The site could not answer."
    if status == 404:
        kind, public = Kind.NOT_FOUND, "The site has nothing there."
    elif status in (401, 403):
        kind, public = Kind.UPSTREAM_AUTH, "The site refused the app."
    elif status == 429:
        kind, public = Kind.UPSTREAM_RATE_LIMIT, "The site is asked too often."
    return Problem(kind, public, status=status, retry_after=read_retry_after(response.headers))
