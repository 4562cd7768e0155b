"""Schemathesis asks the running service what its description allows, and what it does not.

Deterministic and bounded: what it asks depends on the description and on nothing else.
"""

import re
from collections.abc import Iterator

import pytest
import requests
import schemathesis
from schemathesis import Case
from schemathesis.specs.openapi.checks import positive_data_acceptance, unsupported_method

from bff.connect.qsh import query_string_hash
from tests.support.surface import described
from tests.support.threaded import Running, running_service

CONFIG = schemathesis.Config.from_dict(
    {
        "seed": 5,
        "generation": {"max-examples": 10, "deterministic": True},
        "operations": [  # reads its body by the rules of messages
            {
                "include-path": "/v1/messages/count_tokens",
                "phases": {"coverage": {"enabled": False}},
            }
        ],
    }
)
# How our readers refuse what has not the shape they read; how turns follow each other is no shape.
_OF_A_SHAPE = re.compile(
    r"\b(This|[Rr]ole|Content|A picture|A call) must\b|This is required|is not known"
)
# The same handlers again, and files.
schema = schemathesis.openapi.from_dict(described(), config=CONFIG).exclude(
    path_regex="^/(anthropic|gptdock)/"
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Nobody is asked so often that its streams would be counted."""
    folder = tmp_path_factory.mktemp("surface")
    with running_service(folder, streams_per_key="off", streams_per_user="off") as running:
        yield running


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """One connection for all."""
    with requests.Session() as session:
        yield session


def entry(case: Case, running: Running) -> dict[str, str]:
    """Headers that open the door of an operation to this very request."""
    schemes = {name for one in case.operation.definition.raw["security"] for name in one}
    host, url = running.service.host, running.service.url
    if "apiKey" in schemes:
        return {"Authorization": f"Bearer {running.key}"}
    if "signedInstall" in schemes:
        return {"Authorization": f"JWT {host.install_token(url + case.path, url)}"}
    if case.path == "/ai-aide":
        asked = case.as_transport_kwargs(base_url=url)
        target = requests.Request("GET", asked["url"], params=asked["params"]).prepare().path_url
        claims = {"qsh": query_string_hash(case.method, target)}
        return {"Authorization": f"JWT {host.context_token(claims=claims)}"}
    return {"Authorization": f"JWT {host.context_token()}"} if schemes & {"connectHeader"} else {}


def is_as_described(case: Case) -> bool:
    """To a JSON schema 5.0 is an integer; here it is none."""
    whole = isinstance(case.body, dict) and any(
        isinstance(value, float) and value.is_integer() for value in case.body.values()
    )
    return case.meta is not None and case.meta.generation.mode.is_positive and not whole


@schema.parametrize()
def test_whatever_is_asked_the_answer_is_as_described(
    case: Case, running: Running, session: requests.Session
) -> None:
    is_face = case.path.startswith("/v1/")
    excluded = []
    if is_face or case.path == "/conversations":
        excluded.append(positive_data_acceptance)  # a vendor may refuse what we read
    if not is_face:
        excluded.append(unsupported_method)  # 404, as the Node app

    told = {"base_url": running.service.url, "session": session}
    response = case.call(**told, headers=entry(case, running))

    if is_face and is_as_described(case) and response.status_code == 400:
        assert _OF_A_SHAPE.search(response.json()["error"]["message"]) is None
    case.validate_response(response, excluded_checks=excluded, transport_kwargs=told)
    if case.method == case.operation.method.upper():  # "default" is a vendor's, and ours have names
        assert str(response.status_code) in case.operation.responses.status_codes
