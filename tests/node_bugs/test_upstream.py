"""The way to the model: who is told what, when it ends, and that it ends. B4-B9, B29, B30."""

from pathlib import Path

import aiohttp
import orjson
import pytest

from bff.atlassian.install_keys import InstallKeys
from bff.errors import Problem
from bff.settings import WrongSetting, read_settings
from bff.simulators.openai.simulator import delta
from tests.support.frontend import shown
from tests.support.key_host import open_key_host
from tests.support.raw_http import ask
from tests.support.service import Service, open_service


async def test_b04_the_gateway_is_a_setting_and_never_told_to_a_caller(tmp_path: Path) -> None:
    async with open_service(tmp_path, gateway=False) as service:
        closed = service.world.closed_url
    gateway = f"{closed}/v1/secret-account/secret-gateway/openai"
    async with open_service(
        tmp_path, gateway=False, openai_baseurl=gateway, openai_fallback_baseurl="off"
    ) as service:
        status, data, headers = await service.answer("hello")

    told = data.decode() + repr(headers)
    assert status == 502
    assert "secret-account" not in told
    assert closed.rpartition("/")[2] not in told
    assert "diagramly-ai" not in told


async def test_b04_the_base_url_of_the_environment_is_the_one_that_is_asked(
    service: Service,
) -> None:
    await service.answer("hello")

    assert len(service.openai.requests) == 1  # OPENAI_BASEURL named the simulator


def test_b05_without_a_key_it_does_not_start() -> None:
    with pytest.raises(WrongSetting, match="OPENAI_API_KEY"):
        read_settings({"OPENAI_API_KEY": ""})


async def test_b05_the_key_is_sent_and_nothing_undefined(service: Service) -> None:
    await service.answer("hello")

    assert service.openai.requests[-1].headers["Authorization"] == "Bearer sk-test-key"


async def test_b06_a_browsers_stream_comes_event_by_event_and_not_packed(service: Service) -> None:
    service.openai.hold()
    await service.openai.say(delta("one"))
    headers = {"Accept-Encoding": "gzip, deflate, br, zstd"}
    async with service.ask(headers=headers) as response:
        first = await response.content.readuntil(b"\n\n")  # while the second has not been said
        await service.openai.say(delta("two"))
        await service.openai.finish()
        rest = await response.read()

    assert "Content-Encoding" not in response.headers
    assert first.startswith(b"data: {")
    assert shown(first + rest).text == "onetwo"


@pytest.mark.parametrize("fault", ["cut-after=3", "end-after=3", "error-after=3", "hang-after=3"])
async def test_b07_a_failure_in_the_middle_ends_the_answer(service: Service, fault: str) -> None:
    service.openai.text = "one two three four five six"
    url = f"{service.url}/conversations?jwt={service.host.context_token()}"
    body = {"messages": [{"content": f"[[simulate: {fault}]] hello"}]}

    answer = await ask("POST", url, orjson.dumps(body), Content_Type="application/json")

    assert answer.status == 200
    assert answer.ended
    assert answer.body.endswith(b"data: [DONE]\n\n")


async def test_b09_an_upstream_that_says_nothing_is_not_waited_for(service: Service) -> None:
    for fault in ("hang", "hang-after=0"):
        status, _, _ = await service.answer(f"[[simulate: {fault}]] hello")

        assert status == 504


async def test_b09_a_key_host_that_says_nothing_is_not_waited_for() -> None:
    async with open_key_host() as host, aiohttp.ClientSession() as session:
        host.open.clear()
        keys = InstallKeys(session, (host.url,), timeout_s=0.05)

        with pytest.raises(Problem):
            await keys.find("kid-1")

        host.open.set()


@pytest.mark.parametrize("fault", ["status=401", "status=403", "status=302", "status=500"])
async def test_b29_what_upstream_says_of_us_is_not_repeated_to_the_caller(
    service: Service, fault: str
) -> None:
    status, data, headers = await service.answer(f"[[simulate: {fault}]] hello")

    assert status >= 400
    assert orjson.loads(data) == {"error": "OpenAI API error"}
    assert "Location" not in headers
    assert "WWW-Authenticate" not in headers


async def test_b29_the_wait_that_upstream_asks_for_is_passed_on(service: Service) -> None:
    status, _, headers = await service.answer("[[simulate: status=429,retry-after=90]] hello")

    assert (status, headers["Retry-After"]) == (429, "90")


@pytest.mark.parametrize("fault", ["html", "empty", "garbage"])
async def test_b30_what_is_no_event_stream_is_not_served_as_one(
    service: Service, fault: str
) -> None:
    status, data, headers = await service.answer(f"[[simulate: {fault}]] hello")

    assert status == 502
    assert headers["Content-Type"].startswith("application/json")
    assert set(orjson.loads(data)) == {"error"}


async def test_b30_a_whole_completion_is_told_as_the_chunks_it_could_have_been(
    service: Service,
) -> None:
    service.openai.text = "all of it"
    status, data, headers = await service.answer("[[simulate: json]] hello")

    assert (status, headers["Content-Type"]) == (200, "text/event-stream")
    assert shown(data).text == "all of it"
