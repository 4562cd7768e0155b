"""One request over the wire, and whatever comes of it as an Answer: silence and a broken connection
are answers to compare, not errors.

Source: node-bff.md §9 (B7, B10: the Node app leaves requests without an answer or an end).
"""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import hdrs
from aiohttp.http_exceptions import ContentEncodingError
from yarl import URL

from bff import __version__
from bff.compare.outcome import End
from bff.compare.prepare import Wire
from bff.compare.reading import Answer

LIMIT_S = 10.0  # for the head of an answer, and again for each piece of its body
TOTAL_S = 120.0
BODY_MOST = 8 * 2**20
_LONGEST_FIELD = 64 * 2**10  # what one of the two sends must be readable, whatever its own limit
_CONNECT_S = 5.0
_LARGE = 2**20


@asynccontextmanager
async def open_sender(connections: int = 1) -> AsyncIterator["Sender"]:
    """A connection for each request, so that no answer depends on the one before."""
    connector = aiohttp.TCPConnector(limit=2 * connections, force_close=True)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S),
        max_line_size=_LONGEST_FIELD,
        max_field_size=_LONGEST_FIELD,
        skip_auto_headers=(hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.CONTENT_TYPE),
        headers={"User-Agent": f"gptdock-bff/{__version__} compare"},
        trust_env=False,
    ) as session:
        # A GET whose connection breaks would be sent again: twice what ends the Node app's process.
        session._retry_connection = False
        yield Sender(session)


class Sender:
    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def send(self, url: str, wire: Wire, limit_s: float = LIMIT_S) -> Answer:
        """*url* is the service's, without a slash at its end. Never raises for what it does."""
        head: aiohttp.ClientResponse | None = None
        body = bytearray()
        end = End.COMPLETE
        try:
            async with asyncio.timeout(limit_s):
                head = await self._session.request(
                    wire.method,
                    URL(url + wire.target, encoded=True),
                    headers=wire.headers,
                    data=_body(wire),
                    allow_redirects=False,
                )
            async with asyncio.timeout(TOTAL_S):
                await _read(head, body, limit_s)
        except TimeoutError:
            end = End.SILENT if head is None else End.UNFINISHED
        except aiohttp.ClientConnectorError:
            end = End.NO_CONNECTION
        except (aiohttp.ClientError, ConnectionError) as error:
            end = End.GARBLED if _is_garbled(error) else End.CUT
        finally:
            if head is not None:
                head.close()
        if head is None:
            return Answer(end)
        headers = tuple((_text(name), _text(value)) for name, value in head.raw_headers)
        return Answer(end, head.status, headers, bytes(body))


async def _read(head: aiohttp.ClientResponse, body: bytearray, limit_s: float) -> None:
    while len(body) < BODY_MOST:
        async with asyncio.timeout(limit_s):
            piece = await head.content.readany()
        if not piece:
            return
        body += piece


def _body(wire: Wire) -> bytes | io.BytesIO | None:
    """A large one is sent piece by piece, as aiohttp asks for."""
    if wire.body is None or len(wire.body) <= _LARGE:
        return wire.body
    return io.BytesIO(wire.body)


def _is_garbled(error: BaseException) -> bool:
    """Whether what came is not what HTTP or the body's own coding allow."""
    wrong = (aiohttp.ClientResponseError, ContentEncodingError)
    return isinstance(error, wrong) or isinstance(error.__cause__, wrong)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")
