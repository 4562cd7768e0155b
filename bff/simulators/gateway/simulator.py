"""GatewaySimulator: Cloudflare's AI Gateway in front of the provider simulators, over the socket.

`<prefix>/[v1/]<account>/<gateway>/<provider>/...` goes to that provider with its own headers and
body; logs and feedback live under `<prefix>/client/v4/...`. No analytics. Source: gateway.md §12.

Faults (faults.py) address the gateway with `gateway`: `gateway=2003` is an AiGatewayError of that
code, `gateway-status=524` an error of the edge (a page; 403 is plain text, with `gateway-empty` no
body), `gateway-json` guardrails mode (a stream comes as one completion), `gateway-burst` response
scanning (a stream comes in one piece), and `gateway-hang`, `-hang-after`, `-cut-after`, `-reset`,
`-delay-ms`, `-split` and the others do what they do at the provider. What is said without `gateway`
is the provider's: the gateway forwards it untouched and does nothing itself. Faults queued at
`<prefix>/_faults` are the gateway's already and are written without the word: `code=2003`.
"""

import secrets
import time  # noqa: TID251 - a vendor has a clock of its own
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from aiohttp import web
from multidict import CIMultiDict

from bff.simulators.faults import (
    HEADER,
    NO_FAULTS,
    NONE,
    Fault,
    WrongFaultError,
    find_faults,
    last_question,
    plain_model,
)
from bff.simulators.gateway.call import Call
from bff.simulators.gateway.logs import LogEntry, LogStore
from bff.simulators.gateway.upstream import (
    ProviderBrokeError,
    ask,
    everything,
    passed_back,
    some,
)
from bff.simulators.gateway.words import (
    AFTER_THE_PROVIDER,
    GUARDRAILS_OR_DLP,
    WITHOUT_LOG,
    GatewayRefusal,
    cache_key,
    edge_page,
    findings,
    log_id,
    read_cost,
    read_metadata,
)
from bff.simulators.stage import Stage
from bff.simulators.wire import FaultQueue, Line, Written

_LOG_LAG_S = 0.5  # how long a streamed call's log cannot be found
_MONTH_S = 2_592_000
_MARK = b"gateway"  # a body without it holds no fault of ours


@dataclass(frozen=True, slots=True)
class _Kept:
    """A cached answer."""

    headers: CIMultiDict[str]
    body: bytes
    until: float


class GatewaySimulator:
    """One account's gateways. *token* switches authentication on; *gateways* exist (None: all but
    `unknown`); *providers* by their name in the path; *stored_keys* by alias (BYOK);
    *cache_ttl_s* and *collect_logs* are the gateway's settings; *api_token* opens the logs' API.

    For tests: `faults` for the next requests, `logs` with newest last, `calls` that came.
    """

    def __init__(
        self,
        *,
        token: str | None = None,
        gateways: Collection[str] | None = None,
        providers: Mapping[str, str] | None = None,
        stored_keys: Mapping[str, str] | None = None,
        cache_ttl_s: int = 0,
        collect_logs: bool = True,
        api_token: str | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.token, self.gateways = token, gateways
        self.providers = dict(providers or {})
        self.stored_keys = dict(stored_keys or {})
        self.cache_ttl_s, self.collect_logs = cache_ttl_s, collect_logs
        self.faults = FaultQueue()
        self.logs = LogStore(now, token=api_token)
        self.written = Written()
        self.calls = 0
        self._now = now
        self._cache: dict[str, _Kept] = {}
        self._session: aiohttp.ClientSession | None = None

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                *self.faults.routes(),
                *self.logs.routes(),
                web.route(
                    "*", "/{version:v1}/{account}/{gateway}/{provider}{rest:/.*}", self._pass
                ),
                web.route("*", "/{account}/{gateway}/{provider}{rest:/.*}", self._pass),
            ]
        )
        app.cleanup_ctx.append(self._open_session)
        return app

    async def _open_session(self, _: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        ) as self._session:
            yield

    # --- one call ------------------------------------------------------------------------------

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        self.calls += 1
        call = self._read(request, await request.read())
        line = Line(request, self.written)
        if call.fault is not NONE:
            response = await _edge_answer(line, call)
            if response is not None:
                return response
        started = self._now()
        call.entry.created_at = started
        try:
            self._admit(call)
            return await self._answer(line, call)
        except GatewayRefusal as refusal:
            return self._refused(call, refusal)
        finally:
            self._log(call, self._now() - started)

    def _read(self, request: web.Request, body: bytes) -> Call:
        place, headers = request.match_info, request.headers
        query = f"?{request.query_string}" if request.query_string else ""
        asked = _json(body)
        entry = LogEntry(
            id=log_id(int(self._now() * 1000), secrets.randbits(80)),
            account=place["account"],
            gateway=place["gateway"],
            provider=place["provider"],
            model=plain_model(_model(asked)),
            path=place["rest"].lstrip("/"),
            request_type=request.content_type,
            metadata=read_metadata(headers.get("cf-aig-metadata")),
        )
        return Call(
            request.method,
            entry.account,
            entry.gateway,
            entry.provider,
            place["rest"] + query,
            headers,
            body,
            self._fault(headers, body, asked),
            entry,
            {
                "cf-ray": f"{secrets.token_hex(8)}-SIM",
                "cf-aig-request-id": str(uuid.uuid4()),
                "cf-aig-event-id": headers.get("cf-aig-event-id") or str(uuid.uuid4()),
                "Server": "cloudflare",
            },
            asked,
        )

    def _fault(self, headers: Mapping[str, str], body: bytes, asked: object) -> Fault:
        queued = self.faults.take()
        if queued is not None:
            return queued
        header = headers.get(HEADER)
        if header is None and _MARK not in body:
            return NONE
        said = asked if isinstance(asked, dict) else {}
        question = last_question(said.get("messages", said.get("input")))
        try:
            return find_faults(header=header, model=_model(asked), question=question).gateway
        except WrongFaultError:
            return NO_FAULTS.gateway  # the provider says what is wrong with it

    def _admit(self, call: Call) -> None:
        known = (
            call.gateway != "unknown" if self.gateways is None else call.gateway in self.gateways
        )
        if not known:
            raise GatewayRefusal(2001)
        given = call.headers.get("cf-aig-authorization")
        if self.token is not None and given != f"Bearer {self.token}":
            raise GatewayRefusal(2009)
        if call.provider not in self.providers:
            raise GatewayRefusal(2008)
        alias = call.headers.get("cf-aig-byok-alias")
        if alias is not None and alias not in self.stored_keys:
            raise GatewayRefusal(2040)
        code = _internal_code(call.fault)
        if code is not None and code not in AFTER_THE_PROVIDER:
            raise GatewayRefusal(code, call.fault.status)

    async def _answer(self, line: Line, call: Call) -> web.StreamResponse:
        ttl = self._ttl(call)
        key = self._cache_key(call) if ttl else ""
        kept = self._cache.get(key)
        if kept is not None and kept.until > self._now():
            call.entry.cached, call.entry.status_code = True, 200
            return self._whole(call, 200, kept.headers, kept.body, cache="HIT")
        assert self._session is not None, "open while the application runs"  # noqa: S101 - see app()
        alias = call.headers.get("cf-aig-byok-alias", "default")
        stored_key = self.stored_keys.get(alias)
        upstream = await ask(self._session, self.providers[call.provider], call, stored_key)
        try:
            code = _internal_code(call.fault)
            if code is not None:
                await everything(upstream)
                raise GatewayRefusal(code, call.fault.status)
            call.entry.status_code = upstream.status
            if upstream.content_type == "text/event-stream":
                return await self._relay(line, call, upstream)
            body = await everything(upstream)
            call.note(body)
            headers = passed_back(upstream.headers)
            if ttl and upstream.status == 200:
                self._cache[key] = _Kept(headers, body, self._now() + ttl)
            cache = "MISS" if ttl else None
            return self._whole(call, upstream.status, headers, body, cache=cache)
        except ProviderBrokeError:
            if line.begun:
                await line.reset()
            raise GatewayRefusal(2005) from None
        finally:
            upstream.close()

    # --- towards the caller --------------------------------------------------------------------

    async def _relay(
        self, line: Line, call: Call, upstream: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        headers = passed_back(upstream.headers)
        headers.update(self._head(call))
        if call.fault.shapes_frames:
            return await _staged(line, call, upstream, headers)
        await line.begin(upstream.status, headers)
        while data := await some(upstream):
            call.note(data)
            await line.write(data)
        return await line.end()

    def _whole(
        self,
        call: Call,
        status: int,
        headers: CIMultiDict[str],
        body: bytes,
        *,
        cache: str | None,
    ) -> web.Response:
        headers = headers.copy()
        headers.update(self._head(call))
        if cache is not None:
            headers["cf-aig-cache-status"] = cache
        return web.Response(status=status, body=body, headers=headers)

    def _refused(self, call: Call, refusal: GatewayRefusal) -> web.Response:
        call.entry.status_code = refusal.http_status
        call.turned_away = refusal.http_status in WITHOUT_LOG
        headers = self._head(call)
        if refusal.code in GUARDRAILS_OR_DLP:
            headers["cf-aig-dlp"] = findings(refusal.code)
        body = orjson.dumps(refusal.body)
        return web.Response(
            status=refusal.http_status, body=body, headers=headers, content_type="application/json"
        )

    def _head(self, call: Call) -> dict[str, str]:
        headers = {**call.own_headers, "cf-aig-step": "0"}
        if self._logged(call):
            headers["cf-aig-log-id"] = call.entry.id
        return headers

    # --- cache and log -------------------------------------------------------------------------

    def _ttl(self, call: Call) -> int:
        """Seconds to keep the answer; 0 keeps it out of the cache's way."""
        if call.streams or call.method != "POST":
            return 0
        if call.flag("cf-aig-skip-cache", call.flag("cf-skip-cache", False)):
            return 0
        asked = call.number("cf-aig-cache-ttl", least=60, most=_MONTH_S)
        asked = asked or call.number("cf-cache-ttl", least=60, most=_MONTH_S)
        keyed = 300 if "cf-aig-cache-key" in call.headers else 0
        return asked or self.cache_ttl_s or keyed

    def _cache_key(self, call: Call) -> str:
        own = call.headers.get("cf-aig-cache-key")
        if own is not None:
            return f"own:{own}"
        authorization = call.headers.get("Authorization", "")
        return cache_key(call.provider, call.endpoint, authorization, call.body)

    def _logged(self, call: Call) -> bool:
        return not call.turned_away and call.flag("cf-aig-collect-log", self.collect_logs)

    def _log(self, call: Call, took_s: float) -> None:
        entry = call.entry
        if not self._logged(call):
            return
        entry.success = 200 <= entry.status_code < 300
        entry.duration = round(took_s * 1000)
        if not entry.cached:
            entry.tokens_in, entry.tokens_out = call.tokens
            cost = read_cost(call.headers.get("cf-aig-custom-cost"), *call.tokens)
            entry.custom_cost, entry.cost = cost is not None, cost or 0.0
        if call.flag("cf-aig-collect-log-payload", True):
            entry.request_body, entry.response_body = call.body, bytes(call.seen)
        entry.visible_at = self._now() + (_LOG_LAG_S if call.streams else 0)
        self.logs.append(entry)


async def _edge_answer(line: Line, call: Call) -> web.Response | None:
    """What happens before the gateway's own doors: silence, resets, and Cloudflare's edge."""
    fault, ray = call.fault, call.own_headers["cf-ray"]
    headers = {"cf-ray": ray, "Server": "cloudflare"}
    await line.break_before_headers(fault)
    if _internal_code(fault) is not None:
        return None
    if fault.code or fault.status == 403:
        text = f"error code: {fault.code or 1010}"
        return web.Response(status=fault.status or 403, text=text, headers=headers)
    if fault.status is not None or fault.html:
        page = "" if fault.empty else edge_page(fault.status or 200, ray)
        return web.Response(
            status=fault.status or 200, text=page, headers=headers, content_type="text/html"
        )
    if fault.empty:
        return web.Response(headers=headers, content_type="text/event-stream")
    return None


def _internal_code(fault: Fault) -> int | None:
    """The AiGatewayError that was ordered; 10xx are the edge's, in plain text."""
    if not fault.code.isdecimal() or fault.code.startswith("10"):
        return None
    return int(fault.code)


async def _staged(
    line: Line, call: Call, upstream: aiohttp.ClientResponse, headers: CIMultiDict[str]
) -> web.StreamResponse:
    stage = Stage(call.fault)
    if call.fault.burst:  # scanned as a whole: not even headers before its end
        whole = await everything(upstream)
        call.note(whole)
        await line.begin(upstream.status, headers)
        acts = [act for frame in _split(whole) for act in stage.feed(frame)]
        await line.play(acts + stage.close())
        return await line.end()
    await line.begin(upstream.status, headers)
    rest = b""
    while not stage.over and (data := await some(upstream)):
        call.note(data)
        *frames, rest = _split(rest + data, keep_rest=True)
        for frame in frames:
            await line.play(stage.feed(frame))
    if rest:
        await line.play(stage.feed(rest))
    await line.play(stage.close())
    return await line.end()


def _split(data: bytes, *, keep_rest: bool = False) -> list[bytes]:
    """Frames with the blank line that ends them; last, with *keep_rest*, what has no end yet."""
    *whole, rest = data.split(b"\n\n")
    frames = [frame + b"\n\n" for frame in whole]
    return [*frames, rest] if keep_rest or rest else frames


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body) if body else None
    except ValueError:
        return None


def _model(asked: object) -> str:
    """The model the body names, faults and all; empty where there is none."""
    model = asked.get("model") if isinstance(asked, dict) else None
    return model if isinstance(model, str) else ""
