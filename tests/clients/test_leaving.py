"""Who leaves, whenever and by whichever face, is not paid for any longer: upstream is hung up on
within a second, and the answer counts once, as cancelled (api-faces.md §1, §10 item 7).
"""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest

from bff.simulators.anthropic import frames as anthropics
from bff.simulators.openai.frames import Frames
from bff.simulators.vendors import VENDORS
from tests.support.keys import create_key
from tests.support.service import Service, open_service

BY_NAME = {row.name: row for row in VENDORS}
OPENAIS = Frames(id="chatcmpl-1", model="gpt-4o", created=1)
WORD = b"marmalade"
PHASES = {
    "before headers": {"openai": (), "anthropic": ()},
    "in the preamble": {
        "openai": (OPENAIS.role(),),
        "anthropic": (anthropics.start(), anthropics.text_start()),
    },
    "in content": {
        "openai": (OPENAIS.role(), OPENAIS.delta(WORD.decode())),
        "anthropic": (
            anthropics.start(),
            anthropics.text_start(),
            anthropics.delta(WORD.decode()),
        ),
    },
    "in a call": {
        "openai": (
            OPENAIS.role(),
            OPENAIS.call(0, "call_1", "now"),
            OPENAIS.arguments(0, '{"tz":"marmalade'),
        ),
        "anthropic": (
            anthropics.start(),
            anthropics.block_start(0, {"type": "tool_use", "id": "c", "name": "now", "input": {}}),
            anthropics.block_delta(0, "input_json_delta", partial_json='{"tz":"marmalade'),
        ),
    },
}
COUNTERS = {
    "bff_requests_total": "left",
    "bff_upstream_requests_total": "cancelled",
    "bff_answers_total": "cancelled",
}
ASKED = [{"role": "user", "content": "hello"}]
FACES = {
    "/v1/chat/completions": {"messages": ASKED},
    "/v1/messages": {"messages": ASKED, "max_tokens": 9},
    "/v1/responses": {"input": "hello"},
}
OPENAI_ANSWERS_RESPONSES_IN_ITS_OWN_WORDS = ("/v1/responses", "openai")
CALLED = [
    (face, vendor)
    for face in FACES
    for vendor in ("openai", "anthropic")
    if (face, vendor) != OPENAI_ANSWERS_RESPONSES_IN_ITS_OWN_WORDS
]


async def open_question(
    service: Service, face: str, model: str, *, stream: bool
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Asked over a socket of its own, which can be closed at any moment."""
    body = orjson.dumps({"model": model, "stream": stream, **FACES[face]})
    place = service.url.removeprefix("http://")
    reader, writer = await asyncio.open_connection(*place.split(":"))
    writer.write(
        f"POST {face} HTTP/1.1\r\nHost: {place}\r\nAuthorization: Bearer {await create_key(service)}"
        f"\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    return reader, writer


async def endings(service: Service, name: str) -> list[str]:
    """The status of each that *name* has counted."""
    async with service.session.get(f"{service.url}/metrics") as response:
        lines = (await response.text()).splitlines()
    found = []
    for line in lines:
        if line.startswith(name) and (status := re.search(r'status="(\w+)"', line)):
            found += [status[1]] * int(float(line.rsplit(" ", 1)[1]))
    return [status for status in found if status not in ("200", "204")]  # ours, around it


async def wait_for(service: Service, name: str) -> None:
    """Until it has counted one, of each that begins so."""
    while await service.metric(name) == 0:
        pass  # each look is a request: others get their turn


async def leave(
    service: Service, face: str, vendor: str, said: Sequence[bytes], *, stream: bool
) -> None:
    simulator = service.world.vendors[vendor]
    simulator.hold()
    reader, writer = await open_question(service, face, BY_NAME[vendor].model, stream=stream)
    pen = await simulator.pen()
    await pen.say(*said)
    if any(WORD in frame for frame in said) and stream:
        await reader.readuntil(WORD)

    writer.close()

    async with asyncio.timeout(1):
        await pen.hung_up.wait()
    await wait_for(service, "bff_client_disconnects_total")


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize(("face", "vendor"), CALLED)
async def test_upstream_is_hung_up_on_whenever_a_caller_leaves_a_stream(
    tmp_path: Path, face: str, vendor: str, phase: str
) -> None:
    async with open_service(tmp_path, vendor=BY_NAME[vendor], gateway=False) as service:
        await leave(service, face, vendor, PHASES[phase][vendor], stream=True)

        counted = {name: await endings(service, name) for name in COUNTERS}
    assert counted == {name: [status] for name, status in COUNTERS.items()}


@pytest.mark.parametrize("face", FACES)
async def test_upstream_is_hung_up_on_when_nobody_waits_for_a_whole_answer(
    tmp_path: Path, face: str
) -> None:
    async with open_service(tmp_path, vendor=BY_NAME["anthropic"], gateway=False) as service:
        await leave(service, face, "anthropic", (), stream=False)

        counted = await endings(service, "bff_upstream_requests_total")
    assert counted == ["cancelled"]
