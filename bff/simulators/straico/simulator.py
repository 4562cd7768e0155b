"""StraicoSimulator: Straico's completions over a real socket, with an embedded model behind them.

Not Straico: pictures are not looked at, and prices are ours. What is not known of it is a switch.
`hold()` hands the pen to a test. Source: providers.md §5, §10.
"""

import time  # noqa: TID251 - a vendor has a clock of its own
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import orjson
from aiohttp import web

from bff.simulators import embedded_model, plain_talk
from bff.simulators.faults import (
    HEADER,
    NONE,
    Fault,
    WrongFaultError,
    find_faults,
    plain_model,
)
from bff.simulators.pen import SeenRequest
from bff.simulators.stage import Deed
from bff.simulators.stand_in import StandIn
from bff.simulators.straico.checks import Refusal, check_chat, check_key, check_prompt
from bff.simulators.straico.families import family_of
from bff.simulators.tool_markup import FAMILIES
from bff.simulators.vendor import Vendor
from bff.simulators.wire import Line, wait

_MODELS = (
    "anthropic/claude-sonnet-4",
    "google/gemini-2.5-flash",
    "moonshotai/kimi-k2",
    "openai/gpt-4o-mini",
    "qwen/qwen3-32b",
    "z-ai/glm-4.5",
)
_WORDS_A_COIN = 100
_COINS = 100_000.0
_SAID: Mapping[str, str] = {  # by a fault's code
    "coins": "You don't have enough coins to complete this request",
    "failed": "Something went wrong",
    "high-demand": "This model is in high demand right now",
    "overloaded": "The model is overloaded",
    "rate-limit": "Rate limit reached for this model",
    "unavailable": "Service temporarily unavailable",
}
_MARKUP = "markup-"  # before a family, in a fault's code
_PAGE = "<!DOCTYPE html><html><head><title>Oops</title></head><body><h1>Oops</h1></body></html>"
_JSON = "application/json"
_Read = Callable[[object, bool], tuple[Sequence[str], plain_talk.Asked, int | None]]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that passed the checks, as far as the answer depends on it."""

    models: tuple[str, ...]
    heard: plain_talk.Asked
    limit: int | None
    fault: Fault


class StraicoSimulator(Vendor):
    """One vendor. *delay_s* is what a word of the answer takes; *keys* open (None: all but
    `bad-key`); *models* exist (None: all whose name has a maker in front); *coins* is what the
    account has.

    What is not known of the real one: the statuses of a prompt's success, of an account without
    coins and of an unknown model; whether what is not available is refused (*strict*) or ignored;
    under which name a replaced model stands; the form of an error (`text` or `object`).

    For tests, besides what every Vendor has: `text`, when set, is what is answered, and `markup`,
    when set, the family whose markup every model writes; `bill` says what each answer used.
    """

    def __init__(
        self,
        *,
        delay_s: float = 0.0,
        keys: Collection[str] | None = None,
        models: Collection[str] | None = None,
        coins: float = _COINS,
        prompt_status: int = 201,
        no_coins_status: int = 402,
        no_model_status: int = 422,
        strict: bool = True,
        replaced_by: str | None = None,
        error_form: str = "text",
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(lambda reason: (_whole("Done.", reason),))
        self.delay_s = delay_s
        self.keys = None if keys is None else frozenset(keys)
        self.models = None if models is None else frozenset(models)
        self.coins = coins
        self.prompt_status, self.no_coins_status = prompt_status, no_coins_status
        self.no_model_status, self.strict = no_model_status, strict
        self.replaced_by, self.error_form = replaced_by, error_form
        self.text: str | None = None
        self.markup: str | None = None
        self.bill: list[dict[str, Any]] = []
        self._now, self._numbers = now, count(1)

    # --- what it serves ---------------------------------------------------------------------------

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.post("/v2/chat/completions", self._chat),
                web.post("/v0/chat/completions", self._chat),
                web.post("/v1/prompt/completion", self._prompt),
                web.get("/v1/models", self._models_by_sort),
                web.get("/v2/models", self._models_listed),
                web.get("/v0/user", self._user),
                *self.faults.routes(),
                web.route("*", "/{path:.*}", self._nowhere),
            ]
        )
        app.on_shutdown.append(self.close)
        return app

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        return await self._complete(request, _read_chat, self._flat, status=200)

    async def _prompt(self, request: web.Request) -> web.StreamResponse:
        return await self._complete(request, _read_prompt, self._wrapped, status=self.prompt_status)

    async def _user(self, request: web.Request) -> web.StreamResponse:
        person = {"first_name": "Sim", "last_name": "Ulated", "plan": "Simulated"}
        return self._told(request, {"data": person | {"coins": self.coins}, "success": True})

    async def _models_by_sort(self, request: web.Request) -> web.StreamResponse:
        chat = [
            {"name": name, "model": name, "word_limit": 75_000, "pricing": _pricing()}
            for name in self._names()
        ]
        return self._told(request, {"data": {"chat": chat, "image": []}, "success": True})

    async def _models_listed(self, request: web.Request) -> web.StreamResponse:
        listed = [
            {
                "id": name,
                "name": name,
                "word_limit": 75_000,
                "max_output": 8_192,
                "pricing": _pricing(),
                "owned_by": name.partition("/")[0],
                "object": "model",
                "created": 1_760_000_000,
                "model_type": "chat",
            }
            for name in self._names()
        ]
        return self._told(request, {"data": listed})

    async def _nowhere(self, _: web.Request) -> web.StreamResponse:
        return web.Response(status=404, text=_PAGE, content_type="text/html")

    def _told(self, request: web.Request, value: Mapping[str, Any]) -> web.Response:
        try:
            check_key(request.headers.get("Authorization"), self.keys)
        except Refusal as refusal:
            return self._refused(refusal.status, refusal.message)
        return web.json_response(value)

    def _names(self) -> Iterable[str]:
        return _MODELS if self.models is None else sorted(self.models)

    # --- the answer -------------------------------------------------------------------------------

    async def _complete(
        self,
        request: web.Request,
        read: _Read,
        dress: Callable[[list[dict[str, Any]]], dict[str, Any]],
        *,
        status: int,
    ) -> web.StreamResponse:
        seen = await self.see(request)
        with self.answer(request) as line:
            if self.held:
                return await self.new_pen(seen).hold(line)
            try:
                check_key(request.headers.get("Authorization"), self.keys)
                asked = self._asked(request, seen, read)
            except Refusal as refusal:
                return self._refused(refusal.status, refusal.message)
            broken = await self._broken(line, asked.fault, status)
            if broken is not None:
                return broken
            answers = [self._answer(model, asked) for model in asked.models]
            await wait(self.delay_s * max(answer["words"]["output"] for answer in answers))
            return await _send(line, dress(answers), asked.fault, status)

    def _asked(
        self,
        request: web.Request,
        seen: SeenRequest,
        read: _Read,
    ) -> _Asked:
        models, heard, limit = read(seen.json, self.strict)
        try:
            told = find_faults(
                header=request.headers.get(HEADER),
                model=next(iter(models), ""),
                question=heard.question,
            )
        except WrongFaultError as wrong:
            raise Refusal(422, str(wrong)) from wrong
        names = tuple(map(plain_model, models)) or (_MODELS[0],)
        for name in names:
            self._check_model(name)
        return _Asked(names, heard, limit, self.faults.take() or told.provider)

    def _check_model(self, name: str) -> None:
        known = "/" in name if self.models is None else name in self.models
        if not known:
            raise Refusal(self.no_model_status, f"Model not found: {name}")

    async def _broken(self, line: Line, fault: Fault, success: int) -> web.Response | None:
        """What is answered in place of a completion, if anything is."""
        if fault is not NONE:
            await line.break_before_headers(fault)
        if fault.quota or (fault is NONE and self.coins <= 0):
            return self._refused(self.no_coins_status, _SAID["coins"])
        said = "" if fault.code.startswith(_MARKUP) else fault.code
        status = success if fault.status is None else fault.status
        if fault.html:
            return web.Response(status=status, text=_PAGE, content_type="text/html")
        if fault.empty:
            return web.Response(status=status, content_type=_JSON)
        if said or fault.status is not None or fault.error_object:
            message = _SAID.get(said, said or f"Simulated error {status}")
            return self._refused(status, message, retry_after=fault.retry_after)
        return None

    def _answer(self, model: str, asked: _Asked) -> dict[str, Any]:
        """One model's completion, with what it costs; that is taken from the account."""
        fault = asked.fault
        pieces = embedded_model.pieces(self._words(model, asked))
        cut = asked.limit is not None and asked.limit < len(pieces)
        text = "".join(pieces[: asked.limit] if cut else pieces)
        heard = asked.heard.text
        usage = _usage(embedded_model.count_tokens(heard), embedded_model.count_tokens(text))
        words = _sums(len(heard.split()), len(text.split()))
        price = {name: value / _WORDS_A_COIN for name, value in words.items()}
        self.coins -= price["total"]
        self.bill.append({"model": model} | usage)
        answered = self.replaced_by or model
        completion = {
            "id": f"gen-{next(self._numbers):012d}",
            "object": "chat.completion",
            "created": int(self._now()),
            "model": answered,
            "choices": [_choice(text, "length" if cut else "stop")],
            "usage": usage,
        }
        return {"completion": _maimed(completion, fault), "price": price, "words": words}

    def _words(self, model: str, asked: _Asked) -> str:
        ordered = asked.fault.code.removeprefix(_MARKUP)
        family = ordered if ordered in FAMILIES else self.markup or family_of(model)
        return plain_talk.answer(asked.heard, asked.fault, text=self.text, family=family)

    def _flat(self, answers: list[dict[str, Any]]) -> dict[str, Any]:
        """As the chat endpoints answer."""
        answer = answers[0]
        return {**answer["completion"], "price": answer["price"], "words": answer["words"]}

    def _wrapped(self, answers: list[dict[str, Any]]) -> dict[str, Any]:
        """As the old endpoint answers, by the models' names."""
        whole = {
            f"overall_{name}": _sums(
                *(sum(answer[name][way] for answer in answers) for way in ("input", "output"))
            )
            for name in ("price", "words")
        }
        completions = {answer["completion"]["model"]: answer for answer in answers}
        return {"data": {"completions": completions} | whole, "success": True}

    def _refused(
        self, status: int, message: str, *, retry_after: float | None = None
    ) -> web.Response:
        headers = {} if retry_after is None else {"retry-after": str(-int(-retry_after // 1))}
        if 300 <= status < 400:
            headers["Location"] = "/elsewhere"
        body: dict[str, Any] = {"error": {"message": message}}
        if self.error_form == "text":
            body = {"error": message, "success": False}
        return web.json_response(body, status=status, headers=headers)


def _read_chat(asked: object, strict: bool) -> tuple[Sequence[str], plain_talk.Asked, int | None]:
    body = check_chat(asked, strict=strict)
    return [body["model"]], plain_talk.read_turns(body["messages"]), body.get("max_tokens")


def _read_prompt(asked: object, strict: bool) -> tuple[Sequence[str], plain_talk.Asked, int | None]:
    body = check_prompt(asked, strict=strict)
    models = body.get("models") or ()
    return models, plain_talk.read_prompt(body["message"]), body.get("max_tokens")


async def _send(
    line: Line, value: Mapping[str, Any], fault: Fault, status: int
) -> web.StreamResponse:
    body = orjson.dumps(value)
    if fault.bad_line_after is not None or fault.not_json:
        body = body[: len(body) // 2]
    if fault.cut_after is not None or fault.hang_after is not None:
        await line.begin(status, {"Content-Type": _JSON, "Content-Length": str(len(body))})
        await line.write(body[: len(body) // 2])
        await line.act(Deed.CUT if fault.cut_after is not None else Deed.HANG)
    if fault.split:
        await line.begin(status, {"Content-Type": _JSON})
        await line.play(body[i : i + 1] for i in range(len(body)))
        return await line.end()
    return web.Response(status=status, body=body, content_type=_JSON)


def _maimed(completion: dict[str, Any], fault: Fault) -> dict[str, Any]:
    """A completion without what it shall lack."""
    lacking = {name for name in ("usage", "choices") if getattr(fault, f"no_{name}")}
    kept = {name: part for name, part in completion.items() if name not in lacking}
    return kept | {"choices": []} if fault.empty_choices else kept


def _choice(text: str, reason: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {"index": 0, "message": message, "finish_reason": reason}


def _usage(prompt: int, completion: int) -> dict[str, int]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def _sums(came: float, went: float) -> dict[str, float]:
    return {"input": came, "output": went, "total": came + went}


def _pricing() -> dict[str, int]:
    return {"coins": 1, "words": _WORDS_A_COIN}


def _whole(text: str, reason: str) -> bytes:
    return orjson.dumps({"choices": [_choice(text, reason)]})


def _environment(url: str, variant: str) -> Mapping[str, str]:
    return {
        "STRAICO_API_KEY": "straico-simulated",
        "STRAICO_BASE_URL": url,
        "STRAICO_ENDPOINT": variant,
    }


STAND_IN = StandIn(
    name="straico",
    make=lambda delay_s: StraicoSimulator(delay_s=delay_s),
    environment=_environment,
    model="straico/openai/gpt-4o-mini",
    variants=("chat", "chat-v0", "prompt"),
)
