"""The set asked in order, of a service that may go away, by a tenant of its own or none."""

import asyncio

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from bff.compare.lifecycle import called_by_a_new_tenant, new_signing, open_key_host
from bff.compare.outcome import End, Text
from bff.compare.requests import Mark, Place, Request
from bff.compare.running import Away, Side, batches, called_by, find_side, run
from bff.compare.sending import Sender, open_sender
from tests.support.answers import DESCRIPTOR, Answers, Said, nobodys_url, open_answers
from tests.support.clock import FakeClock

LIFE = frozenset({Mark.LIFECYCLE})


async def find(sender: Sender, url: str, clock: FakeClock) -> Side:
    return await find_side("the Node app", url, sender, clock.sleep, limit_s=1, any_words=False)


@pytest.mark.parametrize(
    ("requests", "jobs", "batched"),
    [
        ("abc", 1, ["a", "b", "c"]),
        ("abcde", 2, ["ab", "cd", "e"]),
        ("abXcdYZe", 3, ["ab", "X", "cd", "Y", "Z", "e"]),
        ("", 2, []),
    ],
)
def test_what_changes_installs_is_asked_alone(requests: str, jobs: int, batched: list[str]) -> None:
    listed = [
        Request(name, "GET", "/", marks=LIFE if name.isupper() else frozenset())
        for name in requests
    ]

    assert ["".join(r.name for r in batch) for batch in batches(listed, jobs)] == batched


async def test_outcomes_come_in_the_order_of_the_requests() -> None:
    second_is_asked = asyncio.Event()

    async def ask(request: Request) -> str:
        if request.name == "a":
            await second_is_asked.wait()
        else:
            second_is_asked.set()
        return request.name

    requests = [Request(name, "GET", "/") for name in "ab"]

    assert [name async for name in run(requests, ask, jobs=2)] == ["a", "b"]


async def test_what_goes_wrong_with_one_of_several_is_what_went_wrong() -> None:
    async def ask(request: Request) -> str:
        raise Away(f"gone before {request.name}")

    with pytest.raises(Away, match="gone before a"):
        await anext(run([Request(name, "GET", "/") for name in "ab"], ask, jobs=2))


async def test_a_service_is_known_by_its_descriptor(service: Answers) -> None:
    clock = FakeClock()
    service.says["/x"] = Said(body=f"at {service.url}".encode())
    async with open_sender() as sender:
        side = await find(sender, f"{service.url}/", clock)
        outcome = await side.ask(Request("it", "GET", "/x"))

    assert (side.url, side.identity.base_url) == (service.url, service.url)
    assert side.identity.app_key == "gptdock-confluence"
    assert (outcome.end, outcome.status) == (End.COMPLETE, 200)
    assert outcome.body == Text("at <base url>")


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        (Said(404, b"no"), "answers 404 for /atlassian-connect.json, and not with a descriptor"),
        (Said(200, b"[]"), "answers 200 for /atlassian-connect.json, and not with a descriptor"),
        (Said(200, b'{"key":"a"}'), "is the URL its base URL?"),
        (Said(then="silent"), "cannot be compared (no answer): is it running"),
    ],
)
async def test_what_has_no_descriptor_cannot_be_compared(
    service: Answers, said: Said, complaint: str
) -> None:
    service.says[DESCRIPTOR] = said
    async with open_sender() as sender:
        with pytest.raises(Away) as away:
            await find(sender, service.url, FakeClock())

    assert complaint in str(away.value)
    assert str(away.value).startswith(f"the Node app at {service.url}")


async def test_a_service_that_goes_away_is_waited_for_and_then_given_up() -> None:
    clock = FakeClock()
    async with open_sender() as sender:
        async with open_answers() as service:
            side = await find(sender, service.url, clock)

        with pytest.raises(Away, match='has gone away before "it": start it again'):
            await side.ask(Request("it", "GET", "/x"))

    assert 10 <= clock.time <= 60


async def test_a_service_that_is_started_again_is_asked_again(service: Answers) -> None:
    async with open_sender() as sender:
        url = nobodys_url()
        found = await find(sender, service.url, FakeClock())
        side = Side("the Node app", url, sender, FakeClock().sleep, found.identity)
        again = asyncio.Event()

        async def sleep(_: float) -> None:
            object.__setattr__(side, "url", service.url)
            again.set()

        object.__setattr__(side, "sleep", sleep)
        outcome = await side.ask(Request("it", "GET", "/x"))

    assert again.is_set()
    assert outcome.status == 404


async def test_a_tenant_signs_what_it_asks_and_is_not_seen_in_what_comes_back(
    service: Answers,
) -> None:
    service.says["/x"] = Said(body=b"for site-of-ours, whose secret is hush-hush")
    async with open_sender() as sender:
        side = called_by(await find(sender, service.url, FakeClock()), "site-of-ours", "hush-hush")
        outcome = await side.ask(Request("it", "GET", "/x", "context", Place.QUERY))

    token = service.asked[-1].partition("jwt=")[2]
    assert jwt.decode(token, options={"verify_signature": False})["iss"] == "site-of-ours"
    assert outcome.body == Text("for <client key>, whose secret is <secret>")
    assert "hush" not in repr(side)


async def test_a_throw_away_tenant_is_another_for_each_and_its_key_is_published(
    service: Answers,
) -> None:
    signing = new_signing()
    async with open_sender() as sender:
        side = await find(sender, service.url, FakeClock())
        one, other = (called_by_a_new_tenant(side, signing) for _ in range(2))
        async with (
            open_key_host(signing, "127.0.0.1", 0) as url,
            aiohttp.ClientSession() as session,
        ):
            async with session.get(f"{url}/keys/{signing.key_id}") as response:
                published = load_pem_public_key(await response.read())
            async with session.get(f"{url}/another") as response:
                unknown = response.status

    assert published == signing.key.public_key()
    assert unknown == 404
    assert one.identity.client_key != other.identity.client_key
    assert one.identity.secret != one.identity.new_secret
    assert one.identity.signing is signing
