"""Each fault is on the wire what its name says."""

import asyncio
from typing import Any

import aiohttp
import orjson
import pytest

from bff.dialects.sse import Decoder
from bff.simulators.faults import Fault
from bff.simulators.openai.simulator import DONE, OpenAISimulator
from bff.simulators.world import World
from tests.support import raw_http
from tests.support.chat import chunks, frames, question, text

KEY = {"Authorization": "Bearer key"}


async def faulty(url: str, fault: str, **more: Any) -> raw_http.RawAnswer:
    return await raw_http.post(url, question(f"x [[simulate: words=4,{fault}]]", **more))


# --- instead of the answer -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "type_", "code", "wait"),
    [
        ("status=429,retry-after=2", 429, "requests", "rate_limit_exceeded", ("2", "2000")),
        ("status=429,retry-after=0.25", 429, "requests", "rate_limit_exceeded", ("1", "250")),
        ("status=500", 500, "server_error", None, (None, None)),
        ("status=503,code=overloaded", 503, "server_error", "overloaded", (None, None)),
        ("status=401", 401, "invalid_request_error", "invalid_api_key", (None, None)),
        (
            "status=400,code=context_length_exceeded",
            400,
            "invalid_request_error",
            "context_length_exceeded",
            (None, None),
        ),
        ("quota", 429, "insufficient_quota", "insufficient_quota", (None, None)),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_an_ordered_status_comes_with_openais_error(
    openai_url: str,
    session: aiohttp.ClientSession,
    fault: str,
    status: int,
    type_: str,
    code: str | None,
    wait: tuple[str | None, str | None],
    stream: bool,
) -> None:
    asked = question(f"[[simulate: {fault}]]", stream=stream)
    async with session.post(openai_url, json=asked, headers=KEY) as response:
        refused = (await response.json())["error"]

    assert response.status == status
    assert (refused["type"], refused["code"]) == (type_, code)
    waits = response.headers.get("retry-after"), response.headers.get("retry-after-ms")
    assert waits == wait


async def test_a_redirect_says_where_to(openai_url: str) -> None:
    answer = await faulty(openai_url, "status=302")

    assert b"302 Found" in answer.head
    assert b"Location: /elsewhere" in answer.head


async def test_a_reset_comes_before_any_byte(openai_url: str) -> None:
    for word in ("reset", "refuse"):
        assert await faulty(openai_url, word) == raw_http.RawAnswer(b"", reset=True)


async def test_garbage_is_no_status_line(openai_url: str, session: aiohttp.ClientSession) -> None:
    asked = question("[[simulate: garbage]]")

    with pytest.raises(aiohttp.ClientError):
        await session.post(openai_url, json=asked, headers=KEY)

    assert (await faulty(openai_url, "garbage")).data.startswith(b"THIS/1.1 is no status")


@pytest.mark.parametrize(
    ("fault", "type_", "starts"),
    [("html", b"text/html", b"<!DOCTYPE html>"), ("empty", b"text/event-stream", b"")],
)
async def test_other_bodies_come_with_200(
    openai_url: str, session: aiohttp.ClientSession, fault: str, type_: bytes, starts: bytes
) -> None:
    asked = question(f"[[simulate: {fault}]]")
    async with session.post(openai_url, json=asked, headers=KEY) as response:
        body = await response.read()

    assert response.status == 200
    assert response.content_type.encode() == type_
    assert body.startswith(starts)
    assert bool(body) == bool(starts)


async def test_a_stream_request_can_be_answered_whole(
    openai_url: str, session: aiohttp.ClientSession
) -> None:
    asked = question("[[simulate: json,words=2]]")
    async with session.post(openai_url, json=asked, headers=KEY) as response:
        whole = await response.json()

    assert response.content_type == "application/json"
    assert whole["choices"][0]["message"]["content"] == "word1 word2"


async def test_a_hang_sends_nothing_until_the_client_leaves(
    openai: OpenAISimulator, openai_url: str
) -> None:
    asking = asyncio.ensure_future(faulty(openai_url, "hang"))
    await openai.question()
    assert openai.answering == 1

    asking.cancel()

    await openai.hung_up.wait()
    await openai.idle()
    assert openai.written.frames == 0


# --- where it ends or breaks -----------------------------------------------------------------------


async def test_a_cut_is_a_reset_after_so_many_frames(openai_url: str) -> None:
    answer = await faulty(openai_url, "cut-after=3")

    assert answer.reset
    assert len(answer.chunks) == 3
    assert text(answer.body) == "word1 word2"


async def test_a_cut_after_nothing_still_sends_headers(openai_url: str) -> None:
    answer = await faulty(openai_url, "cut-after=0")

    assert answer.reset
    assert b"200 OK" in answer.head
    assert answer.chunks == []


async def test_a_whole_answer_is_cut_in_its_middle(openai_url: str) -> None:
    answer = await faulty(openai_url, "cut-after=0", stream=False)

    assert answer.reset
    assert answer.data.partition(b"\r\n\r\n")[2].startswith(b'{"id"')


async def test_a_bad_line_makes_a_whole_answer_unreadable(
    openai_url: str, session: aiohttp.ClientSession
) -> None:
    asked = question("[[simulate: bad-line-after=0]]", stream=False)
    async with session.post(openai_url, json=asked, headers=KEY) as response:
        body = await response.read()

    assert response.status == 200
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(body)


@pytest.mark.parametrize(
    ("fault", "count"), [("end-after=3", 3), ("end-after=0", 0), ("role-only", 1)]
)
async def test_a_clean_end_lacks_finish_and_done(openai_url: str, fault: str, count: int) -> None:
    answer = await faulty(openai_url, fault)

    assert answer.ended
    assert not answer.reset
    assert len(answer.chunks) == count
    assert b"[DONE]" not in answer.body


async def test_only_done_can_be_missing(openai_url: str) -> None:
    answer = await faulty(openai_url, "no-done")

    assert answer.ended
    assert chunks(answer.body)[-1]["choices"][0]["finish_reason"] == "stop"
    assert b"[DONE]" not in answer.body


async def test_an_error_frame_ends_the_stream(openai_url: str) -> None:
    answer = await faulty(openai_url, "error-after=2")

    *_, last = chunks(answer.body)
    assert answer.ended
    assert last["error"]["type"] == "server_error"
    assert len(frames(answer.body)) == 3


async def test_a_bad_line_is_no_json_and_the_rest_follows(openai_url: str) -> None:
    answer = await faulty(openai_url, "bad-line-after=2")

    bad = frames(answer.body).pop(2)
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(bad)
    assert answer.body.endswith(DONE)


async def test_a_hang_after_frames_holds_until_the_client_leaves(
    openai: OpenAISimulator, openai_url: str, session: aiohttp.ClientSession
) -> None:
    asked = question("[[simulate: hang-after=1]]")
    async with session.post(openai_url, json=asked, headers=KEY) as response:
        first = await response.content.readany()

    await openai.hung_up.wait()
    assert len(frames(first)) == 1
    assert openai.written.frames == 1


# --- how it is spelled and cut ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    ["crlf", "cr", "bom", "no-space", "multiline", "comments", "obfuscation", "split", "burst"],
)
async def test_a_spelling_changes_the_bytes_and_not_what_is_said(
    openai: OpenAISimulator, openai_url: str, fault: str
) -> None:
    openai.text = "Hé 中 🚀"
    plain = await raw_http.post(openai_url, question())
    odd = await raw_http.post(openai_url, question(f"[[simulate: {fault}]]"))

    assert odd.chunks != plain.chunks
    assert odd.ended
    read = [frame.data for frame in Decoder().feed(odd.body)]
    assert read[-1] == b"[DONE]"
    assert [_said(data) for data in read[:-1]] == [_said(data) for data in frames(plain.body)[:-1]]


def _said(data: bytes) -> Any:
    chunk = orjson.loads(data)
    return chunk["choices"][0]["delta"], chunk["choices"][0]["finish_reason"]


@pytest.mark.parametrize(
    ("fault", "sign"),
    [
        ("crlf", b"\r\n\r\ndata: "),
        ("cr", b"}\r\rdata: {"),
        ("bom", b"\xef\xbb\xbfdata: "),
        ("no-space", b'data:{"id"'),
        ("multiline", b"data: {\ndata:   "),
        ("comments", b": keep-alive\n\ndata: "),
        ("obfuscation", b'"obfuscation":"'),
    ],
)
async def test_each_spelling_is_what_its_name_says(
    openai_url: str, fault: str, sign: bytes
) -> None:
    answer = await faulty(openai_url, fault)

    assert sign in answer.body
    assert (b"\n" in answer.body) == (fault != "cr")


async def test_a_split_cuts_characters_too(openai: OpenAISimulator, openai_url: str) -> None:
    openai.text = "é"

    answer = await raw_http.post(openai_url, question("[[simulate: split]]"))

    assert {len(write) for write in answer.chunks} == {1}
    assert "é".encode() in answer.body


async def test_a_burst_is_one_write(openai_url: str) -> None:
    answer = await faulty(openai_url, "burst")

    assert len(answer.chunks) == 1
    assert answer.body.endswith(DONE)


async def test_an_event_can_be_huge(openai_url: str) -> None:
    answer = await faulty(openai_url, "huge=300000")

    assert len(answer.chunks[1]) == 300_000
    assert answer.body.endswith(DONE)


async def test_an_endless_answer_goes_on_as_far_as_the_reader_reads(
    openai: OpenAISimulator, openai_url: str, session: aiohttp.ClientSession
) -> None:
    asked = question("[[simulate: endless=16384]]")
    async with session.post(openai_url, json=asked, headers=KEY) as response:
        await openai.blocked.wait()  # nobody reads
        stuck = openai.written.frames
        await response.content.readexactly(8 * 2**20)

        assert 0 < stuck < openai.written.frames

    await openai.hung_up.wait()
    await openai.idle()


async def test_delays_come_before_headers_and_before_frames(openai_url: str) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await faulty(openai_url, "delay-ms=30,frame-delay-ms=10")

    assert loop.time() - begun >= 0.03 + 7 * 0.01


# --- where faults come from --------------------------------------------------------------------------


async def test_a_fault_may_stand_behind_the_model_or_in_a_header(openai_url: str) -> None:
    behind = await raw_http.post(openai_url, question(model="gpt-4o!words=1"))
    header = await raw_http.post(openai_url, question(), x_simulate="words=2")

    assert text(behind.body) == "word1"
    assert {chunk["model"] for chunk in chunks(behind.body)} == {"gpt-4o-2024-08-06"}
    assert text(header.body) == "word1 word2"


async def test_queued_faults_are_served_one_by_one_before_all_others(
    openai: OpenAISimulator, openai_url: str
) -> None:
    openai.faults.extend([Fault(words=1), Fault(), Fault(words=3)])

    answers = [await faulty(openai_url, "no-done") for _ in range(4)]

    assert text(answers[0].body) == "word1"
    assert "[[" not in text(answers[1].body)
    assert text(answers[2].body) == "word1 word2 word3"
    assert text(answers[3].body) == "word1 word2 word3 word4"


async def test_faults_can_be_queued_seen_and_forgotten_over_http(
    world: World, openai_url: str, session: aiohttp.ClientSession
) -> None:
    url = f"{world.url}/openai/_faults"
    async with session.post(url, json=["words=1", "cut-after=3"]) as response:
        assert response.status == 201
    async with session.post(url, json="words=2") as response:
        assert await response.json() == ["words=1", "cut-after=3", "words=2"]
    assert text((await raw_http.post(openai_url, question())).body) == "word1"
    async with session.delete(url) as response:
        assert response.status == 204
    async with session.get(url) as response:
        assert await response.json() == []


@pytest.mark.parametrize("said", [5, [5], ["statsu=1"], {"a": 1}])
async def test_wrong_faults_are_not_queued(
    world: World, session: aiohttp.ClientSession, said: object
) -> None:
    async with session.post(f"{world.url}/openai/_faults", json=said) as response:
        assert response.status == 400
    assert not world.openai.faults
