"""The gateway's way to a provider, over the socket: attempts, time limit, whose headers go on.

Not what the gateway says itself. Source: gateway.md §2, §3.
"""

import asyncio
from collections.abc import Mapping
from io import BytesIO

import aiohttp
import orjson
from multidict import CIMultiDict
from yarl import URL

from bff.simulators.gateway.call import Call
from bff.simulators.gateway.words import GatewayRefusal
from bff.simulators.wire import wait

_HOP_BY_HOP = frozenset(
    {
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_OWN_BACK = frozenset({"date", "server"})  # the gateway has its own
_STREAMING = frozenset({"stream", "stream_options"})
_GROWTH = {"linear": lambda tried: tried, "exponential": lambda tried: 1 << tried - 1}


class ProviderBrokeError(Exception):
    """The provider's answer ended before its end."""


async def ask(
    session: aiohttp.ClientSession, base_url: str, call: Call, stored_key: str | None
) -> aiohttp.ClientResponse:
    """The provider's answer, after as many attempts as the caller allows; the last of several waits
    without a limit. Raises GatewayRefusal 2005 when there is none.
    """
    attempts = call.number("cf-aig-max-attempts", least=1, most=5) or 1
    budget_ms = call.number("cf-aig-request-timeout", least=1, most=10**8)
    for tried in range(1, attempts + 1):
        limited = budget_ms is not None and not tried == attempts > 1
        upstream = await _try(session, base_url, call, stored_key, budget_ms if limited else None)
        if upstream is not None and (upstream.status < 500 or tried == attempts):
            return upstream
        if upstream is not None:
            upstream.close()
        if tried < attempts:
            await wait(_pause_s(call, tried))
    raise GatewayRefusal(2005)


async def some(upstream: aiohttp.ClientResponse) -> bytes:
    """The next bytes of a stream, empty at its end. Raises ProviderBrokeError."""
    try:
        return await upstream.content.readany()
    except aiohttp.ClientError as error:
        raise ProviderBrokeError from error


async def everything(upstream: aiohttp.ClientResponse) -> bytes:
    """The whole body. Raises ProviderBrokeError."""
    try:
        return await upstream.read()
    except aiohttp.ClientError as error:
        raise ProviderBrokeError from error


def passed_back(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """The provider's headers, as the caller gets them."""
    return CIMultiDict(
        (name, value)
        for name, value in headers.items()
        if name.lower() not in _HOP_BY_HOP and name.lower() not in _OWN_BACK
    )


async def _try(
    session: aiohttp.ClientSession,
    base_url: str,
    call: Call,
    stored_key: str | None,
    budget_ms: int | None,
) -> aiohttp.ClientResponse | None:
    """One attempt; None when it came to nothing."""
    try:
        async with asyncio.timeout(None if budget_ms is None else budget_ms / 1000):
            return await session.request(
                call.method,
                URL(base_url + call.endpoint, encoded=True),
                data=BytesIO(_body(call)) if call.body else None,
                headers=_passed_on(call, stored_key),
                allow_redirects=False,
            )
    except (TimeoutError, aiohttp.ClientError):
        return None


def _body(call: Call) -> bytes:
    """The caller's own; in guardrails mode the answer is wanted in one piece."""
    if not (call.fault.json and call.streams):
        return call.body
    return orjson.dumps({name: v for name, v in call.asked.items() if name not in _STREAMING})


def _passed_on(call: Call, stored_key: str | None) -> CIMultiDict[str]:
    """The caller's headers without Cloudflare's own; with a stored key where it sent none."""
    headers = CIMultiDict(
        (name, value)
        for name, value in call.headers.items()
        if name.lower() not in _HOP_BY_HOP and not name.lower().startswith("cf-")
    )
    if stored_key is not None and "Authorization" not in headers:
        headers["Authorization"] = f"Bearer {stored_key}"
    return headers


def _pause_s(call: Call, tried: int) -> float:
    delay_ms = call.number("cf-aig-retry-delay", least=0, most=5000) or 0
    grown = _GROWTH.get(call.headers.get("cf-aig-backoff", ""))
    return delay_ms / 1000 * (grown(tried) if grown else 1)
