"""Straico's simulator says what is known of the real one, refuses what it refuses, counts coins."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest

from bff.simulators.straico.simulator import STAND_IN, StraicoSimulator
from bff.simulators.tool_markup import FAMILIES, markup
from bff.simulators.world import World, open_world

KEY = {"Authorization": "Bearer key"}
MODEL = "openai/gpt-4o-mini"
CHAT, PROMPT = "/v2/chat/completions", "/v1/prompt/completion"
CAT = "https://pictures.example/cat.png"
DEFINITION = '<tools>\n{"name":"now","description":"","parameters":{}}\n</tools>\nCall it so.'


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world(vendors=[STAND_IN]) as world:
        yield world


@pytest.fixture
def straico(world: World) -> StraicoSimulator:
    vendor = world.vendors["straico"]
    assert isinstance(vendor, StraicoSimulator)
    return vendor


class Client:
    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url

    async def post(
        self, path: str, asked: Any, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        async with self._session.post(
            f"{self._url}{path}", json=asked, headers=headers or KEY
        ) as answer:
            return answer.status, await _body(answer)

    async def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        async with self._session.get(f"{self._url}{path}", headers=headers or KEY) as answer:
            return answer.status, await _body(answer)


async def _body(answer: aiohttp.ClientResponse) -> Any:
    data = await answer.read()
    try:
        return orjson.loads(data)
    except ValueError:
        return data


@pytest.fixture
def client(world: World, session: aiohttp.ClientSession) -> Client:
    return Client(session, world.url_of("straico"))


def chat(text: Any = "hello", **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": text}]} | more


def prompt(text: str = "hello", **more: Any) -> dict[str, Any]:
    return {"models": [MODEL], "message": text} | more


def said(body: dict[str, Any]) -> str:
    text = body["choices"][0]["message"]["content"]
    assert isinstance(text, str)
    return text


# -- the forms of an answer ------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v0/chat/completions", CHAT])
async def test_a_chat_is_answered_flat_with_its_price(
    client: Client, straico: StraicoSimulator, path: str
) -> None:
    straico.text = "one two three"

    status, body = await client.post(path, chat("four words are here"))

    assert status == 200
    assert (body["object"], body["model"], said(body)) == (
        "chat.completion",
        MODEL,
        "one two three",
    )
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["usage"] == {"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9}
    assert body["words"] == {"input": 4, "output": 3, "total": 7}
    assert body["price"] == {"input": 0.04, "output": 0.03, "total": 0.07}
    assert straico.bill == [{"model": MODEL} | body["usage"]]


async def test_a_prompt_is_answered_by_the_models_names(client: Client) -> None:
    asked = prompt(models=[MODEL, "qwen/qwen3-32b"])

    status, body = await client.post(PROMPT, asked)

    assert (status, body["success"]) == (201, True)
    data = body["data"]
    assert set(data["completions"]) == {MODEL, "qwen/qwen3-32b"}
    assert all("Hello!" in said(one["completion"]) for one in data["completions"].values())
    totals = [one["price"]["total"] for one in data["completions"].values()]
    assert data["overall_price"]["total"] == pytest.approx(sum(totals))


async def test_a_prompt_may_be_answered_under_another_status_and_name(
    client: Client, straico: StraicoSimulator
) -> None:
    straico.prompt_status, straico.replaced_by = 200, "other/model"

    status, body = await client.post(PROMPT, prompt())

    assert status == 200
    assert list(body["data"]["completions"]) == ["other/model"]
    assert body["data"]["completions"]["other/model"]["completion"]["model"] == "other/model"


async def test_a_selector_may_stand_in_the_place_of_models(client: Client) -> None:
    asked = {"smart_llm_selector": {"quantity": 1, "pricing_method": "balance"}, "message": "hi"}

    status, body = await client.post(PROMPT, asked)

    assert (status, len(body["data"]["completions"])) == (201, 1)


async def test_a_limit_cuts_the_answer(client: Client, straico: StraicoSimulator) -> None:
    straico.text = "one two three"

    _, body = await client.post(CHAT, chat(max_tokens=2))

    assert (said(body), body["choices"][0]["finish_reason"]) == ("one two", "length")


async def test_a_conversation_is_remembered_in_both_forms(client: Client) -> None:
    turns = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": [{"type": "text", "text": "What is rain?"}]},
    ]
    lines = "Be brief.\n\nUser: hi\nAssistant: Hello.\nUser: What is rain?\nAssistant:"

    _, flat = await client.post(CHAT, chat(messages=turns))
    _, wrapped = await client.post(PROMPT, prompt(lines))

    texts = [said(flat), said(wrapped["data"]["completions"][MODEL]["completion"])]
    assert all("What is rain?" in text and "2 earlier messages" in text for text in texts)


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer bad-key"}, {"X": "y"}])
async def test_a_wrong_key_opens_nothing(client: Client, headers: dict[str, str]) -> None:
    asked = [await client.post(CHAT, chat(), headers), await client.post(PROMPT, prompt(), headers)]
    looked = [await client.get(path, headers) for path in ("/v0/user", "/v1/models", "/v2/models")]

    assert {status for status, _ in asked + looked} == {401}
    assert all(body["success"] is False for _, body in asked + looked)


@pytest.mark.parametrize(
    "more",
    [
        {"stream": True},
        {"tools": []},
        {"functions": []},
        {"response_format": {"type": "json_object"}},
        {"top_p": 1},
    ],
)
@pytest.mark.parametrize(("path", "ask"), [(CHAT, chat), (PROMPT, prompt)])
async def test_what_is_not_available_is_refused_or_ignored(
    client: Client, straico: StraicoSimulator, path: str, ask: Any, more: dict[str, Any]
) -> None:
    status, body = await client.post(path, ask(**more))
    straico.strict = False
    ignored, _ = await client.post(path, ask(**more))

    assert (status, body["success"]) == (422, False)
    assert ignored in (200, 201)


@pytest.mark.parametrize(
    "asked",
    [
        [],
        {"messages": [{"role": "user", "content": "x"}]},
        chat(model=""),
        chat(messages=[]),
        chat(messages="x"),
        chat(messages=["x"]),
        chat(messages=[{"role": "tool", "content": "x"}]),
        chat(messages=[{"role": "user", "content": "x", "name": "ann"}]),
        chat(None),
        chat([]),
        chat(["x"]),
        chat([{"type": "input_audio"}]),
        chat([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]),
        chat(temperature=2.5),
        chat(temperature=True),
        chat(max_tokens=0),
        chat(max_tokens=1.5),
    ],
)
async def test_a_chat_that_is_none_is_refused(client: Client, asked: Any) -> None:
    status, body = await client.post(CHAT, asked)

    assert (status, body["success"]) == (422, False)


@pytest.mark.parametrize(
    "asked",
    [
        {"message": "hi"},
        prompt(models=[]),
        prompt(models=[MODEL] * 5),
        prompt(models=MODEL),
        prompt(models=[1]),
        prompt(""),
        prompt(images=[CAT] * 5),
        prompt(images=CAT),
        prompt(images=["http://pictures.example/cat.png"]),
        prompt(youtube_urls=[""]),
    ],
)
async def test_a_prompt_that_is_none_is_refused(client: Client, asked: Any) -> None:
    status, body = await client.post(PROMPT, asked)

    assert (status, body["success"]) == (422, False)


async def test_pictures_are_taken_and_not_looked_at(client: Client) -> None:
    parts = [{"type": "text", "text": "hello"}, {"type": "image_url", "image_url": {"url": CAT}}]

    assert (await client.post(CHAT, chat(parts)))[0] == 200
    assert (await client.post(PROMPT, prompt(images=[CAT] * 4)))[0] == 201


@pytest.mark.parametrize("model", ["gpt-4o", "nobody/knows"])
async def test_a_model_that_does_not_exist_is_not_found(
    client: Client, straico: StraicoSimulator, model: str
) -> None:
    straico.models, straico.no_model_status = frozenset({MODEL}), 404

    status, body = await client.post(CHAT, chat(model=model))

    assert (status, body) == (404, {"success": False, "error": f"Model not found: {model}"})
    assert (await client.post(CHAT, chat()))[0] == 200


async def test_elsewhere_there_is_a_page(client: Client) -> None:
    status, body = await client.post("/v1/chat/completions", chat())

    assert (status, body[:9]) == (404, b"<!DOCTYPE")


# -- coins, and what may be looked at --------------------------------------------------------------


async def test_an_answer_costs_coins_until_there_are_none(
    client: Client, straico: StraicoSimulator
) -> None:
    straico.coins, straico.text = 0.05, "one two three"

    _, first = await client.post(CHAT, chat("a b c"))
    status, second = await client.post(CHAT, chat("a b c"))
    _, user = await client.get("/v0/user")

    assert first["price"]["total"] == pytest.approx(0.06)
    assert (status, second["success"], "coins" in second["error"]) == (402, False, True)
    assert user["data"]["coins"] == pytest.approx(-0.01)


async def test_the_lists_of_models_have_their_own_forms(
    client: Client, straico: StraicoSimulator
) -> None:
    _, old = await client.get("/v1/models")
    _, new = await client.get("/v2/models")
    straico.models = frozenset({"a/b"})
    _, only = await client.get("/v2/models")

    assert MODEL in {row["model"] for row in old["data"]["chat"]}
    assert MODEL in {row["id"] for row in new["data"]}
    assert [row["id"] for row in only["data"]] == ["a/b"]


# -- faults ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("code=overloaded", 200, "overloaded"),
        ("code=rate-limit,status=429,retry-after=2", 429, "Rate limit"),
        ("code=high-demand,status=503", 503, "high demand"),
        ("code=coins", 200, "coins"),
        ("quota", 402, "coins"),
        ("status=500", 500, "Simulated error 500"),
        ("error-object", 200, "Simulated error 200"),
        ("code=anything", 200, "anything"),
    ],
)
@pytest.mark.parametrize("form", ["text", "object"])
async def test_an_error_has_either_form_under_any_status(
    client: Client, straico: StraicoSimulator, fault: str, status: int, words: str, form: str
) -> None:
    straico.error_form = form

    got, body = await client.post(CHAT, chat(f"x [[simulate: {fault}]]"))

    message = body["error"] if form == "text" else body["error"]["message"]
    assert (got, words in message) == (status, True)
    assert ("success" in body) is (form == "text")


@pytest.mark.parametrize(("fault", "status"), [("html", 200), ("html,status=502", 502)])
async def test_the_front_answers_with_a_page(client: Client, fault: str, status: int) -> None:
    got, body = await client.post(CHAT, chat(), {"x-simulate": fault} | KEY)

    assert (got, body[:9]) == (status, b"<!DOCTYPE")


@pytest.mark.parametrize(
    ("fault", "lacks"), [("no-usage", "usage"), ("no-choices", "choices"), ("empty-choices", "")]
)
async def test_what_a_completion_lacks_is_all_it_lacks(
    client: Client, fault: str, lacks: str
) -> None:
    _, body = await client.post(PROMPT, prompt(models=[f"{MODEL}!{fault}"]))

    completion = body["data"]["completions"][MODEL]["completion"]
    assert ("usage" in completion) is (lacks != "usage")
    assert ("choices" in completion) is (lacks != "choices")
    assert (completion.get("choices") == []) is (fault == "empty-choices")


@pytest.mark.parametrize("fault", ["not-json", "bad-line-after=0", "empty"])
async def test_half_an_answer_is_no_json(client: Client, fault: str) -> None:
    status, body = await client.post(CHAT, chat(f"x [[simulate: {fault}]]"))

    assert (status, isinstance(body, bytes)) == (200, True)


async def test_an_answer_may_come_byte_by_byte_and_late(client: Client) -> None:
    status, body = await client.post(CHAT, chat("x [[simulate: words=3,split,delay-ms=1]]"))

    assert (status, said(body)) == (200, "word1 word2 word3")


@pytest.mark.parametrize("fault", ["reset", "garbage", "cut-after=1"])
async def test_a_line_can_break(client: Client, fault: str) -> None:
    with pytest.raises(aiohttp.ClientError):
        await client.post(CHAT, chat(f"x [[simulate: {fault}]]"))


@pytest.mark.parametrize("fault", ["hang", "hang-after=1"])
async def test_a_client_who_leaves_a_silence_is_noticed(
    client: Client,
    straico: StraicoSimulator,
    session: aiohttp.ClientSession,
    world: World,
    fault: str,
) -> None:
    with pytest.raises(TimeoutError):
        async with session.post(
            f"{world.url_of('straico')}{CHAT}",
            json=chat(f"x [[simulate: {fault}]]"),
            headers=KEY,
            timeout=aiohttp.ClientTimeout(total=0.2),
        ) as answer:
            await answer.read()

    await straico.hung_up.wait()
    await straico.idle()


async def test_a_redirect_leads_elsewhere(session: aiohttp.ClientSession, world: World) -> None:
    async with session.post(
        f"{world.url_of('straico')}{CHAT}",
        json=chat("x [[simulate: status=302]]"),
        headers=KEY,
        allow_redirects=False,
    ) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "/elsewhere")


async def test_a_fault_nobody_knows_is_refused(client: Client) -> None:
    status, body = await client.post(CHAT, chat("x [[simulate: nonsense]]"))

    assert (status, "nonsense" in body["error"]) == (422, True)


async def test_a_fault_that_waits_is_taken_first(client: Client, straico: StraicoSimulator) -> None:
    assert (await client.post("/_faults", ["status=503"]))[0] == 201

    assert (await client.post(CHAT, chat()))[0] == 503
    assert (await client.post(CHAT, chat()))[0] == 200
    assert len(straico.requests) == 2


async def test_a_test_may_hold_the_pen(client: Client, straico: StraicoSimulator) -> None:
    straico.hold()
    asking = asyncio.ensure_future(client.post(CHAT, chat()))
    pen = await straico.pen()
    await pen.begin(200, {"Content-Type": "application/json"})
    await pen.finish(reason="length")

    status, body = await asking
    assert (status, body["choices"][0]["finish_reason"]) == (200, "length")


# -- tools -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("openai/gpt-4o-mini", "asked"),
        ("anthropic/claude-sonnet-4", "asked"),
        ("qwen/qwen3-32b", "qwen"),
        ("z-ai/glm-4.5", "glm"),
        ("moonshotai/kimi-k2", "kimi"),
    ],
)
async def test_a_model_calls_offered_tools_in_its_familys_markup(
    client: Client, model: str, family: str
) -> None:
    turns = [
        {"role": "system", "content": DEFINITION},
        {"role": "user", "content": 'now {"tz":"UTC"}'},
    ]

    _, body = await client.post(CHAT, chat(model=model, messages=turns))

    assert said(body) == markup([("now", '{"tz":"UTC"}')], family)
    assert body["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("family", FAMILIES)
async def test_any_markup_can_be_ordered(
    client: Client, straico: StraicoSimulator, family: str
) -> None:
    asked = f"{DEFINITION}\n\nWhat is it now?"
    expected = markup([("now", "{}")], family)

    _, by_fault = await client.post(CHAT, chat(f"{asked} [[simulate: code=markup-{family}]]"))
    straico.markup = family
    _, by_switch = await client.post(CHAT, chat(asked))

    assert said(by_fault) == said(by_switch) == expected


async def test_tools_in_front_of_the_question_are_not_part_of_it(client: Client) -> None:
    _, body = await client.post(CHAT, chat(f"{DEFINITION}\n\nhello"))

    assert "Hello!" in said(body)


async def test_who_must_call_calls(client: Client) -> None:
    _, body = await client.post(CHAT, chat(f"{DEFINITION} Here you must call one.\n\nhello"))

    assert said(body) == markup([("now", "{}")])


async def test_a_result_is_told(client: Client) -> None:
    turns = [
        {"role": "system", "content": DEFINITION},
        {"role": "user", "content": "now"},
        {"role": "assistant", "content": markup([("now", "{}")])},
        {"role": "user", "content": '<tool_result id="1" name="now">12:00</tool_result>'},
    ]
    lines = (
        f"User: {DEFINITION}\n\nnow\nAssistant: x\n"
        'User: <tool_result id="1">12:00</tool_result>\nAssistant:'
    )

    _, flat = await client.post(CHAT, chat(messages=turns))
    _, wrapped = await client.post(PROMPT, prompt(lines))

    texts = [said(flat), said(wrapped["data"]["completions"][MODEL]["completion"])]
    assert texts == ["The tool says: 12:00"] * 2


def test_its_row_leads_a_service_to_it() -> None:
    assert STAND_IN.variants == ("chat", "chat-v0", "prompt")
    assert STAND_IN.environment("http://here", "prompt") == {
        "STRAICO_API_KEY": "straico-simulated",
        "STRAICO_BASE_URL": "http://here",
        "STRAICO_ENDPOINT": "prompt",
    }
