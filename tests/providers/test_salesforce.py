"""The provider against the simulator: what is asked and as whom, and what becomes of its answer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from bff.chat.events import FinishReason
from bff.chat.reply import Collector, Reply
from bff.chat.request import (
    ChatRequest,
    Choosing,
    Message,
    Role,
    Tags,
    Tool,
    ToolCall,
    ToolChoice,
)
from bff.dialects.tool_prompt import Place
from bff.errors import Kind, Problem, Sign
from bff.policy.deadline import Timers
from bff.policy.retry import Patience
from bff.providers._pool import Pool
from bff.providers._salesforce_token import TokenHolder
from bff.providers._vendor import Means, Road
from bff.providers.salesforce import ALIASES, Salesforce
from bff.simulators.faults import read_fault
from bff.simulators.salesforce.simulator import STAND_IN, SalesforceSimulator
from bff.simulators.world import World, open_world

TAGS = Tags("bff", "t:1", "u:1", "-", "req_1")
MODEL = "sfdc_ai__DefaultGPT4Omni"
QUESTION = ChatRequest(f"salesforce/{MODEL}", (Message(Role.USER, "hello"),), TAGS)
NOW = Tool("now", "The time.", {"type": "object", "properties": {"tz": {"type": "string"}}})
ADD = Tool("add")
ENDPOINTS = ("chat-generations", "generations")


class Clock:
    """Seconds since 1970, of the provider and the vendor alike."""

    def __init__(self) -> None:
        self.at = 1_760_000_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def world(clock: Clock) -> AsyncIterator[World]:
    row = replace(STAND_IN, make=lambda _: SalesforceSimulator(now=clock))
    async with open_world(vendors=(row,)) as world:
        yield world


@pytest.fixture
def simulator(world: World) -> SalesforceSimulator:
    vendor = world.vendors["salesforce"]
    assert isinstance(vendor, SalesforceSimulator)
    return vendor


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


Make = Callable[..., Salesforce]


@pytest.fixture
def make(world: World, session: aiohttp.ClientSession, clock: Clock) -> Make:
    url = world.url_of("salesforce")

    def make(
        *,
        endpoint: str = "chat-generations",
        secret: str = "secret",  # noqa: S107 - the simulator's
        instance: str = url,
        timers: Timers | None = None,
        failed: Callable[[int], None] = lambda _: None,
        **more: Any,
    ) -> Salesforce:
        return Salesforce(
            Means(session, Pool(200, patience_s=5), timers or Timers(), note_failed_calls=failed),
            {"direct": Road(f"{url}/einstein/platform/v1")},
            endpoint=endpoint,
            token=TokenHolder(
                session, instance_url=instance, key="key", secret=secret, now=clock, timeout_s=5
            ),
            **more,
        )

    return make


async def ask(
    provider: Salesforce, request: ChatRequest = QUESTION, *, model: str = MODEL, left_s: float = 10
) -> Reply:
    collector = Collector()
    deadline = asyncio.get_running_loop().time() + left_s
    async with provider.stream(request, model=model, via="direct", deadline=deadline) as upstream:
        async for batch in upstream.batches:
            collector.feed(batch)
    return collector.reply()


async def refused(provider: Salesforce, request: ChatRequest = QUESTION, **more: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        await ask(provider, request, **more)
    return caught.value


def said(*messages: Message, **more: Any) -> ChatRequest:
    return replace(QUESTION, messages=messages, **more)


# -- the answer ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_an_answer_is_read_whole(
    simulator: SalesforceSimulator, make: Make, endpoint: str, status: int
) -> None:
    simulator.success_status = status

    reply = await ask(make(endpoint=endpoint))

    assert reply.text is not None
    assert reply.text.startswith("## Hello!")
    assert (reply.reason, reply.toxic) == (FinishReason.STOP, False)
    assert reply.started.feedback_id == "g-1"
    assert (reply.started.model, reply.started.created) == (MODEL, 1_760_000_000)
    assert reply.usage is not None
    assert not reply.usage.estimated
    billed = simulator.bill[-1]
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (
        billed["prompt_tokens"],
        billed["completion_tokens"],
    )


@pytest.mark.parametrize("style", ["camel", "none"])
async def test_what_it_used_is_read_in_any_style_and_estimated_where_it_is_not_said(
    simulator: SalesforceSimulator, make: Make, style: str
) -> None:
    simulator.usage_style, simulator.text = style, "twelve chars"

    usage = (await ask(make())).usage

    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (2, 3, 5)
    assert usage.estimated is (style == "none")


async def test_a_toxic_answer_is_flagged_and_passed_on(
    simulator: SalesforceSimulator, make: Make
) -> None:
    simulator.toxic, simulator.text = True, "words"

    reply = await ask(make())

    assert (reply.text, reply.toxic) == ("words", True)


@pytest.mark.parametrize(
    ("reason", "read"), [("MAX_TOKENS", FinishReason.LENGTH), ("error", FinishReason.STOP)]
)
async def test_why_it_ended_is_read_whoever_made_the_model(
    simulator: SalesforceSimulator, make: Make, reason: str, read: FinishReason
) -> None:
    simulator.reason = reason

    assert (await ask(make())).reason is read


async def test_a_conversation_is_told_to_either_endpoint(
    simulator: SalesforceSimulator, make: Make
) -> None:
    request = said(
        Message(Role.SYSTEM, "Be brief."),
        Message(Role.USER, "one"),
        Message(Role.ASSISTANT, "two"),
        Message(Role.USER, "three"),
    )

    replies = [await ask(make(endpoint=endpoint), request) for endpoint in ENDPOINTS]

    assert [seen.json.get("prompt") for seen in simulator.requests] == [
        None,
        "Be brief.\n\nUser: one\nAssistant: two\nUser: three\nAssistant:",
    ]
    assert [turn["role"] for turn in simulator.requests[0].json["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
    ]
    assert all("2 earlier messages" in (reply.text or "") for reply in replies)


# -- tools -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", Place)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_a_tool_is_called_and_its_result_told(
    simulator: SalesforceSimulator, make: Make, endpoint: str, place: Place
) -> None:
    provider = make(endpoint=endpoint, place=place, new_id=lambda: "call_1")
    question = said(Message(Role.USER, 'What is now {"tz":"UTC"}?'), tools=(NOW, ADD))

    called = await ask(provider, question)

    assert called.calls == (ToolCall("call_1", "now", '{"tz":"UTC"}'),)
    assert (called.text, called.reason) == ("", FinishReason.TOOL_CALLS)
    told = said(
        *question.messages,
        Message(Role.ASSISTANT, "", calls=called.calls),
        Message(Role.TOOL, "noon", answers="call_1"),
        tools=(NOW, ADD),
    )
    assert (await ask(provider, told)).text == "The tool says: noon"
    assert not {"tools", "tool_choice"} & set(simulator.requests[-1].json)


@pytest.mark.parametrize("family", ["asked", "qwen", "glm", "kimi", "fenced", "parameters"])
async def test_calls_are_read_in_every_familys_markup(
    simulator: SalesforceSimulator, make: Make, family: str
) -> None:
    simulator.family = family

    reply = await ask(make(), said(Message(Role.USER, 'now {"tz":"UTC"}'), tools=(NOW,)))

    assert [(call.name, call.arguments) for call in reply.calls] == [("now", '{"tz":"UTC"}')]
    assert reply.calls[0].id.startswith("call_")
    assert len(reply.calls[0].id) == 29


@pytest.mark.parametrize("family", ["cut", "broken"])
async def test_a_call_that_cannot_be_read_is_text_and_counted(
    simulator: SalesforceSimulator, make: Make, family: str
) -> None:
    simulator.family = family
    failed: list[int] = []

    reply = await ask(
        make(failed=failed.append), said(Message(Role.USER, "now please"), tools=(NOW,))
    )

    assert (reply.calls, reply.reason, failed) == ((), FinishReason.STOP, [1])
    assert reply.text is not None
    assert reply.text.startswith('<tool_calls>[{"name":"now"')


async def test_only_the_first_call_is_kept_where_one_is_wanted(make: Make) -> None:
    question = said(Message(Role.USER, "now and add"), tools=(NOW, ADD))

    both = await ask(make(), question)
    one = await ask(make(), replace(question, parallel_calls=False))

    assert [call.name for call in both.calls] == ["now", "add"]
    assert [call.name for call in one.calls] == ["now"]


async def test_a_call_that_must_be_is_made(make: Make) -> None:
    question = said(
        Message(Role.USER, "hello"), tools=(ADD, NOW), tool_choice=ToolChoice(Choosing.REQUIRED)
    )

    assert [call.name for call in (await ask(make(), question)).calls] == ["add"]


# -- names and addresses ---------------------------------------------------------------------------


@pytest.mark.parametrize(("alias", "name"), [*ALIASES.items(), ("sfdc_ai__New", "sfdc_ai__New")])
async def test_a_model_has_its_name_in_the_path(
    simulator: SalesforceSimulator, make: Make, alias: str, name: str
) -> None:
    await ask(make(), model=alias)

    assert simulator.requests[-1].path == (
        f"/salesforce/einstein/platform/v1/models/{name}/chat-generations"
    )


@pytest.mark.parametrize("model", ["../feedback?", "a/b", "x?y=1", "x#y", "é\ud800", "%2e%2e"])
async def test_a_name_cannot_lead_elsewhere(
    simulator: SalesforceSimulator, make: Make, model: str
) -> None:
    problem = await refused(make(), model=model)

    assert (problem.kind, problem.at) == (Kind.NOT_FOUND, "model")
    path = simulator.requests[-1].path
    inside = path.removeprefix("/salesforce/einstein/platform/v1/models/")
    assert path != inside
    assert inside.count("/") == 1
    assert inside.endswith("/chat-generations")


@pytest.mark.parametrize("model", ["", ".", ".."])
async def test_what_is_no_name_is_not_asked(
    simulator: SalesforceSimulator, make: Make, model: str
) -> None:
    assert (await refused(make(), model=model)).kind is Kind.NOT_FOUND
    assert not simulator.requests


async def test_a_model_we_were_told_of_is_missing_by_our_own_fault(
    simulator: SalesforceSimulator, make: Make
) -> None:
    simulator.manners.models = {MODEL}
    provider = make(known=("My_Own", "gpt-4-mini"))

    kinds = [
        (await refused(provider, model=model)).kind for model in ("My_Own", "gpt-4-mini", "Theirs")
    ]

    assert kinds == [Kind.UPSTREAM_AUTH, Kind.UPSTREAM_AUTH, Kind.NOT_FOUND]


async def test_every_question_says_what_the_api_must_hear(
    simulator: SalesforceSimulator, make: Make
) -> None:
    await ask(make())

    headers = simulator.requests[-1].headers
    assert headers["x-sfdc-app-context"] == "EinsteinGPT"
    assert headers["x-client-feature-id"] == "ai-platform-models-connected-app"
    assert headers["x-client-trace-id"] == "req_1"
    assert headers["Content-Type"] == "application/json;charset=utf-8"
    assert headers["Authorization"].startswith("Bearer ey")


async def test_parameters_are_named_as_ignored_unless_the_org_listens(
    simulator: SalesforceSimulator, make: Make
) -> None:
    question = replace(QUESTION, temperature=0.5, max_tokens=9, others={"seed": 1})
    ignored = []
    for send_parameters in (False, True):
        provider = make(send_parameters=send_parameters)
        async with provider.stream(
            question,
            model=MODEL,
            via="direct",
            deadline=asyncio.get_running_loop().time() + 10,
        ) as upstream:
            ignored.append(upstream.ignored)

    assert ignored == [("temperature", "max_tokens", "seed"), ("seed",)]
    assert [seen.json.get("parameters") for seen in simulator.requests] == [
        None,
        {"temperature": 0.5, "max_tokens": 9},
    ]


# -- time ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "model", "total_s"),
    [
        (10_000, MODEL, 60.0),
        (10_001, MODEL, 120.0),
        (30_001, MODEL, 240.0),
        (10_000, "claude-4-sonnet", 72.0),
        (30_001, "sfdc_ai__DefaultBedrockAnthropicClaude46Sonnet", 288.0),
        (10_000, "claude-3-sonnet", 60.0),
    ],
)
def test_a_longer_question_may_take_longer(
    make: Make, length: int, model: str, total_s: float
) -> None:
    timers = make().timers(said(Message(Role.USER, "x" * length)), model)

    assert (timers.total, timers.first_byte, timers.idle) == (total_s,) * 3


def test_no_question_may_take_longer_than_all_may(make: Make) -> None:
    assert make(timers=Timers(total=30.0)).timers(QUESTION, MODEL).total == 30.0


def test_it_waits_longer_and_without_going_early() -> None:
    assert Salesforce.patience == Patience(tries=3, first_s=1.0, share=0.0, added_s=1.0)
    assert (Salesforce.name, Salesforce.tongues, Salesforce.streams) == (
        "salesforce",
        {"salesforce"},
        False,
    )


# -- failures --------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_list", [False, True])
@pytest.mark.parametrize(
    ("fault", "kind", "sign", "retry_after"),
    [
        ("status=400", Kind.BAD_REQUEST, Sign.PROVIDER_REFUSED, None),
        ("status=403", Kind.UPSTREAM_AUTH, Sign.PROVIDER_REFUSED, None),
        ("status=404", Kind.UPSTREAM_AUTH, Sign.PROVIDER_REFUSED, None),
        ("status=429", Kind.UPSTREAM_RATE_LIMIT, Sign.PROVIDER_BUSY, None),
        ("status=429,retry-after=2", Kind.UPSTREAM_RATE_LIMIT, Sign.PROVIDER_BUSY, 2.0),
        ("quota", Kind.UPSTREAM_RATE_LIMIT, Sign.PROVIDER_BUSY, None),
        ("status=500", Kind.UPSTREAM, Sign.PROVIDER_DOWN, None),
        ("status=503", Kind.OVERLOADED, Sign.PROVIDER_DOWN, None),
        ("status=504", Kind.TIMEOUT, Sign.PROVIDER_DOWN, None),
        ("status=302", Kind.UPSTREAM, Sign.PROVIDER_REFUSED, None),
        ("reset", Kind.CONNECTION, Sign.UNREACHABLE, None),
        ("garbage", Kind.CONNECTION, Sign.UNREACHABLE, None),
        ("html", Kind.UPSTREAM, Sign.NOT_AN_ANSWER, None),
        ("empty", Kind.UPSTREAM, Sign.NOT_AN_ANSWER, None),
        ("not-json", Kind.UPSTREAM, Sign.NOT_AN_ANSWER, None),
        ("no-choices", Kind.UPSTREAM, Sign.NOT_AN_ANSWER, None),
        ("empty-choices", Kind.UPSTREAM, Sign.NOT_AN_ANSWER, None),
        ("error-object", Kind.UPSTREAM, Sign.PROVIDER_DOWN, None),
        ("cut-after=0", Kind.CONNECTION, Sign.CUT, None),
    ],
)
async def test_a_failure_is_called_what_it_is(
    simulator: SalesforceSimulator,
    make: Make,
    fault: str,
    kind: Kind,
    sign: Sign,
    retry_after: float | None,
    as_list: bool,
) -> None:
    simulator.error_list = as_list
    simulator.faults.append(read_fault(fault))

    problem = await refused(make(known=(MODEL,)))

    assert (problem.kind, problem.sign, problem.retry_after) == (kind, sign, retry_after)


async def test_a_prompt_that_is_too_long_is_said_to_be(
    simulator: SalesforceSimulator, make: Make
) -> None:
    simulator.manners.longest = 3

    assert (await refused(make())).kind is Kind.CONTEXT_LENGTH


async def test_an_org_without_the_right_is_our_own_fault(
    simulator: SalesforceSimulator, make: Make
) -> None:
    simulator.tokens.scopes = ("api",)

    assert (await refused(make())).kind is Kind.UPSTREAM_AUTH


async def test_several_answers_are_refused_before_anybody_is_asked(
    simulator: SalesforceSimulator, make: Make
) -> None:
    problem = await refused(make(), replace(QUESTION, count=2))

    assert (problem.kind, problem.at) == (Kind.BAD_REQUEST, "n")
    assert simulator.token_requests == 0


async def test_silence_ends_with_the_time_there_was(
    simulator: SalesforceSimulator, make: Make
) -> None:
    simulator.faults.append(read_fault("hang"))

    assert (await refused(make(timers=Timers(total=0.05)))).sign is Sign.NO_FIRST_BYTE


async def test_who_leaves_hangs_up(simulator: SalesforceSimulator, make: Make) -> None:
    simulator.faults.append(read_fault("hang"))
    asking = asyncio.ensure_future(ask(make()))
    await simulator.asked.wait()

    asking.cancel()

    await simulator.hung_up.wait()


# -- feedback --------------------------------------------------------------------------------------


async def test_feedback_says_what_was_thought_of_an_answer(
    simulator: SalesforceSimulator, make: Make
) -> None:
    provider = make()
    answered = (await ask(provider)).started.feedback_id

    await provider.feedback(answered, good=True)
    await provider.feedback(answered, good=False, text="Wrong.")

    assert simulator.feedback == [
        {"generationId": "g-1", "feedback": "GOOD"},
        {"generationId": "g-1", "feedback": "BAD", "feedbackText": "Wrong."},
    ]
    assert simulator.token_requests == 1


async def test_feedback_gets_a_new_token_where_the_old_one_is_refused(
    simulator: SalesforceSimulator, make: Make
) -> None:
    provider = make()
    await provider.feedback("g-1", good=True)
    simulator.tokens.revoke()

    await provider.feedback("g-1", good=True)

    assert (len(simulator.feedback), simulator.token_requests) == (2, 2)


async def test_feedback_that_is_refused_is_a_problem(
    simulator: SalesforceSimulator, make: Make
) -> None:
    with pytest.raises(Problem) as caught:
        await make().feedback("", good=True)

    assert caught.value.kind is Kind.BAD_REQUEST


async def test_the_line_is_used_again(session: aiohttp.ClientSession, make: Make) -> None:
    provider = make()
    await ask(provider)  # after which the token is there

    for _ in range(3):
        await ask(provider)
        await provider.feedback("g-1", good=True)

    connector: Any = session.connector
    assert [len(free) for free in connector._conns.values()] == [1]


def test_nothing_is_written_of_the_secret(make: Make) -> None:
    provider = make(secret="hush")

    assert "hush" not in repr(provider) + repr(vars(provider))
