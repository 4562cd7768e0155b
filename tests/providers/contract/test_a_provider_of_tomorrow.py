"""A provider added tomorrow is in the suite by being in the table: here is one, and its row."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from bff.chat.request import ChatRequest, Written
from bff.dialects import openai_chat
from bff.errors import Kind, Problem, Sign
from bff.policy.models import openai_traits
from bff.providers._http import Dialect
from bff.providers._vendor import HttpProvider, Road
from bff.simulators.openai.simulator import OpenAISimulator
from bff.simulators.stand_in import StandIn
from bff.simulators.vendors import VENDORS
from bff.wiring.vendors import Opener
from tests.providers.contract import failing
from tests.providers.contract.rows import Row, Wiring, rows
from tests.providers.contract.suite import SCENARIOS, Scenario, name_of, play


class Tomorrow(HttpProvider):
    name, tongues = "tomorrow", frozenset({openai_chat.NAME})

    def url(self, road: Road, model: str) -> URL:
        return URL(f"{road.base}/ask/v1/chat/completions")

    def write(self, request: ChatRequest, model: str) -> Written:
        return openai_chat.write_request(request, model=model, traits=openai_traits(model))

    def dialect(self, request: ChatRequest, model: str) -> Dialect:
        whole = openai_chat.read_completion if request.stream else openai_chat.read_reply
        return Dialect(
            open_reader=lambda between: openai_chat.StreamReader(2**20, read_refusal=between),
            read_whole=whole,
            read_refusal=lambda status, _, data, wait: openai_chat.read_refusal(
                status, data, retry_after=wait
            ),
            not_an_answer=openai_chat.not_an_answer,
        )


class TomorrowSimulator(OpenAISimulator):
    """OpenAI's words at a path of its own."""

    def app(self) -> web.Application:
        app = web.Application()
        app.add_subapp("/ask", super().app())
        return app


TOMORROW = StandIn(
    name="tomorrow",
    make=lambda delay_s: TomorrowSimulator(delay_s=delay_s, models={"dawn-1"}),
    environment=lambda url, _: {"TOMORROW_API_KEY": "tomorrows-key", "TOMORROW_URL": url},
    model="tomorrow/dawn-1",
)


def wiring_of(provider: type[Tomorrow]) -> Wiring:
    def wiring(environment: Mapping[str, str]) -> Mapping[str, Opener]:
        headers = {"Authorization": f"Bearer {environment['TOMORROW_API_KEY']}"}
        road = Road(environment["TOMORROW_URL"], headers)
        return {"tomorrow": lambda means: provider(means, {"direct": road})}

    return wiring


ROWS = rows([TOMORROW], wiring_of(Tomorrow))


@pytest.mark.parametrize("row", ROWS, ids=str)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=name_of)
async def test_a_row_is_all_that_a_new_provider_needs(scenario: Scenario, row: Row) -> None:
    await play(scenario, row)


class Blind(Tomorrow):
    """Takes every refusal for a bad moment."""

    def dialect(self, request: ChatRequest, model: str) -> Dialect:
        moment = Problem(Kind.OVERLOADED, "A moment.", sign=Sign.PROVIDER_BUSY)
        return replace(super().dialect(request, model), read_refusal=lambda *_: moment)


class Careless(Tomorrow):
    """Takes the end of the connection for the end of the answer."""

    def dialect(self, request: ChatRequest, model: str) -> Dialect:
        return replace(super().dialect(request, model), open_reader=lambda _: CarelessReader(2**20))


class CarelessReader(openai_chat.StreamReader):
    problem = property(lambda _: None, lambda *_: None)


class Greedy(Tomorrow):
    """Keeps its place in the pool."""

    async def ask(self, *args: Any, **more: Any) -> aiohttp.ClientResponse:
        self.means.pool._free._value -= 1
        return await super().ask(*args, **more)


@pytest.mark.parametrize(
    ("flawed", "scenario"),
    [
        (Blind, failing.refused),
        (Careless, failing.a_stream_that_is_cut),
        (Greedy, failing.refused),
    ],
)
async def test_one_that_does_not_keep_the_contract_is_found_out(
    flawed: type[Tomorrow], scenario: Scenario
) -> None:
    [row] = rows([TOMORROW], wiring_of(flawed))

    with pytest.raises((AssertionError, Problem)):
        await play(scenario, row)


def test_its_row_stands_beside_the_others() -> None:
    assert [str(row) for row in ROWS] == ["tomorrow-direct"]
    assert TOMORROW not in VENDORS
