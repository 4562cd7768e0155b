"""The token: fetched once for all who need it, before it ends, and again when it is refused."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest

from bff.chat.request import ChatRequest, Message, Role, Tags
from bff.errors import Kind, Problem, Sign
from bff.policy.deadline import Timers
from bff.providers._pool import Pool
from bff.providers._salesforce_token import TokenHolder
from bff.providers._vendor import Means, Road
from bff.providers.salesforce import Salesforce
from bff.simulators.faults import read_fault
from bff.simulators.salesforce.simulator import STAND_IN, SalesforceSimulator
from bff.simulators.world import World, open_world

MODEL = "sfdc_ai__DefaultGPT4Omni"
QUESTION = ChatRequest(
    f"salesforce/{MODEL}",
    (Message(Role.USER, "hello"),),
    Tags("bff", "t:1", "u:1", "-", "req_1"),
)


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


@pytest.fixture
def holder(world: World, session: aiohttp.ClientSession, clock: Clock) -> TokenHolder:
    return a_holder(world, session, clock)


def a_holder(
    world: World,
    session: aiohttp.ClientSession,
    clock: Clock,
    *,
    url: str = "",
    key: str = "key",
    secret: str = "secret",  # noqa: S107 - the simulator's
    timeout_s: float = 5.0,
) -> TokenHolder:
    return TokenHolder(
        session,
        instance_url=url or world.url_of("salesforce"),
        key=key,
        secret=secret,
        now=clock,
        timeout_s=timeout_s,
    )


@pytest.fixture
def provider(world: World, session: aiohttp.ClientSession, holder: TokenHolder) -> Salesforce:
    base = f"{world.url_of('salesforce')}/einstein/platform/v1"
    means = Means(session, Pool(200, patience_s=5), Timers())
    return Salesforce(means, {"direct": Road(base)}, endpoint="chat-generations", token=holder)


def soon(seconds: float = 10) -> float:
    return asyncio.get_running_loop().time() + seconds


async def find(holder: TokenHolder, *, instead_of: str = "", left_s: float = 10) -> str:
    return await holder.find(deadline=soon(left_s), instead_of=instead_of)


async def ask(provider: Salesforce) -> None:
    async with provider.stream(QUESTION, model=MODEL, via="direct", deadline=soon()) as upstream:
        async for _ in upstream.batches:
            pass


async def fails(holder: TokenHolder) -> Problem:
    with pytest.raises(Problem) as caught:
        await find(holder)
    return caught.value


async def turns(count: int = 5) -> None:
    """So that whoever can go on does."""
    for _ in range(count):
        await asyncio.sleep(0)


# -- one for all -----------------------------------------------------------------------------------


async def test_a_hundred_who_need_one_at_once_fetch_one(
    simulator: SalesforceSimulator, holder: TokenHolder
) -> None:
    found = await asyncio.gather(*(find(holder) for _ in range(100)))

    assert len(set(found)) == 1
    assert simulator.token_requests == 1


async def test_a_hundred_questions_fetch_one(
    simulator: SalesforceSimulator, provider: Salesforce
) -> None:
    await asyncio.gather(*(ask(provider) for _ in range(100)))

    assert (len(simulator.requests), simulator.token_requests) == (100, 1)


@pytest.mark.parametrize(
    ("with_end", "lives_s"), [(True, 7140 - 600), (False, 3000)], ids=["exp", "issued_at"]
)
async def test_a_token_is_kept_until_shortly_before_it_ends(
    simulator: SalesforceSimulator,
    holder: TokenHolder,
    clock: Clock,
    with_end: bool,
    lives_s: float,
) -> None:
    simulator.tokens.with_end = with_end
    first = await find(holder)
    clock.at += lives_s - 1
    same = await find(holder)
    clock.at += 1
    other = await find(holder)

    assert same == first != other
    assert simulator.token_requests == 2


async def test_a_hundred_who_need_the_next_one_at_once_fetch_one(
    simulator: SalesforceSimulator, holder: TokenHolder, clock: Clock
) -> None:
    await find(holder)
    clock.at += 7140

    await asyncio.gather(*(find(holder) for _ in range(100)))

    assert simulator.token_requests == 2


async def test_a_short_life_is_used_by_half_and_not_refetched_each_time(
    simulator: SalesforceSimulator, holder: TokenHolder, clock: Clock
) -> None:
    simulator.tokens.lifetime_s = 300
    first = await find(holder)
    clock.at += 149

    assert await find(holder) == first
    clock.at += 1
    assert await find(holder) != first


# -- refused ---------------------------------------------------------------------------------------


async def test_a_refused_token_is_replaced_once_and_the_question_asked_again(
    simulator: SalesforceSimulator, provider: Salesforce
) -> None:
    await ask(provider)
    simulator.tokens.revoke()

    await ask(provider)

    assert (len(simulator.requests), simulator.token_requests) == (3, 2)


async def test_many_who_hold_the_same_refused_token_fetch_one(
    simulator: SalesforceSimulator, provider: Salesforce
) -> None:
    await ask(provider)
    simulator.tokens.revoke()

    await asyncio.gather(*(ask(provider) for _ in range(50)))

    assert simulator.token_requests == 2


async def test_who_is_refused_late_takes_the_token_that_others_fetched(
    simulator: SalesforceSimulator, holder: TokenHolder
) -> None:
    old = await find(holder)
    new = await find(holder, instead_of=old)

    assert await find(holder, instead_of=old) == new != old
    assert simulator.token_requests == 2


async def test_a_new_token_that_is_refused_too_is_our_own_fault(
    simulator: SalesforceSimulator, provider: Salesforce
) -> None:
    simulator.faults.extend(read_fault("status=401") for _ in range(2))

    with pytest.raises(Problem) as caught:
        await ask(provider)

    assert (caught.value.kind, caught.value.status) == (Kind.UPSTREAM_AUTH, 401)
    assert (len(simulator.requests), simulator.token_requests) == (2, 2)


# -- no token --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "secret", "why"),
    [("no-such-key", "secret", "invalid_client_id"), ("key", "no-such-secret", "invalid_client")],
)
async def test_wrong_credentials_are_our_own_fault_and_not_said_aloud(
    world: World, session: aiohttp.ClientSession, clock: Clock, key: str, secret: str, why: str
) -> None:
    problem = await fails(a_holder(world, session, clock, key=key, secret=secret))

    assert (problem.kind, problem.sign) == (Kind.UPSTREAM_AUTH, Sign.PROVIDER_REFUSED)
    assert problem.__notes__ == [f"Salesforce: {why}"]
    assert "no-such" not in problem.public + repr(problem)
    assert why not in problem.public


async def test_a_flow_that_is_off_is_our_own_fault(
    simulator: SalesforceSimulator, holder: TokenHolder
) -> None:
    simulator.tokens.flow = False

    assert "invalid_grant" in (await fails(holder)).__notes__[0]


async def test_a_session_token_is_no_token_for_this_api(
    simulator: SalesforceSimulator, holder: TokenHolder
) -> None:
    simulator.tokens.opaque = True

    problem = await fails(holder)

    assert problem.kind is Kind.UPSTREAM_AUTH
    assert "JWT-based access tokens" in problem.__notes__[0]


@pytest.mark.parametrize(
    ("fault", "kind", "sign"),
    [
        ("status=500", Kind.UPSTREAM, Sign.PROVIDER_DOWN),
        ("status=429", Kind.UPSTREAM_RATE_LIMIT, Sign.PROVIDER_BUSY),
        ("html", Kind.UPSTREAM, Sign.PROVIDER_DOWN),
        ("empty", Kind.UPSTREAM, Sign.PROVIDER_DOWN),
        ("reset", Kind.CONNECTION, Sign.UNREACHABLE),
        ("status=302", Kind.UPSTREAM_AUTH, Sign.PROVIDER_REFUSED),
    ],
)
async def test_a_fetch_that_failed_is_not_remembered(
    simulator: SalesforceSimulator, holder: TokenHolder, fault: str, kind: Kind, sign: Sign
) -> None:
    simulator.token_faults.append(read_fault(fault))

    problem = await fails(holder)

    assert (problem.kind, problem.sign) == (kind, sign)
    assert await find(holder)


async def test_who_waits_shares_the_failure_and_nobody_storms(
    simulator: SalesforceSimulator, holder: TokenHolder
) -> None:
    simulator.token_faults.append(read_fault("status=429,code=slow_down,retry-after=3"))
    simulator.hold_tokens()
    asking = [asyncio.ensure_future(find(holder)) for _ in range(100)]
    await simulator.token_asked.wait()

    simulator.release_tokens()
    outcomes = await asyncio.gather(*asking, return_exceptions=True)

    assert simulator.token_requests == 1
    problems = [outcome for outcome in outcomes if isinstance(outcome, Problem)]
    assert len(set(map(id, problems))) == 100
    assert {(p.kind, p.sign, p.status, p.retry_after) for p in problems} == {
        (Kind.UPSTREAM_RATE_LIMIT, Sign.PROVIDER_BUSY, 429, 3.0)
    }


async def test_nobody_there_can_be_tried_again(
    world: World, session: aiohttp.ClientSession, clock: Clock
) -> None:
    problem = await fails(a_holder(world, session, clock, url=world.closed_url))

    assert (problem.kind, problem.sign) == (Kind.CONNECTION, Sign.UNREACHABLE)


async def test_silence_ends_and_can_be_tried_again(
    world: World, session: aiohttp.ClientSession, clock: Clock, simulator: SalesforceSimulator
) -> None:
    simulator.hold_tokens()

    problem = await fails(a_holder(world, session, clock, timeout_s=0.05))

    assert (problem.kind, problem.sign) == (Kind.TIMEOUT, Sign.NO_FIRST_BYTE)


# -- who leaves ------------------------------------------------------------------------------------


async def test_who_fetches_and_leaves_takes_nothing_from_who_waits(
    simulator: SalesforceSimulator, holder: TokenHolder
) -> None:
    simulator.hold_tokens()
    first, *others = [asyncio.ensure_future(find(holder)) for _ in range(20)]
    await simulator.token_asked.wait()

    first.cancel()
    await turns()
    simulator.release_tokens()
    found = await asyncio.gather(*others)

    assert first.cancelled()
    assert len(set(found)) == 1
    assert simulator.token_requests == 2  # the first's, and one for all the others


async def test_who_waits_and_leaves_disturbs_nobody(
    simulator: SalesforceSimulator, holder: TokenHolder
) -> None:
    simulator.hold_tokens()
    first, second, third = [asyncio.ensure_future(find(holder)) for _ in range(3)]
    await simulator.token_asked.wait()

    second.cancel()
    await turns()
    simulator.release_tokens()

    assert await first == await third
    assert simulator.token_requests == 1


async def test_one_who_has_no_time_left_leaves_alone(
    simulator: SalesforceSimulator, holder: TokenHolder
) -> None:
    simulator.hold_tokens()
    hasty = asyncio.ensure_future(find(holder, left_s=0.05))
    patient = asyncio.ensure_future(find(holder))

    with pytest.raises(Problem) as caught:
        await hasty
    simulator.release_tokens()

    assert caught.value.kind is Kind.TIMEOUT
    assert await patient


# -- secrets ---------------------------------------------------------------------------------------


async def test_nothing_is_written_of_secrets_or_tokens(
    world: World, session: aiohttp.ClientSession, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    holder = a_holder(world, session, clock)

    token = await find(holder)

    assert token not in repr(holder) + repr(holder._token) + "".join(capsys.readouterr())
    assert "secret" not in repr(holder)
