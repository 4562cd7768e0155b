"""SalesforceSimulator: the Models API and its token endpoint over a real socket, with the embedded
model behind them.

Not Salesforce: nothing is filtered, and nobody is counted. It never streams, whatever it is asked.
Faults: faults.py; of a frame it has one, the body. Source: providers.md §4, §10.
"""

import asyncio
import time  # noqa: TID251 - a vendor has a clock of its own
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import orjson
from aiohttp import web

from bff.simulators import embedded_model
from bff.simulators.faults import (
    HEADER,
    Fault,
    WrongFaultError,
    find_faults,
    plain_model,
)
from bff.simulators.pen import SeenRequest
from bff.simulators.plain_talk import Asked, answer, read_turns
from bff.simulators.salesforce.checks import (
    Manners,
    check_body,
    check_headers,
    check_model,
    contaminated,
)
from bff.simulators.salesforce.tokens import TokenRefusedError, Tokens
from bff.simulators.salesforce.wire import Refusal, Said, chat_answer, error, text_answer
from bff.simulators.stage import Deed
from bff.simulators.stand_in import StandIn
from bff.simulators.vendor import Vendor
from bff.simulators.wire import FaultQueue, Line, wait

_API = "/einstein/platform/v1"
_TYPE = "application/json;charset=utf-8"
_SHAPES = {"chat-generations": chat_answer, "generations": text_answer}
_CODES: Mapping[int, str] = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    429: "LIMIT_EXCEEDED",
    503: "SERVICE_UNAVAILABLE",
}
_PAGE = "<!DOCTYPE html><html><head><title>Oops</title></head><body><h1>Oops</h1></body></html>"


class SalesforceSimulator(Vendor):
    """One org. *delay_s* is waited before an answer.

    For tests, besides what every Vendor has: `text`, when set, is what is answered; `bill` says
    what each answer used; `feedback` is what was said of them; `token_faults` are for the next
    requests for a token, of which `token_requests` are seen, and `hold_tokens()` lets none be
    answered. Switches: `tokens` and `manners`, and of an answer `success_status` (200, 201),
    `usage_style` (snake, camel, none), `error_list`, `toxic`, `reason`, and the `family` of the
    model by its tool markup.
    """

    def __init__(
        self,
        *,
        delay_s: float = 0.0,
        key: str = "key",
        secret: str = "secret",  # noqa: S107 - nobody's
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(lambda reason: (_last_words(reason),))
        self.delay_s = delay_s
        self.tokens, self.manners = Tokens(key, secret, now), Manners()
        self.token_faults = FaultQueue()
        self.token_requests = 0
        self.token_asked = asyncio.Event()
        self.text: str | None = None
        self.bill: list[dict[str, Any]] = []
        self.feedback: list[dict[str, Any]] = []
        self.success_status, self.usage_style = 200, "snake"
        self.error_list = self.toxic = False
        self.reason, self.family = "stop", "asked"
        self._may_give = asyncio.Event()
        self._may_give.set()
        self._now, self._numbers = now, count(1)

    def hold_tokens(self) -> None:
        """From now on nobody gets one."""
        self._may_give.clear()

    def release_tokens(self) -> None:
        self._may_give.set()

    # --- what it serves ------------------------------------------------------------------------

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.post("/services/oauth2/token", self._give_token),
                web.post(f"{_API}/models/{{model}}/{{endpoint}}", self._generate),
                web.post(f"{_API}/feedback", self._take_feedback),
                *self.faults.routes(),
                web.route("*", "/{path:.*}", self._no_such_url),
            ]
        )
        app.on_shutdown.append(self.close)
        return app

    async def _give_token(self, request: web.Request) -> web.StreamResponse:
        """Not one of `requests`: those are questions."""
        self.token_requests += 1
        self.token_asked.set()
        body = await request.text()
        fault = self.token_faults.take()
        with self.answer(request) as line:
            if fault is not None:
                await line.break_before_headers(fault)
            await self._may_give.wait()
            if fault is not None and fault.status is not None:
                refused = {"error": fault.code or "server_error", "error_description": "Simulated."}
                headers = _retry_after(fault)
                return web.json_response(refused, status=fault.status, headers=headers)
            if fault is not None and (fault.html or fault.empty):
                return web.Response(text=_PAGE if fault.html else "", content_type="text/html")
            origin = str(request.url.origin())
            try:
                return web.json_response(self.tokens.give(request.content_type, body, origin))
            except TokenRefusedError as refusal:
                return web.json_response(refusal.body, status=400)

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        seen = await self.see(request)
        with self.answer(request) as line:
            if self.held:
                return await self.new_pen(seen).hold(line)
            try:
                return await self._answer(line, request, seen)
            except Refusal as refusal:
                return self._refused(refusal)

    async def _take_feedback(self, request: web.Request) -> web.StreamResponse:
        try:
            self.tokens.check(request.headers.get("Authorization"))
            check_headers(request.headers, self.manners)
            said = orjson.loads(await request.read())
            if not (isinstance(said, dict) and said.get("generationId")):
                raise Refusal(400, error("BAD_REQUEST", "generationId is required."))
            if said.get("feedback") not in ("GOOD", "BAD"):
                raise Refusal(400, error("BAD_REQUEST", "feedback must be GOOD or BAD."))
        except Refusal as refusal:
            return self._refused(refusal)
        except ValueError:
            return self._refused(Refusal(400, error("BAD_REQUEST", "The body is not JSON.")))
        self.feedback.append(said)
        told = {"message": "Successfully processed.", "feedbackId": f"f-{next(self._numbers)}"}
        return web.json_response(told, status=201)

    async def _no_such_url(self, request: web.Request) -> web.StreamResponse:
        return self._refused(Refusal(404, error("NOT_FOUND", "There is no such resource.")))

    # --- the answer ----------------------------------------------------------------------------

    async def _answer(
        self, line: Line, request: web.Request, seen: SeenRequest
    ) -> web.StreamResponse:
        endpoint, name = request.match_info["endpoint"], request.match_info["model"]
        asked, fault = self._read(request, endpoint, name, seen.json)
        await line.break_before_headers(fault)
        if fault.status is not None or fault.quota:
            return self._refused(_ordered_refusal(fault), headers=_retry_after(fault))
        if fault.html:
            return web.Response(text=_PAGE, content_type="text/html")
        await wait(self.delay_s + (fault.frame_delay_ms or 0) / 1000)
        if fault.endless is not None:
            await self._endless(line, fault.endless)
        if contaminated(seen.json):
            return self._contaminated(asked, fault)
        value = self._value(endpoint, plain_model(name), seen.json, asked, fault)
        return await self._deliver(line, b"" if fault.empty else orjson.dumps(value), fault)

    def _read(
        self, request: web.Request, endpoint: str, name: str, body: Any
    ) -> tuple[Asked, Fault]:
        if endpoint not in _SHAPES:
            raise Refusal(404, error("NOT_FOUND", "There is no such resource."))
        self.tokens.check(request.headers.get("Authorization"))
        check_headers(request.headers, self.manners)
        check_model(plain_model(name), self.manners)
        if request.content_type != "application/json":
            raise Refusal(400, error("BAD_REQUEST", "The body must be JSON."))
        spoiled = contaminated(body)
        asked = Asked("") if spoiled else read_turns(check_body(endpoint, body, self.manners))
        try:
            header = request.headers.get(HEADER)
            told = find_faults(header=header, model=name, question=asked.question)
        except WrongFaultError as wrong:
            raise Refusal(400, error("WRONG_SIMULATION", str(wrong))) from wrong
        return asked, self.faults.take() or told.provider

    def _value(
        self, endpoint: str, model: str, body: Any, asked: Asked, fault: Fault
    ) -> dict[str, Any] | list[dict[str, Any]]:
        if fault.error_object:
            wrong = error("INTERNAL_ERROR", "Simulated error.")
            return [wrong] if self.error_list else wrong
        text = answer(asked, fault, text=self.text, family=self.family)
        spent = embedded_model.count_tokens(_spoken(body)), embedded_model.count_tokens(text)
        prompt, completion = spent
        self.bill.append({"model": model, "prompt_tokens": prompt, "completion_tokens": completion})
        untold = fault.no_usage or self.usage_style == "none"
        said = Said(
            text,
            number=next(self._numbers),
            model=model,
            created=int(self._now()),
            reason=self.reason,
            toxic=self.toxic,
            spent=None if untold else spent,
            usage_style=self.usage_style,
        )
        generations = None if fault.no_choices else 0 if fault.empty_choices else 1
        return _SHAPES[endpoint](said, generations=generations)

    async def _deliver(self, line: Line, body: bytes, fault: Fault) -> web.StreamResponse:
        """The body, whole or not, in one write or many."""
        headers = {"Content-Type": _TYPE}
        half = body[: len(body) // 2]
        if fault.cut_after is not None or fault.hang_after is not None:
            await line.begin(self.success_status, headers | {"Content-Length": str(len(body))})
            await line.write(half)
            await line.act(Deed.CUT if fault.cut_after is not None else Deed.HANG)
        if fault.not_json or fault.bad_line_after is not None or fault.end_after is not None:
            body = half
        if fault.split:
            await line.begin(self.success_status, headers)
            await line.play(body[i : i + 1] for i in range(len(body)))
            return await line.end()
        return web.Response(body=body, status=self.success_status, headers=headers)

    def _contaminated(self, asked: Asked, fault: Fault) -> web.Response:
        """What comes of a request that carries tools: something, but no answer's object."""
        if self.manners.contaminated == "error":
            return self._refused(Refusal(400, error("BAD_REQUEST", "Request is malformed.")))
        text = answer(asked, fault, text=self.text, family=self.family)
        return web.Response(body=orjson.dumps(text), headers={"Content-Type": _TYPE})

    async def _endless(self, line: Line, size: int) -> None:
        """A text for ever, as fast as its reader reads."""
        loop = asyncio.get_running_loop()
        await line.begin(self.success_status, {"Content-Type": _TYPE})
        await line.write(b'{"generation":{"generatedText":"')
        while True:
            loop.call_soon(self._look, line)  # while the write waits for the reader
            await line.write(b"x" * max(1, size))
            await wait(0)

    def _look(self, line: Line) -> None:
        if line.blocked:
            self.blocked.set()

    def _refused(
        self, refusal: Refusal, *, headers: Mapping[str, str] | None = None
    ) -> web.Response:
        body = [refusal.body] if self.error_list else refusal.body
        sent = dict(headers or {})
        if 300 <= refusal.status < 400:
            sent["Location"] = "/elsewhere"
        return web.Response(
            body=orjson.dumps(body),
            status=refusal.status,
            headers=sent | {"Content-Type": _TYPE},
        )


def _ordered_refusal(fault: Fault) -> Refusal:
    status = fault.status if fault.status is not None else 429
    code = fault.code or _CODES.get(status, "INTERNAL_ERROR")
    return Refusal(status, error(code, f"Simulated error {status}."))


def _retry_after(fault: Fault) -> dict[str, str]:
    """None is documented, so there is one where the fault asks for it only."""
    if fault.retry_after is None:
        return {}
    return {"Retry-After": str(-int(-fault.retry_after // 1))}


def _spoken(body: Mapping[str, Any]) -> str:
    if "prompt" in body:
        return str(body["prompt"])
    return "".join(turn["content"] for turn in body["messages"])


def _last_words(reason: str) -> bytes:
    """The whole answer, for a test that holds the pen and has nothing of its own to say."""
    said = Said("", 0, "scripted", 1760000000, reason, toxic=False, spent=None, usage_style="snake")
    return orjson.dumps(chat_answer(said))


STAND_IN = StandIn(
    name="salesforce",
    make=lambda delay_s: SalesforceSimulator(delay_s=delay_s),
    environment=lambda url, endpoint: {
        "SALESFORCE_CONSUMER_KEY": "key",
        "SALESFORCE_CONSUMER_SECRET": "secret",
        "SALESFORCE_INSTANCE_URL": url,
        "SALESFORCE_API_URL": f"{url}{_API}",
        "SALESFORCE_ENDPOINT": endpoint,
    },
    model="salesforce/sfdc_ai__DefaultGPT4Omni",
    variants=("chat-generations", "generations"),
)
