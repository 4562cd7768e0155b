"""What our own headers tell of an answer, in time and too early."""

from pathlib import Path

import pytest

from bff.engine.metering import Facts, Mode
from bff.simulators.openai.simulator import delta, finish
from bff.web.answer import told_headers
from tests.support.service import Service, open_service
from tests.web.test_diagrams import BODIES, BOTH

FACTS = Facts(
    via="direct",
    mode=Mode.SIMULATED,
    model_used="straico/openai/gpt-4o",
    ignored=("temperature", "seed"),
    toxic=True,
)


def test_an_answer_says_how_it_came_and_from_whom() -> None:
    assert told_headers(FACTS) == {
        "X-Upstream-Via": "direct",
        "X-Stream-Mode": "simulated",
        "X-Model-Used": "straico/openai/gpt-4o",
        "X-Ignored-Params": "temperature,seed",
        "X-Content-Toxicity": "true",
    }


def test_an_answer_in_one_piece_has_no_mode() -> None:
    assert "X-Stream-Mode" not in told_headers(FACTS, stream=False)


def test_what_is_not_known_is_not_told() -> None:
    assert told_headers(Facts()) == {}


@pytest.mark.parametrize(("sure", "told"), [(False, {}), (True, {"X-Stream-Mode": "simulated"})])
def test_too_early_only_what_is_sure_is_told(sure: bool, told: dict[str, str]) -> None:
    facts = Facts(via="gateway", mode=Mode.SIMULATED, sure_mode=sure, model_used="a/b", toxic=True)

    assert told_headers(facts, early=True) == told


@pytest.mark.parametrize("name", ["a\r\nX-Evil: 1", "späti", "a b", "x" * 65, "", "a,b"])
def test_a_callers_made_up_names_make_no_header(name: str) -> None:
    facts = Facts(ignored=(name, "seed"), model_used=f"a/\n{name}")

    assert told_headers(facts) == {"X-Ignored-Params": "seed"}


def test_of_many_names_the_first_are_told() -> None:
    told = told_headers(Facts(ignored=tuple(f"p{number}" for number in range(1000))))

    assert len(told["X-Ignored-Params"]) < 200


async def test_the_frontends_stream_is_openais_own(service: Service) -> None:
    async with service.ask() as response:
        await response.read()

    assert response.headers["X-Stream-Mode"] == "native"
    assert "X-Model-Used" not in response.headers
    labels = 'provider="openai",status='
    assert await service.metric(f'bff_answers_total{{mode="native",{labels}"complete"}}') == 1
    assert await service.metric('bff_tokens_total{kind="completion",provider="openai"}') > 0


async def test_a_mode_that_is_sure_is_told_too_early(tmp_path: Path) -> None:
    async with open_service(tmp_path, early_commit_seconds="0.05") as service:
        service.openai.hold()
        async with service.ask() as response:
            pen = await service.openai.pen()
            await pen.say(delta("late"))
            await pen.say(finish("stop"))
            await pen.finish()
            await response.read()

    assert response.headers["X-Stream-Mode"] == "native"
    assert "X-Upstream-Via" not in response.headers


@BOTH
async def test_a_diagram_is_no_stream(service: Service, path: str) -> None:
    answer = await service.post(path, json=BODIES[path])

    assert answer.headers["X-Upstream-Via"] == "gateway"
    assert "X-Stream-Mode" not in answer.headers
