"""OpenAISimulator: OpenAI's completions and responses over a real socket, with an embedded model
behind it.

Not OpenAI: a tool is called when the question names it, and pictures are not looked at. Faults:
faults.py. `hold()` hands the pen to a test. Source: providers.md §1, §10.
"""

import asyncio
import time  # noqa: TID251 - a vendor has a clock of its own
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import count
from typing import Any

import orjson
from aiohttp import web

from bff.simulators import embedded_model
from bff.simulators.faults import (
    HEADER,
    NONE,
    Fault,
    WrongFaultError,
    content_text,
    find_faults,
    last_question,
    plain_model,
    plain_question,
)
from bff.simulators.openai import response_frames
from bff.simulators.openai.asked import Asked, Spelling
from bff.simulators.openai.checks import Refusal, check_key, check_request
from bff.simulators.openai.frames import (
    DONE,
    Frames,
    completion,
    delta,
    error,
    error_frame,
    finish,
    role,
    tokens,
    usage,
)
from bff.simulators.openai.refusals import maimed, ordered_refusal
from bff.simulators.openai.responses import as_chat, check_response_request
from bff.simulators.openai.tools import wanted_calls
from bff.simulators.pen import SeenRequest
from bff.simulators.stage import COMPLETIONS, Deed, Speech, Stage
from bff.simulators.stand_in import StandIn
from bff.simulators.vendor import Vendor
from bff.simulators.wire import EVENT_STREAM, Line, wait

__all__ = ["DONE", "Asked", "OpenAISimulator", "delta", "error_frame", "finish", "role", "usage"]

_NAMED = (
    "gpt-3.5-turbo",
    "gpt-4.1",
    "gpt-4o",
    "gpt-4o-mini",
    "gpt-5",
    "gpt-5-mini",
    "o3",
    "o4-mini",
)
_DATED = {
    "gpt-3.5-turbo": "gpt-3.5-turbo-0125",
    "gpt-4o": "gpt-4o-2024-08-06",
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
}
_ARGUMENT_PIECE = 7  # characters: arguments come in pieces too
_PAGE = "<!DOCTYPE html><html><head><title>Oops</title></head><body><h1>Oops</h1></body></html>"


class OpenAISimulator(Vendor):
    """One vendor. *delay_s* is waited before every chunk; *keys* open (None: all but `bad-key`);
    *models* exist (None: all that look like OpenAI's).

    For tests, besides what every Vendor has: `text`, when set, is what is answered; `bill` says
    what each answer used, once its end was told.
    """

    def __init__(
        self,
        *,
        delay_s: float = 0.0,
        keys: Collection[str] | None = None,
        models: Collection[str] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(lambda reason: (finish(reason), DONE))
        self.delay_s = delay_s
        self.keys = None if keys is None else frozenset(keys)
        self.models = None if models is None else frozenset(models)
        self.text: str | None = None
        self.bill: list[dict[str, Any]] = []
        self._now, self._numbers = now, count(1)
        self._completions = Spelling(
            lambda asked: (self.frames(asked), COMPLETIONS),
            self._completion,
            maimed,
            self._last_words,
        )
        self._responses = Spelling(
            self._speak_response,
            self._response,
            response_frames.maimed,
            response_frames.last_words,
        )

    # --- what it serves ------------------------------------------------------------------------

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.post("/v1/chat/completions", self.chat),
                web.post("/v1/responses", self.responses),
                web.get("/v1/models", self._models),
                web.get("/v1/models/{model}", self._model),
                *self.faults.routes(),
                web.route("*", "/{path:.*}", _no_such_url),
            ]
        )
        app.on_shutdown.append(self.close)
        return app

    async def _models(self, request: web.Request) -> web.StreamResponse:
        try:
            self.admit(request)
        except Refusal as refusal:
            return self.refused(refusal)
        names = _NAMED if self.models is None else sorted(self.models)
        return web.json_response({"object": "list", "data": [_listed(name) for name in names]})

    async def _model(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["model"]
        try:
            check_key(request.headers.get("Authorization"), self.keys)
            check_request(
                {"model": name, "messages": [{"role": "user", "content": ""}]}, self.models
            )
        except Refusal as refusal:
            return self.refused(refusal)
        return web.json_response(_listed(name))

    async def chat(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, self._read, self._completions)

    async def responses(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, self._read_response, self._responses)

    async def _serve(
        self,
        request: web.Request,
        read: Callable[[web.Request, SeenRequest], Asked],
        spelling: Spelling,
    ) -> web.StreamResponse:
        seen = await self.see(request)
        with self.answer(request) as line:
            if self.held:
                return await self.new_pen(seen, spelling.last_words).hold(line)
            try:
                self.admit(request)
                return await self._answer(line, read(request, seen), spelling)
            except Refusal as refusal:
                return self.refused(refusal)

    # --- where a vendor who speaks the same words differs -----------------------------------------

    def admit(self, request: web.Request) -> None:
        """Raises Refusal."""
        check_key(request.headers.get("Authorization"), self.keys)

    def checked(self, request: web.Request, asked: object) -> Mapping[str, Any]:
        """The body, when it is one. Raises Refusal."""
        return check_request(asked, self.models)

    def ordered_refusal(self, fault: Fault) -> Refusal | None:
        return ordered_refusal(fault)

    def completed(self, value: dict[str, Any]) -> dict[str, Any]:
        """A whole completion, with what this vendor says beside it."""
        return value

    # --- the answer ----------------------------------------------------------------------------

    def _read(self, request: web.Request, seen: SeenRequest) -> Asked:
        _check_type(request)
        asked = self.checked(request, seen.json)
        return self._asked(request, asked, asked, f"chatcmpl-{next(self._numbers):012d}")

    def _read_response(self, request: web.Request, seen: SeenRequest) -> Asked:
        _check_type(request)
        asked = check_response_request(seen.json, self.models)
        return self._asked(request, asked, as_chat(asked), f"resp_{next(self._numbers):012d}")

    def _asked(
        self,
        request: web.Request,
        said: Mapping[str, Any],
        asked: Mapping[str, Any],
        id: str,  # noqa: A002 - the field's name
    ) -> Asked:
        """*said* as the caller spelled it, *asked* the same in the words of completions."""
        question = last_question(asked["messages"])
        try:
            told = find_faults(
                header=request.headers.get(HEADER), model=asked["model"], question=question
            )
        except WrongFaultError as wrong:
            raise Refusal(400, str(wrong), code="wrong_simulation") from wrong
        fault = self.faults.take() or told.provider
        name = plain_model(asked["model"])
        calls = [] if fault.words is not None else wanted_calls(asked, plain_question(question))
        pieces, reason = self._words(asked, plain_question(question), fault)
        if calls:
            pieces, reason = [], "tool_calls"
        return Asked(
            said,
            id,
            _DATED.get(name, name),
            fault,
            pieces,
            calls,
            reason,
            _prompt_tokens(asked["messages"]),
        )

    def _words(
        self, asked: Mapping[str, Any], question: str, fault: Fault
    ) -> tuple[list[str], str]:
        """The answer in pieces, a token each, and why it ends."""
        if fault.words is not None:
            text = embedded_model.some_words(fault.words)
        elif self.text is not None:
            text = self.text
        elif asked["messages"][-1]["role"] == "tool":
            text = embedded_model.told(content_text(asked["messages"][-1].get("content")))
        else:
            said = sum(message["role"] in ("user", "assistant") for message in asked["messages"])
            text = embedded_model.answer(question, earlier=said - 1)
        pieces = embedded_model.pieces(text)
        limit = asked.get("max_completion_tokens") or asked.get("max_tokens")
        if limit is not None and limit < len(pieces):
            return pieces[:limit], "length"
        return pieces, "stop"

    async def _answer(self, line: Line, asked: Asked, spelling: Spelling) -> web.StreamResponse:
        fault = asked.fault
        if fault is not NONE:
            await line.break_before_headers(fault)
            refusal = self.ordered_refusal(fault)
            if refusal is not None:
                return self.refused(refusal, retry_after=fault.retry_after)
            if fault.html:
                return web.Response(text=_PAGE, content_type="text/html")
        if not asked.json.get("stream") or fault.json:
            return await self._whole(line, asked, spelling)
        await line.begin(headers={"Content-Type": EVENT_STREAM, **self._headers()})
        if fault.empty:
            return await line.end()
        frames, speech = spelling.speak(asked)
        if fault.endless is not None:
            await self._endless(line, speech.delta("x" * fault.endless))
        if fault.shapes_frames:
            return await self._staged(line, frames, Stage(fault, speech))
        for frame in frames:
            await self._pace()
            await line.write(frame)
        return await line.end()

    async def _staged(
        self, line: Line, frames: Iterator[bytes], stage: Stage
    ) -> web.StreamResponse:
        for frame in frames:
            await self._pace()
            await line.play(stage.feed(frame))
            if stage.over:
                break
        await line.play(stage.close())
        return await line.end()

    async def _whole(self, line: Line, asked: Asked, spelling: Spelling) -> web.StreamResponse:
        value, fault = spelling.whole(asked), asked.fault
        body = orjson.dumps(spelling.maimed(value, fault))
        if fault.cut_after is not None or fault.hang_after is not None:
            size = {"Content-Length": str(len(body))}
            await line.begin(
                headers={"Content-Type": "application/json", **size, **self._headers()}
            )
            await line.write(body[: len(body) // 2])
            await line.act(Deed.CUT if fault.cut_after is not None else Deed.HANG)
        if fault.bad_line_after is not None or fault.not_json:
            body = body[: len(body) // 2]
        return web.Response(body=body, content_type="application/json", headers=self._headers())

    # --- in either spelling --------------------------------------------------------------------

    def _completion(self, asked: Asked) -> dict[str, Any]:
        value = completion(
            "".join(asked.pieces),
            id=asked.id,
            model=asked.model,
            created=int(self._now()),
            reason=asked.reason,
            spent=tokens(*asked.spent),
            calls=[
                {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}
                for id_, name, arguments in asked.called
            ],
        )
        self._charge(asked)
        return self.completed(value)

    def _response(self, asked: Asked) -> dict[str, Any]:
        self._charge(asked)
        return response_frames.whole(asked, created=int(self._now()))

    def _speak_response(self, asked: Asked) -> tuple[Iterator[bytes], Speech]:
        frames, speech = response_frames.speak(asked, created=int(self._now()))
        return self._billed(frames, asked), speech

    def _billed(self, frames: Iterator[bytes], asked: Asked) -> Iterator[bytes]:
        """Charged when nothing but the end is left to be told."""
        kept = next(frames)
        for frame in frames:
            yield kept
            kept = frame
        self._charge(asked)
        yield kept

    def frames(self, asked: Asked) -> Iterator[bytes]:
        options = asked.json.get("stream_options") or {}
        usage_asked = bool(options.get("include_usage"))
        frames = Frames(
            id=asked.id, model=asked.model, created=int(self._now()), usage_asked=usage_asked
        )
        yield frames.role()
        for piece in asked.pieces:
            yield frames.delta(piece)
        for index, (id_, name, arguments) in enumerate(asked.called):
            yield frames.call(index, id_, name)
            for start in range(0, len(arguments), _ARGUMENT_PIECE):
                yield frames.arguments(index, arguments[start : start + _ARGUMENT_PIECE])
        self._charge(asked)
        yield frames.finish(asked.reason)
        if usage_asked:
            yield frames.usage(*asked.spent)
        yield DONE

    def _charge(self, asked: Asked) -> None:
        prompt, completed = asked.spent
        self.bill.append(
            {"model": asked.model, "prompt_tokens": prompt, "completion_tokens": completed}
        )

    async def _endless(self, line: Line, frame: bytes) -> None:
        """The same *frame* for ever, as fast as the reader reads."""
        loop = asyncio.get_running_loop()
        while True:
            loop.call_soon(self._look, line)  # while the write waits for the reader
            await line.write(frame)
            await wait(0)

    def _look(self, line: Line) -> None:
        if line.blocked:
            self.blocked.set()

    async def _pace(self) -> None:
        await wait(self.delay_s)

    def _headers(self) -> dict[str, str]:
        return {
            "x-request-id": f"req_{next(self._numbers):032x}",
            "openai-processing-ms": "12",
            "openai-version": "2020-10-01",
            "openai-organization": "simulated",
            "x-ratelimit-limit-requests": "10000",
            "x-ratelimit-remaining-requests": "9999",
            "x-ratelimit-reset-requests": "6ms",
            "x-ratelimit-limit-tokens": "2000000",
            "x-ratelimit-remaining-tokens": "1999900",
            "x-ratelimit-reset-tokens": "3ms",
        }

    def refused(self, refusal: Refusal, *, retry_after: float | None = None) -> web.Response:
        headers = self._headers()
        if retry_after is not None:
            headers["retry-after"] = str(-int(-retry_after // 1))
            headers["retry-after-ms"] = str(round(retry_after * 1000))
        if 300 <= refusal.status < 400:
            headers["Location"] = "/elsewhere"
        return web.json_response(refusal.body, status=refusal.status, headers=headers)


def _check_type(request: web.Request) -> None:
    if request.content_type != "application/json":
        raise Refusal(400, "Only 'application/json' requests are accepted.")


def _prompt_tokens(messages: list[Mapping[str, Any]]) -> int:
    texts = (content_text(message.get("content")) for message in messages)
    return 3 + sum(4 + embedded_model.count_tokens(text) for text in texts)


def _listed(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 1715367049, "owned_by": "system"}


async def _no_such_url(request: web.Request) -> web.Response:
    path = "/" + request.match_info["path"]
    return web.json_response(error(f"Invalid URL ({request.method} {path})"), status=404)


STAND_IN = StandIn(
    name="openai",
    make=lambda delay_s: OpenAISimulator(delay_s=delay_s),
    environment=lambda url, _: {"OPENAI_API_KEY": "sk-simulated", "OPENAI_BASEURL": f"{url}/v1"},
    model="openai/gpt-4o",
    gateway={"openai": "/v1"},
)
