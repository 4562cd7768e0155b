"""Asker: one HTTP question at a time, and what came of it. Redirects are not followed."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp

from bff import __version__
from bff.dialects.json_text import read_json

ANSWER_S = 8.0  # for one HTTP answer
_BODY_MOST = 2**20  # a long list of models
_SENT = {"User-Agent": f"gptdock-bff/{__version__}", "Accept": "application/json"}


@dataclass(frozen=True, slots=True)
class Way:
    """What is asked, and as whom. With a *body* it is posted, as JSON; with a *form* as a form."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Seen:
    """An HTTP answer, or why there was none (*status* 0, *why* goes on after a name)."""

    status: int
    why: str = ""
    content_type: str = ""
    date: str = ""
    body: bytes = b""
    came: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def good(self) -> bool:
        return 200 <= self.status < 300

    @property
    def value(self) -> dict[str, Any]:
        """The body, where it is a JSON object; else an empty one."""
        return read_object(self.body)


class Asker:
    """*dated* is the first answer that said what time it was."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self.dated: Seen | None = None

    async def ask(self, way: Way) -> Seen:
        seen = await self._ask(way)
        if seen.date and self.dated is None:
            self.dated = seen
        return seen

    async def _ask(self, way: Way) -> Seen:
        method = "GET" if way.body is None and way.form is None else "POST"
        try:
            async with self._session.request(
                method,
                way.url,
                headers={**_SENT, **way.headers},
                allow_redirects=False,
                json=way.body,
                data=way.form,
            ) as answer:
                body = bytearray()
                while len(body) < _BODY_MOST and (piece := await answer.content.readany()):
                    body += piece
                date = answer.headers.get("Date", "")
                return Seen(answer.status, "", answer.content_type, date, bytes(body))
        except TimeoutError:
            return Seen(0, f"does not answer within {ANSWER_S:.0f} s")
        except aiohttp.ClientConnectorCertificateError:
            return Seen(0, "has a certificate we do not trust")
        except aiohttp.ClientConnectorDNSError:
            return Seen(0, "has a name that is not known")
        except aiohttp.ClientConnectorError:
            return Seen(0, "refuses connections")
        except aiohttp.ClientError:
            return Seen(0, "breaks off instead of answering")


@asynccontextmanager
async def open_session() -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=ANSWER_S)
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as web:
        yield web


def read_object(body: bytes) -> dict[str, Any]:
    try:
        value = read_json(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
