"""AnthropicSimulator: Anthropic's messages over a real socket, with an embedded model behind them.

Not Anthropic: pictures are not looked at, and its own tools do nothing. Faults: faults.py; a
fault's code is the error's type. A frame is one event. `hold()` hands the pen to a test. Source:
providers.md §2, §10.
"""

import asyncio
import time  # noqa: TID251 - a vendor has a clock of its own
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

import orjson
from aiohttp import web

from bff.simulators.anthropic import frames
from bff.simulators.anthropic.checks import Refusal, check_key, check_parameters, check_version
from bff.simulators.anthropic.families import FAMILIES, dated
from bff.simulators.anthropic.model import (
    SIGNATURE,
    Cache,
    Spoken,
    count_input,
    question_of,
    speak,
)
from bff.simulators.anthropic.turn_checks import check_turns
from bff.simulators.embedded_model import some_words
from bff.simulators.faults import (
    HEADER,
    NONE,
    Fault,
    WrongFaultError,
    find_faults,
    plain_model,
    plain_question,
)
from bff.simulators.pen import SeenRequest
from bff.simulators.stage import Deed, Speech, Stage
from bff.simulators.stand_in import StandIn
from bff.simulators.vendor import Vendor
from bff.simulators.wire import EVENT_STREAM, Line, wait

SPEECH = Speech(frames.delta, frames.error_frame, frames.BAD_LINE, frames.STOP)
_TYPES: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_AGAIN = frozenset({408, 409, 429})  # and all from 500 on
_NO_CREDIT = "Your credit balance is too low to access the Anthropic API."
_PAGE = "<!DOCTYPE html><html><head><title>Oops</title></head><body><h1>Oops</h1></body></html>"
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that passed the checks, as far as the answer depends on it."""

    stream: bool
    id: str
    model: str
    fault: Fault
    spoken: Spoken
    usage: Mapping[str, int]

    @property
    def spent(self) -> dict[str, Any]:
        used: dict[str, Any] = {**self.usage, "output_tokens": self.spoken.tokens}
        if self.spoken.thought:
            used["output_tokens_details"] = {"thinking_tokens": len(self.spoken.thought)}
        return used

    @property
    def content(self) -> list[dict[str, Any]]:
        spoken, blocks = self.spoken, list[dict[str, Any]]()
        if spoken.thought:
            thought = {"thinking": "".join(spoken.thought), "signature": SIGNATURE}
            blocks.append({"type": "thinking", **thought})
        if spoken.pieces:
            blocks.append({"type": "text", "text": "".join(spoken.pieces)})
        for number, (name, arguments) in enumerate(spoken.calls):
            id_ = f"toolu_{self.id.removeprefix('msg_')}{number:04d}"
            call = {"id": id_, "name": name, "input": orjson.loads(arguments)}
            blocks.append({"type": "tool_use", **call})
        return blocks


class AnthropicSimulator(Vendor):
    """One vendor. *delay_s* is waited before every event; *keys* open (None: all but `bad-key`);
    *models* exist (None: all that look like Anthropic's).

    What is not known of the real one: whether a history with calls needs the tools
    (*tools_needed*).

    For tests, besides what every Vendor has: `text`, when set, is what is answered; `bill` says
    what each answer used; not `strict`, it takes fields it does not know, as of tomorrow's betas.
    """

    def __init__(
        self,
        *,
        delay_s: float = 0.0,
        keys: Collection[str] | None = None,
        models: Collection[str] | None = None,
        tools_needed: bool = True,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(lambda reason: (frames.block_stop(), frames.finish(reason), frames.STOP))
        self.delay_s = delay_s
        self.keys = None if keys is None else frozenset(keys)
        self.models = None if models is None else frozenset(models)
        self.tools_needed = tools_needed
        self.text: str | None = None
        self.strict = True
        self.bill: list[dict[str, Any]] = []
        self._now, self._numbers = now, count(1)
        self._cache = Cache()

    # --- what it serves ------------------------------------------------------------------------

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.post("/v1/messages", self._messages),
                web.post("/v1/messages/count_tokens", self._count),
                web.get("/v1/models", self._models),
                web.get("/v1/models/{model}", self._model),
                *self.faults.routes(),
                web.route("*", "/{path:.*}", self._nowhere),
            ]
        )
        app.on_shutdown.append(self.close)
        return app

    async def _models(self, request: web.Request) -> web.StreamResponse:
        try:
            self._admit(request)
        except Refusal as refusal:
            return self._refused(refusal)
        names = sorted(FAMILIES if self.models is None else self.models)
        after, limit = request.query.get("after_id"), int(request.query.get("limit", 20))
        rest = names[names.index(after) + 1 :] if after in names else names
        shown = rest[:limit]
        page = {
            "data": [_listed(name) for name in shown],
            "has_more": len(rest) > limit,
            "first_id": shown[0] if shown else None,
            "last_id": shown[-1] if shown else None,
        }
        return web.json_response(page, headers=self._headers())

    async def _model(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["model"]
        try:
            self._admit(request)
            if name not in (FAMILIES if self.models is None else self.models):
                raise Refusal(404, f"model: {name}", "not_found_error")
        except Refusal as refusal:
            return self._refused(refusal)
        return web.json_response(_listed(name), headers=self._headers())

    async def _count(self, request: web.Request) -> web.StreamResponse:
        seen = await self.see(request)
        try:
            asked = self._checked(request, seen, counting=True)
        except Refusal as refusal:
            return self._refused(refusal)
        return web.json_response({"input_tokens": count_input(asked)}, headers=self._headers())

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        seen = await self.see(request)
        with self.answer(request) as line:
            if self.held:
                return await self.new_pen(seen).hold(line)
            try:
                return await self._answer(line, self._read(request, seen))
            except Refusal as refusal:
                return self._refused(refusal)

    async def _nowhere(self, _: web.Request) -> web.Response:
        return self._refused(Refusal(404, "Not Found", "not_found_error"))

    # --- the question --------------------------------------------------------------------------

    def _admit(self, request: web.Request) -> str:
        check_key(request.headers, self.keys)
        return check_version(request.headers.get("anthropic-version"))

    def _checked(
        self, request: web.Request, seen: SeenRequest, *, counting: bool = False
    ) -> dict[str, Any]:
        version = self._admit(request)
        if request.content_type != _JSON:
            raise Refusal(400, "content-type: must be application/json")
        asked = check_parameters(
            seen.json,
            version=version,
            models=self.models,
            counting=counting,
            strict=self.strict,
        )
        check_turns(asked, version=version, tools_needed=self.tools_needed)
        return asked

    def _read(self, request: web.Request, seen: SeenRequest) -> _Asked:
        asked = self._checked(request, seen)
        question = question_of(asked["messages"])
        try:
            told = find_faults(
                header=request.headers.get(HEADER), model=asked["model"], question=question
            )
        except WrongFaultError as wrong:
            raise Refusal(400, str(wrong)) from wrong
        fault = self.faults.take() or told.provider
        text = self.text if fault.words is None else some_words(fault.words)
        return _Asked(
            asked.get("stream", False),
            f"msg_{next(self._numbers):012d}",
            dated(plain_model(asked["model"])),
            fault,
            speak(asked, plain_question(question), text),
            self._cache.usage(asked),
        )

    # --- the answer ----------------------------------------------------------------------------

    async def _answer(self, line: Line, asked: _Asked) -> web.StreamResponse:
        fault = asked.fault
        if fault is not NONE:
            await line.break_before_headers(fault)
            refusal = _ordered_refusal(fault)
            if refusal is not None:
                return self._refused(refusal, retry_after=fault.retry_after)
            if fault.html:
                return web.Response(text=_PAGE, content_type="text/html")
        if not asked.stream or fault.json:
            return await self._whole(line, asked)
        await line.begin(headers={"Content-Type": EVENT_STREAM, **self._headers()})
        if fault.empty:
            return await line.end()
        if fault.endless is not None:
            await self._endless(line, asked, fault.endless)
        stage = Stage(fault, SPEECH)
        for frame in self._frames(asked):
            await wait(self.delay_s)
            if fault.shapes_frames:
                await line.play(stage.feed(frame))
            else:
                await line.write(frame)
            if stage.over:
                return await line.end()
        await line.play(stage.close())
        return await line.end()

    def _frames(self, asked: _Asked) -> Iterator[bytes]:
        opening = {**asked.usage, "output_tokens": 1}
        yield frames.start(asked.id, asked.model, opening)
        for index, block in enumerate(asked.content):
            spoken = asked.spoken
            pieces = spoken.thought if block["type"] == "thinking" else spoken.pieces
            yield from frames.block(index, block, pieces)
        yield frames.finish(asked.spoken.reason, asked.spoken.sequence, asked.spent)
        self._charge(asked)
        yield frames.STOP

    async def _whole(self, line: Line, asked: _Asked) -> web.StreamResponse:
        fault, spoken = asked.fault, asked.spoken
        value = frames.message(
            asked.id, asked.model, [*asked.content], spoken.reason, spoken.sequence, asked.spent
        )
        self._charge(asked)
        body = orjson.dumps(self._maimed(value, fault))
        if fault.cut_after is not None or fault.hang_after is not None:
            size = {"Content-Length": str(len(body))}
            await line.begin(headers={"Content-Type": _JSON, **size, **self._headers()})
            await line.write(body[: len(body) // 2])
            await line.act(Deed.CUT if fault.cut_after is not None else Deed.HANG)
        if fault.bad_line_after is not None or fault.not_json:
            body = body[: len(body) // 2]
        return web.Response(body=body, content_type=_JSON, headers=self._headers())

    def _maimed(self, value: dict[str, Any], fault: Fault) -> dict[str, Any]:
        """A whole message without what it shall lack."""
        if fault.error_object:
            return frames.error("api_error", "Internal server error", self._request_id())
        if fault.no_usage:
            value.pop("usage")
        if fault.no_choices:
            value.pop("content")
        return {**value, "content": []} if fault.empty_choices else value

    def _charge(self, asked: _Asked) -> None:
        used = {
            "prompt_tokens": sum(asked.usage.values()),
            "completion_tokens": asked.spoken.tokens,
        }
        self.bill.append({"model": asked.model, **used})

    async def _endless(self, line: Line, asked: _Asked, size: int) -> None:
        """Deltas for ever, as fast as the reader reads."""
        await line.write(frames.start(asked.id, asked.model) + frames.text_start())
        frame, loop = frames.delta("x" * size), asyncio.get_running_loop()
        while True:
            loop.call_soon(self._look, line)  # while the write waits for the reader
            await line.write(frame)
            await wait(0)

    def _look(self, line: Line) -> None:
        if line.blocked:
            self.blocked.set()

    # --- its manners ---------------------------------------------------------------------------

    def _request_id(self) -> str:
        return f"req_{next(self._numbers):024d}"

    def _headers(self) -> dict[str, str]:
        reset = datetime.fromtimestamp(self._now() + 60, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        headers = {
            "request-id": self._request_id(),
            "anthropic-organization-id": "00000000-0000-4000-8000-000000000000",
        }
        for kind, limit in (("requests", 4000), ("input-tokens", 400_000), ("tokens", 480_000)):
            told = {"limit": str(limit), "remaining": str(limit - 1), "reset": reset}
            headers |= {f"anthropic-ratelimit-{kind}-{name}": said for name, said in told.items()}
        return headers

    def _refused(self, refusal: Refusal, *, retry_after: float | None = None) -> web.Response:
        headers = self._headers()
        again = refusal.status in _AGAIN or refusal.status >= 500
        headers["x-should-retry"] = "true" if again else "false"
        if retry_after is not None:
            headers["retry-after"] = str(-int(-retry_after // 1))
        if 300 <= refusal.status < 400:
            headers["Location"] = "/elsewhere"
        body = frames.error(refusal.type, refusal.message, headers["request-id"])
        return web.json_response(body, status=refusal.status, headers=headers)


def _ordered_refusal(fault: Fault) -> Refusal | None:
    if fault.quota:
        return Refusal(400, _NO_CREDIT)
    if fault.status is None:
        return None
    type_ = fault.code or _TYPES.get(fault.status, "api_error")
    message = "Overloaded" if fault.status == 529 else f"Simulated error {fault.status}."
    return Refusal(fault.status, message, type_)


def _listed(name: str) -> dict[str, Any]:
    shown = name.replace("-", " ").title()
    return {
        "type": "model",
        "id": name,
        "display_name": shown,
        "created_at": "2025-09-29T00:00:00Z",
    }


STAND_IN = StandIn(
    name="anthropic",
    make=lambda delay_s: AnthropicSimulator(delay_s=delay_s),
    environment=lambda url, _: {
        "ANTHROPIC_API_KEY": "sk-ant-simulated",
        "ANTHROPIC_BASE_URL": url,
    },
    model="anthropic/claude-sonnet-4-5",
    gateway={"anthropic": ""},
)
