"""The Salesforce simulator: what it answers, what it refuses, and each of its switches."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import aiohttp
import jwt
import orjson
import pytest

from bff.simulators.faults import read_fault
from bff.simulators.plain_talk import Asked, read_turns
from bff.simulators.salesforce.simulator import STAND_IN, SalesforceSimulator
from bff.simulators.world import World

MODEL = "sfdc_ai__DefaultGPT4Omni"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CREDENTIALS = {"grant_type": "client_credentials", "client_id": "key", "client_secret": "secret"}
HEADERS = {
    "Content-Type": "application/json;charset=utf-8",
    "x-sfdc-app-context": "EinsteinGPT",
    "x-client-feature-id": "ai-platform-models-connected-app",
}
CHAT, ONE_TEXT = "chat-generations", "generations"
TOOLS = 'You have\n<tools>\n{"name":"now"}\n{"name":"add"}\n</tools>\nUse them.'


@pytest.fixture
def simulator(world: World) -> SalesforceSimulator:
    vendor = world.vendors["salesforce"]
    assert isinstance(vendor, SalesforceSimulator)
    return vendor


class Client:
    """One app of the org."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session, self.url = session, url
        self.token = ""

    async def fetch(self, headers: dict[str, str] | None = None, **changed: str) -> tuple[int, Any]:
        form = urlencode({**CREDENTIALS, **changed})
        url = f"{self.url}/services/oauth2/token"
        async with self.session.post(url, data=form, headers=headers or FORM) as response:
            told = await response.json()
        self.token = told.get("access_token", self.token)
        return response.status, told

    async def post(
        self, path: str, body: Any, *, without: str = "", **headers: str
    ) -> tuple[int, Any]:
        """*without* names a header that is not sent."""
        sent = {**HEADERS, "Authorization": f"Bearer {self.token}", **headers}
        sent.pop(without, None)
        url = f"{self.url}/einstein/platform/v1/{path}"
        async with self.session.post(url, json=body, headers=sent) as response:
            return response.status, await response.json()

    async def chat(
        self, text: str = "hello", *, model: str = MODEL, **more: Any
    ) -> tuple[int, Any]:
        body = {"messages": [{"role": "user", "content": text}], **more}
        return await self.post(f"models/{model}/{CHAT}", body)


@pytest.fixture
async def client(world: World, session: aiohttp.ClientSession) -> Client:
    client = Client(session, world.url_of("salesforce"))
    await client.fetch()
    return client


def text_of(told: Any) -> str:
    return told["generationDetails"]["generations"][0]["content"]


# -- tokens ----------------------------------------------------------------------------------------


async def test_a_token_is_a_jwt_that_says_when_it_ends(client: Client) -> None:
    status, told = await client.fetch()

    claims = jwt.decode(told["access_token"], options={"verify_signature": False})
    assert (status, told["token_type"], told["token_format"]) == (200, "Bearer", "jwt")
    assert told["scope"] == "sfap_api api"
    assert told["instance_url"].startswith("http://127.0.0.1:")
    assert claims["exp"] - claims["iat"] == 7140
    assert abs(int(told["issued_at"]) / 1000 - claims["iat"]) <= 1


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"client_id": "x"}, "invalid_client_id"),
        ({"client_secret": "x"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
async def test_who_is_not_the_app_gets_no_token(
    client: Client, changed: dict[str, str], error: str
) -> None:
    status, told = await client.fetch(**changed)

    assert (status, told["error"]) == (400, error)
    assert told["error_description"]


async def test_a_token_is_asked_for_in_a_form(client: Client) -> None:
    status, told = await client.fetch(headers={"Content-Type": "application/json"})

    assert (status, told["error"]) == (400, "unsupported_grant_type")


async def test_what_a_token_lacks_can_be_chosen(
    simulator: SalesforceSimulator, client: Client
) -> None:
    simulator.tokens.with_end = simulator.tokens.with_issued_at = False
    _, told = await client.fetch()
    simulator.tokens.flow = False
    refused = await client.fetch()

    claims = jwt.decode(told["access_token"], options={"verify_signature": False})
    assert ("exp" in claims, "issued_at" in told) == (False, False)
    assert (refused[0], refused[1]["error"]) == (400, "invalid_grant")


async def test_a_session_token_is_not_routed(
    simulator: SalesforceSimulator, client: Client
) -> None:
    simulator.tokens.opaque = True
    _, told = await client.fetch()

    assert told["token_format"] == "opaque"
    assert (await client.chat())[0] == 404


async def test_a_token_opens_until_it_ends_or_is_revoked(
    simulator: SalesforceSimulator, client: Client
) -> None:
    statuses = [(await client.chat())[0]]
    simulator.tokens.revoke()
    statuses.append((await client.chat())[0])
    simulator.tokens.lifetime_s = 0
    await client.fetch()
    statuses.append((await client.chat())[0])
    client.token = "made.up.token"
    statuses.append((await client.chat())[0])

    assert statuses == [200, 401, 401, 401]


async def test_without_the_scope_nothing_is_answered(
    simulator: SalesforceSimulator, client: Client
) -> None:
    simulator.tokens.scopes = ("api",)
    _, told = await client.fetch()

    assert told["scope"] == "api"
    assert (await client.chat())[0] == 403


@pytest.mark.parametrize("fault", ["status=503", "html", "empty"])
async def test_the_next_token_can_be_made_to_fail(
    world: World, simulator: SalesforceSimulator, session: aiohttp.ClientSession, fault: str
) -> None:
    simulator.token_faults.append(read_fault(fault))
    url = f"{world.url_of('salesforce')}/services/oauth2/token"

    async with session.post(url, data=urlencode(CREDENTIALS), headers=FORM) as response:
        body = await response.read()

    assert response.status == (503 if fault == "status=503" else 200)
    assert b"access_token" not in body
    assert not simulator.requests


# -- answers ---------------------------------------------------------------------------------------


async def test_a_conversation_is_answered_in_its_shape(client: Client) -> None:
    status, told = await client.chat()

    assert status == 200
    generation = told["generationDetails"]["generations"][0]
    assert generation["content"].startswith("## Hello!")
    assert (generation["id"], generation["role"]) == ("g-1", "assistant")
    assert generation["parameters"]["finish_reason"] == "stop"
    assert generation["contentQuality"]["scanToxicity"]["isDetected"] is False
    used = told["generationDetails"]["parameters"]["usage"]
    assert used["total_tokens"] == used["prompt_tokens"] + used["completion_tokens"]


async def test_one_text_is_answered_in_its_shape(client: Client) -> None:
    status, told = await client.post(f"models/{MODEL}/{ONE_TEXT}", {"prompt": "hello"})

    assert status == 200
    assert told["generation"]["generatedText"].startswith("## Hello!")
    assert told["moreGenerations"] is None
    assert told["parameters"]["usage"]["prompt_tokens"] == 2


async def test_an_answer_can_be_spelled_otherwise(
    simulator: SalesforceSimulator, client: Client
) -> None:
    simulator.success_status, simulator.usage_style = 201, "camel"
    simulator.toxic, simulator.reason, simulator.text = True, "MAX_TOKENS", "words"

    status, told = await client.chat()
    simulator.usage_style = "none"
    _, untold = await client.chat()

    details = told["generationDetails"]
    generation = details["generations"][0]
    assert (status, generation["content"]) == (201, "words")
    assert set(details["parameters"]["usage"]) == {
        "inputTokenCount",
        "outputTokenCount",
        "totalTokenCount",
    }
    assert generation["parameters"]["finish_reason"] == "MAX_TOKENS"
    assert generation["contentQuality"]["scanToxicity"]["isDetected"] is True
    assert "usage" not in untold["generationDetails"]["parameters"]
    assert [bill["model"] for bill in simulator.bill] == [MODEL, MODEL]


@pytest.mark.parametrize("field", ["tools", "tool_choice", "functions"])
async def test_tools_in_the_body_spoil_the_answer(
    simulator: SalesforceSimulator, client: Client, field: str
) -> None:
    spoiled = await client.chat(**{field: []})
    simulator.manners.contaminated = "error"
    refused = await client.chat(**{field: []})

    assert (spoiled[0], type(spoiled[1])) == (200, str)
    assert refused[0] == 400


async def test_it_never_streams(client: Client) -> None:
    assert (await client.chat(stream=True))[0] == 400


# -- the model -------------------------------------------------------------------------------------


async def test_a_tool_that_is_offered_is_called(
    simulator: SalesforceSimulator, client: Client
) -> None:
    turns = [
        {"role": "system", "content": TOOLS},
        {"role": "user", "content": 'now {"tz":"UTC"}'},
    ]

    _, asked = await client.post(f"models/{MODEL}/{CHAT}", {"messages": turns})
    simulator.family = "qwen"
    _, other = await client.post(f"models/{MODEL}/{CHAT}", {"messages": turns})

    assert text_of(asked) == '<tool_calls>[{"name":"now","arguments":{"tz":"UTC"}}]</tool_calls>'
    assert text_of(other).startswith('<tool_call>\n{"name":"now"')


@pytest.mark.parametrize(
    ("turns", "asked"),
    [
        ([("user", "one\n\ntwo")], Asked("one\n\ntwo")),
        ([("user", f"{TOOLS}\n\none\n\ntwo")], Asked("one\n\ntwo", ("now", "add"))),
        (
            [("user", f"{TOOLS}\nYou must call it.\n\nnow")],
            Asked("now", ("now", "add"), must_call=True),
        ),
        (
            [("system", TOOLS), ("user", "You must call now")],
            Asked("You must call now", ("now", "add")),
        ),
        (
            [("user", "a"), ("assistant", "b"), ("user", '<tool_result id="c">1</tool_result>')],
            Asked('<tool_result id="c">1</tool_result>', results=("1",), earlier=2),
        ),
        (
            [("user", "S.\n\nUser: a\nAssistant: b\nUser: c\nd\nAssistant:")],
            Asked("c\nd", earlier=2),
        ),
        ([("user", "User: a\nAssistant:")], Asked("a")),
        ([("user", f"S.\n\nUser: {TOOLS}\n\nnow\nAssistant:")], Asked("now", ("now", "add"))),
        ([("system", "S.")], Asked("")),
    ],
)
def test_a_prompt_is_read_as_a_model_does(turns: list[tuple[str, str]], asked: Asked) -> None:
    assert read_turns([{"role": role, "content": text} for role, text in turns]) == asked


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{TOOLS}\nYou must call one.\n\nhello", '<tool_calls>[{"name":"now","arguments":{}}]'),
        ('<tool_result id="a">1</tool_result>\n<tool_result>2</tool_result>', "The tool says: 1\n"),
        (f"{TOOLS}\n\nhello", "## Hello!"),
        ("x [[simulate: words=2]]", "word1 word2"),
    ],
)
async def test_the_model_says_what_its_prompt_makes_it_say(
    client: Client, text: str, said: str
) -> None:
    assert text_of((await client.chat(text))[1]).startswith(said)


# -- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["x-sfdc-app-context", "x-client-feature-id"])
async def test_both_headers_are_wanted(
    simulator: SalesforceSimulator, client: Client, name: str
) -> None:
    statuses = []
    for simulator.manners.headers_status in (400, 403):
        status, told = await client.post(f"models/{MODEL}/{CHAT}", {}, without=name)
        statuses.append(status)
        assert name in told["message"]

    assert statuses == [400, 403]


@pytest.mark.parametrize("authorization", ["", "Basic x", "Bearer "])
async def test_without_a_token_nothing_is_answered(client: Client, authorization: str) -> None:
    status, _ = await client.post(f"models/{MODEL}/{CHAT}", {}, Authorization=authorization)

    assert status == 401


async def test_an_empty_body_asks_about_a_model_and_spends_nothing(
    simulator: SalesforceSimulator, client: Client
) -> None:
    simulator.manners.forbidden = {"sfdc_ai__Dear"}

    statuses = [
        (await client.post(f"models/{model}/{endpoint}", {}))[0]
        for endpoint in (CHAT, ONE_TEXT)
        for model in (MODEL, "no_such", "sfdc_ai__Dear")
    ]

    assert statuses == [400, 404, 403] * 2
    assert not simulator.bill


async def test_models_of_the_org_can_be_chosen(
    simulator: SalesforceSimulator, client: Client
) -> None:
    simulator.manners.models = {"My_Own"}

    assert [(await client.chat(model=model))[0] for model in ("My_Own", MODEL)] == [200, 404]


def _messages(*turns: Any, **more: Any) -> dict[str, Any]:
    return {"messages": list(turns), **more}


_USER = {"role": "user", "content": "x"}


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        (CHAT, []),
        (CHAT, {"prompt": "x"}),
        (CHAT, _messages()),
        (CHAT, {"messages": "x"}),
        (CHAT, _messages("x")),
        (CHAT, _messages({"role": "tool", "content": "x"})),
        (CHAT, _messages({"role": "user", "content": [{"type": "text", "text": "x"}]})),
        (CHAT, _messages({"role": "user", "content": ""})),
        (CHAT, _messages({"role": "user", "content": "x", "name": "ann"})),
        (CHAT, {**_messages(_USER), "parameters": {"top_p": 1}}),
        (CHAT, _messages(_USER, temperature=1)),
        (CHAT, _messages({"role": "user", "content": "x [[simulate: statsu=1]]"})),
        (ONE_TEXT, {}),
        (ONE_TEXT, {"prompt": ["x"]}),
        (ONE_TEXT, _messages(_USER)),
    ],
)
async def test_a_bad_body_is_refused(client: Client, endpoint: str, body: Any) -> None:
    status, told = await client.post(f"models/{MODEL}/{endpoint}", body)

    assert status == 400
    assert set(told) == {"errorCode", "message", "messageCode"}


async def test_what_is_not_determined_can_be_refused(
    simulator: SalesforceSimulator, client: Client
) -> None:
    asked = [
        _messages({"role": "system", "content": "x"}, _USER),
        _messages(_USER, parameters={"temperature": 1}),
        _messages({"role": "user", "content": "long"}),
    ]
    path = f"models/{MODEL}/{CHAT}"

    before = [(await client.post(path, body))[0] for body in asked]
    simulator.manners.system = simulator.manners.parameters = False
    simulator.manners.longest = 3
    after = [(await client.post(path, body))[0] for body in asked]

    assert (before, after) == ([200] * 3, [400] * 3)


async def test_only_json_is_read(client: Client) -> None:
    sent = {**HEADERS, "Authorization": f"Bearer {client.token}", "Content-Type": "text/plain"}
    url = f"{client.url}/einstein/platform/v1/models/{MODEL}/{CHAT}"
    async with client.session.post(url, data=b"{}", headers=sent) as response:
        assert response.status == 400


async def test_an_error_may_come_in_a_list(simulator: SalesforceSimulator, client: Client) -> None:
    simulator.error_list = True

    _, refused = await client.chat(model="no_such")
    _, inside = await client.chat("x [[simulate: error-object]]")

    assert [refused[0]["errorCode"], inside[0]["errorCode"]] == [
        "MODEL_NOT_FOUND",
        "INTERNAL_ERROR",
    ]


@pytest.mark.parametrize("path", [f"models/{MODEL}/embeddings", "models", "nothing"])
async def test_there_is_nothing_else(client: Client, path: str) -> None:
    assert (await client.post(path, {}))[0] == 404


# -- faults ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("status=429", 429, "LIMIT_EXCEEDED"),
        ("status=503,code=BUSY", 503, "BUSY"),
        ("status=418", 418, "INTERNAL_ERROR"),
        ("quota", 429, "LIMIT_EXCEEDED"),
    ],
)
async def test_a_status_can_be_ordered(client: Client, fault: str, status: int, code: str) -> None:
    found = await client.chat(f"x [[simulate: {fault}]]")

    assert (found[0], found[1]["errorCode"]) == (status, code)


@pytest.fixture
def raw(client: Client) -> Callable[[str], Any]:
    async def ask(fault: str) -> tuple[aiohttp.ClientResponse, bytes]:
        url = f"{client.url}/einstein/platform/v1/models/{MODEL}!{fault}/{CHAT}"
        sent = {**HEADERS, "Authorization": f"Bearer {client.token}"}
        async with client.session.post(
            url, json=_messages(_USER), headers=sent, allow_redirects=False
        ) as response:
            return response, await response.read()

    return ask


@pytest.mark.parametrize("asked", ["", ",retry-after=2"])
async def test_a_wait_is_named_only_when_that_is_ordered(
    raw: Callable[[str], Any], asked: str
) -> None:
    response, _ = await raw(f"status=429{asked}")

    assert response.headers.get("Retry-After") == ("2" if asked else None)


@pytest.mark.parametrize("fault", ["html", "empty", "not-json", "end-after=0", "bad-line-after=1"])
async def test_a_success_can_be_no_answer(raw: Callable[[str], Any], fault: str) -> None:
    response, body = await raw(fault)

    assert response.status == 200
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(body)
    assert (b"<html>" in body) is (fault == "html")


async def test_a_redirect_leads_somewhere(raw: Callable[[str], Any]) -> None:
    response, _ = await raw("status=302")

    assert response.headers["Location"] == "/elsewhere"


async def test_an_answer_in_many_writes_is_the_same(
    simulator: SalesforceSimulator, raw: Callable[[str], Any]
) -> None:
    response, body = await raw("split,words=2,frame-delay-ms=1,delay-ms=1")

    assert text_of(await response.json()) == "word1 word2"
    assert simulator.written.frames == len(body)


@pytest.mark.parametrize("fault", ["reset", "garbage", "cut-after=0"])
async def test_a_connection_can_break(raw: Callable[[str], Any], fault: str) -> None:
    with pytest.raises(aiohttp.ClientError):
        await raw(fault)


async def test_an_endless_answer_waits_for_its_reader(
    simulator: SalesforceSimulator, client: Client
) -> None:
    sent = {**HEADERS, "Authorization": f"Bearer {client.token}"}
    url = f"{client.url}/einstein/platform/v1/models/{MODEL}!endless=100000/{CHAT}"

    async with client.session.post(url, json=_messages(_USER), headers=sent) as response:
        await simulator.blocked.wait()
        response.close()

    await simulator.hung_up.wait()


async def test_a_test_can_hold_the_pen(simulator: SalesforceSimulator, client: Client) -> None:
    simulator.hold()
    sent = {**HEADERS, "Authorization": f"Bearer {client.token}"}
    url = f"{client.url}/einstein/platform/v1/models/{MODEL}/{CHAT}"

    asking = asyncio.ensure_future(client.session.post(url, json={}, headers=sent))
    pen = await simulator.pen()
    await pen.begin(201, {"Content-Type": "application/json"})
    await pen.finish(reason="length")
    async with await asking as response:
        told = await response.json()

    assert response.status == 201

    generation = told["generationDetails"]["generations"][0]
    assert generation["parameters"]["finish_reason"] == "length"


# -- feedback --------------------------------------------------------------------------------------


async def test_feedback_is_remembered(simulator: SalesforceSimulator, client: Client) -> None:
    said = {"generationId": "g-1", "feedback": "GOOD"}

    assert (await client.post("feedback", said))[0] == 201
    assert simulator.feedback == [said]


@pytest.mark.parametrize(
    "said", [{}, [], {"generationId": "g-1", "feedback": "MEH"}, {"feedback": "GOOD"}]
)
async def test_feedback_about_nothing_is_refused(
    simulator: SalesforceSimulator, client: Client, said: Any
) -> None:
    assert (await client.post("feedback", said))[0] == 400
    assert (await client.post("feedback", said, without="Authorization"))[0] == 401
    assert not simulator.feedback


def test_a_service_is_led_to_it() -> None:
    assert STAND_IN.environment("http://x", "generations") == {
        "SALESFORCE_CONSUMER_KEY": "key",
        "SALESFORCE_CONSUMER_SECRET": "secret",
        "SALESFORCE_INSTANCE_URL": "http://x",
        "SALESFORCE_API_URL": "http://x/einstein/platform/v1",
        "SALESFORCE_ENDPOINT": "generations",
    }
