"""What a vendor says in its own words reaches who speaks them, and nobody else."""

from collections.abc import Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from bff.chat.request import ChatRequest
from bff.errors import Kind, Said, Sign
from tests.support.scripted import (
    ANSWER,
    HI,
    QUESTION,
    ROLE,
    ScriptedVendor,
    ask,
    engine_of,
    failure,
)

SAID = Said("openai_chat", 400, b"{}")
FOREIGN = replace(QUESTION, passes="anthropic_messages")
PASSED = {"request-id": "req_1"}


class HeadedVendor(ScriptedVendor):
    """Its answers have headers that go along; *passed* is one such for each attempt."""

    def __init__(self, *scripts: object, passed: list[Mapping[str, str]]) -> None:
        super().__init__(*scripts)
        self._passed = passed

    @asynccontextmanager
    async def stream(self, request: ChatRequest, **asked: Any) -> Any:
        passed = self._passed.pop(0)
        async with super().stream(request, **asked) as upstream:
            yield replace(upstream, passed=passed)


def refusal() -> Any:
    return failure(Sign.PROVIDER_REFUSED, Kind.BAD_REQUEST, original=SAID)


@pytest.mark.parametrize("script", ["before", "in the stream"])
async def test_a_refusal_in_its_own_words_reaches_who_speaks_them(script: str) -> None:
    scripted = refusal() if script == "before" else [[ROLE], [HI], refusal()]
    engine, _ = engine_of(ScriptedVendor(scripted))

    _, _, problem = await ask(engine)

    assert problem is not None
    assert problem.original == SAID


async def test_a_refusal_goes_along_with_a_question_in_other_words_for_its_sentence() -> None:
    engine, _ = engine_of(ScriptedVendor(refusal()))

    _, _, problem = await ask(engine, FOREIGN)

    assert problem is not None
    assert problem.original == SAID


async def test_what_stands_in_for_another_model_does_not_name_itself() -> None:
    first = ScriptedVendor(failure(Sign.PROVIDER_REFUSED, Kind.UPSTREAM_AUTH))
    second = ScriptedVendor([[ROLE], [HI], refusal()], name="second")
    engine, _ = engine_of(first, second, fallbacks={"vendor/model": ("second/other",)})

    _, _, problem = await ask(engine)

    assert problem is not None
    assert problem.original is None


async def test_headers_go_along_with_an_answer_in_its_own_words_only() -> None:
    native, _ = engine_of(HeadedVendor(ANSWER, passed=[PASSED]))
    translated, _ = engine_of(HeadedVendor(ANSWER, passed=[PASSED]))

    assert (await ask(native))[1].passed == PASSED
    assert (await ask(translated, FOREIGN))[1].passed == {}


async def test_headers_of_an_earlier_try_do_not_go_along_with_a_later() -> None:
    vendor = HeadedVendor([[ROLE], failure(Sign.CUT)], refusal(), passed=[PASSED, {}])
    engine, _ = engine_of(vendor)

    assert (await ask(engine))[1].passed == {}
