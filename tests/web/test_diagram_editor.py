"""The unchanged editor at `/image-to-dsl2`: up to three tries, each with the whole history.

What it does with an answer (node-bff.md §3.4): `error` is thrown, `answer` is searched for a code
block, and `messages` is what the next try begins with. Anything else leaves it spinning.
"""

import io
import re
from typing import Any

import orjson
import pytest

from tests.support.service import Service
from tests.web.test_diagrams import BESIDE, PNG, always

HEADERS = {"Content-Type": "application/json; charset=UTF-8"}
CODE = re.compile(r"```(?:json|mermaid)?([\s\S]*?)```")


class Editor:
    """One user's wish. *shown* is the diagram it ends with, *thrown* the error."""

    def __init__(self, service: Service, words: str, picture: str | None = None) -> None:
        self._service = service
        self.messages: list[Any] = [{"role": "user", "content": [{"type": "text", "text": words}]}]
        if picture is not None:
            part = {"type": "image_url", "image_url": {"url": picture}}
            self.messages[0]["content"].append(part)
        self.tries = 0
        self.shown: str | None = None
        self.thrown: str | None = None

    async def draw(self) -> None:
        while self.tries < 3 and self.shown is None:
            self.tries += 1
            body = io.BytesIO(orjson.dumps({"messages": self.messages}))
            answer = await self._service.post(BESIDE, data=body, headers=HEADERS)
            told = orjson.loads(answer.text)
            if told.get("error"):
                self.thrown = told["error"]
                return
            found = CODE.search(told["answer"])
            self.shown = found and found[1]
            again = {"role": "user", "content": "The previous answer misses code block."}
            said = {"role": "assistant", "content": told["answer"]}
            self.messages = [*told["messages"], said, again]


async def test_a_code_block_at_once_ends_it(service: Service) -> None:
    service.openai.text = "Here:\n```mermaid\ngraph TD\n```"
    editor = Editor(service, "Draw it", PNG)

    await editor.draw()

    assert (editor.shown, editor.tries) == ("\ngraph TD\n", 1)


@pytest.mark.parametrize("answer", ["no code", ""])
async def test_every_try_brings_the_whole_history(service: Service, answer: str) -> None:
    service.openai.text = answer
    editor = Editor(service, "Draw it", PNG)

    await editor.draw()

    last = service.openai.requests[-1].json["messages"]
    assert editor.tries == 3
    assert [message["role"] for message in last] == ["system", *["user", "assistant"] * 2, "user"]
    assert last[1] == editor.messages[0]


@pytest.mark.parametrize(
    ("picture", "fault"),
    [(PNG, "status=500"), (PNG, "no-choices"), (PNG, "not-json"), ("http requests, drawn", None)],
)
async def test_whatever_goes_wrong_is_thrown_in_words(
    service: Service, picture: str, fault: str | None
) -> None:
    if fault is not None:
        always(service.openai.faults, fault)
    editor = Editor(service, "Draw it", picture)  # words that begin with http are an address to it

    await editor.draw()

    assert editor.thrown
    assert editor.tries == 1


async def test_no_tokens_left_is_thrown_in_words(service: Service) -> None:
    await service.get("/v2/client/info")
    await service.set_quota(0)
    editor = Editor(service, "Draw it")

    await editor.draw()

    assert editor.thrown == "Not enough tokens"


async def test_a_body_too_large_is_thrown_in_words(service: Service) -> None:
    editor = Editor(service, "Draw it", PNG + "A" * 10 * 2**20)

    await editor.draw()

    assert editor.thrown
