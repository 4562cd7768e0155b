"""TokenHolder: the access token that Salesforce's Models API wants, one for all questions.

In memory only, and in no text that anybody prints. It is fetched before the old one ends, by one
of those who need it, whose own task does the work; the others wait for what becomes of it. Whoever
fetches and leaves is succeeded by one of them. Source: providers.md §4 (Token).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from bff.dialects import salesforce
from bff.dialects.salesforce import Token
from bff.errors import Kind, Problem, Sign
from bff.policy.deadline import Timers
from bff.providers._http import Dialect, Endpoint, ask
from bff.providers._vendor import USER_AGENT

_ANSWER_MOST = 64 * 1024  # bytes; more is not read
_HEADERS = {
    "Content-Type": "application/x-www-form-urlencoded",
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": USER_AGENT,
}


@dataclass(slots=True)
class _Fetch:
    """One under way. Over with neither token nor problem, whoever fetched has left."""

    over: asyncio.Event = field(default_factory=asyncio.Event)
    token: Token | None = field(default=None, repr=False)
    problem: Problem | None = None


class TokenHolder:
    """*instance_url* has no slash at its end; *now* gives seconds since 1970; one fetch may take
    *timeout_s*.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        instance_url: str,
        key: str,
        secret: str,
        now: Callable[[], float],
        timeout_s: float = 10.0,
    ) -> None:
        self._session, self._now, self._timeout_s = session, now, timeout_s
        self._url = URL(f"{instance_url}/services/oauth2/token")
        self._form = salesforce.write_token_request(key, secret)
        self._token: Token | None = None
        self._fetch: _Fetch | None = None

    async def find(self, *, deadline: float, instead_of: str = "") -> str:
        """A token that is fresh, and not *instead_of*, which was refused. *deadline* is on the
        loop's clock. Raises Problem; a failure is shared by those who wait, and not remembered.
        """
        try:
            async with asyncio.timeout_at(deadline):
                return (await self._fresh(instead_of)).value
        except TimeoutError as error:
            raise _too_slow() from error

    async def _fresh(self, refused: str) -> Token:
        while True:
            token = self._token
            if token is not None and token.value != refused and self._now() < token.fresh_until:
                return token
            fetch = self._fetch
            if fetch is None:
                return await self._renew()
            await fetch.over.wait()
            if fetch.problem is not None:
                raise _again(fetch.problem)
            if fetch.token is not None:
                return fetch.token

    async def _renew(self) -> Token:
        fetch = self._fetch = _Fetch()
        try:
            self._token = fetch.token = await self._ask()
            return fetch.token
        except Problem as problem:
            fetch.problem = problem
            raise
        finally:
            self._fetch = None
            fetch.over.set()

    async def _ask(self) -> Token:
        """Once. Raises Problem."""
        until = asyncio.get_running_loop().time() + self._timeout_s
        try:
            async with asyncio.timeout_at(until):
                return salesforce.read_token(await self._answer(until), now=self._now())
        except TimeoutError as error:
            raise _too_slow() from error

    async def _answer(self, until: float) -> bytes:
        response = await ask(
            self._session,
            Endpoint(self._url, CIMultiDict(_HEADERS)),
            self._form,
            dialect=_REFUSALS,
            timers=Timers(first_byte=self._timeout_s, idle=self._timeout_s),
            deadline=until,
        )
        try:
            answer = bytearray()
            while len(answer) < _ANSWER_MOST and (piece := await response.content.readany()):
                answer += piece
            return bytes(answer)
        except aiohttp.ClientError as error:
            public = "The AI service could not be reached. Please try again."
            raise Problem(Kind.CONNECTION, public, sign=Sign.UNREACHABLE) from error
        finally:
            response.close()


_REFUSALS = Dialect(
    open_reader=None,
    read_whole=lambda _: [],
    read_refusal=lambda status, _, data, wait: salesforce.read_token_refusal(
        status, data, retry_after=wait
    ),
    not_an_answer=salesforce.not_an_answer,
)


def _again(problem: Problem) -> Problem:
    """The same for one more of those who waited: an exception is raised in one place only."""
    again = Problem(
        problem.kind,
        problem.public,
        retry_after=problem.retry_after,
        status=problem.status,
        sign=problem.sign,
    )
    for note in getattr(problem, "__notes__", ()):
        again.add_note(note)
    return again


def _too_slow() -> Problem:
    public = "The AI service took too long to answer. Please try again."
    return Problem(Kind.TIMEOUT, public, sign=Sign.NO_FIRST_BYTE)
