"""/openapi.json says all there is, and nothing else."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from openapi_spec_validator import validate

from bff.dialects.anthropic_messages import errors as anthropic
from bff.dialects.chatgpt import STATUS
from bff.dialects.openai_chat import errors as openai
from bff.errors import Kind, Problem, Sign
from bff.web.surface import document as written
from bff.web.surface.face_words import HEADERS, MEANINGS, SECURITY
from tests.support.surface import (
    BASE_URL,
    assert_fits,
    assert_stream_fits,
    described,
    operations,
    resolved,
    served_routes,
)

DOCUMENT = described()
OPERATIONS = list(operations(DOCUMENT))
FACES = {
    "/v1/chat/completions": openai.write_error,
    "/v1/responses": openai.write_error,
    "/v1/messages": anthropic.write_error,
    "/anthropic/v1/messages": anthropic.write_error,
}


def names(document: Any) -> set[tuple[str, str]]:
    return {(method, path) for method, path, _ in operations(document)}


def answers(path: str) -> dict[str, Any]:
    [said] = [said for _, one, said in OPERATIONS if one == path]
    return {status: resolved(DOCUMENT, one) for status, one in said["responses"].items()}


# -- which routes ----------------------------------------------------------------------------------


def test_it_is_valid_openapi() -> None:
    validate(DOCUMENT)

    assert DOCUMENT["openapi"].startswith("3.1")
    assert DOCUMENT["servers"] == [{"url": BASE_URL}]


def test_every_route_is_described() -> None:
    assert names(DOCUMENT) == served_routes()


def test_with_a_frontend_of_ones_own_its_routes_are_described_and_no_others(
    tmp_path: Path,
) -> None:
    document = described(frontend_dir=str(tmp_path))

    assert names(document) == served_routes(frontend_dir=str(tmp_path))
    assert "/gptdock/chat.css" not in document["paths"]
    validate(document)


def test_below_a_base_urls_path_nothing_is_described_twice() -> None:
    base_url = "http://localhost:3000/below"

    twice = served_routes(ac_local_base_url=base_url, app_env="development") - served_routes()

    assert {path for _, path in twice} == {
        f"/below/{name}" for name in ("atlassian-connect.json", "installed", "uninstalled")
    }
    assert names(described(ac_local_base_url=base_url, app_env="development")) == names(DOCUMENT)


def test_everything_that_is_described_can_be_served(tmp_path: Path) -> None:
    told = {
        (method.upper(), path)
        for part in written.PARTS
        for path, methods in part.PATHS.items()
        for method in methods
    }

    served = served_routes() | served_routes(frontend_dir=str(tmp_path))

    assert told == served


def test_what_is_not_served_leaves_no_trace() -> None:
    document = written.write_document({("GET", "/health")}, base_url=BASE_URL, version="1.0")

    assert set(document["paths"]) == {"/health"}
    assert [tag["name"] for tag in document["tags"]] == ["Operations"]
    assert set(document["components"]["schemas"]) == {"OpenAIError", "AnthropicError", "Health"}


def test_a_path_with_a_pattern_is_described_by_its_name() -> None:
    routes = {("GET", "/v1/models/{id:.+}")}

    document = written.write_document(routes, base_url=BASE_URL, version="1.0")

    assert set(document["paths"]) == {"/v1/models/{id}"}


# -- what is said of them --------------------------------------------------------------------------


def test_no_two_operations_have_one_name() -> None:
    ids = [said["operationId"] for _, _, said in OPERATIONS]

    assert len(set(ids)) == len(ids)


def test_all_that_is_referred_to_is_there_and_all_that_is_there_is_referred_to() -> None:
    spelled = str(DOCUMENT)
    shapes = DOCUMENT["components"]["schemas"]

    assert {name for name in shapes if f"#/components/schemas/{name}'" not in spelled} == set()
    assert {name for name in SECURITY if f"'{name}': []" not in spelled} == set()
    assert {name for name in HEADERS if f"#/components/headers/{name}'" not in spelled} == set()


@pytest.mark.parametrize("path", FACES)
@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_error_stands_under_its_status_by_its_name(path: str, kind: Kind) -> None:
    problem = Problem(kind, "It failed.")

    status, body, _ = FACES[path](problem, "req_1")

    told = answers(path)[str(status)]
    word = anthropic.ROWS[kind][1] if "messages" in path else openai.ROWS[kind].code
    assert f"`{word or openai.ROWS[kind].type}`" in told["description"]
    assert f": {MEANINGS[kind]}." in told["description"]
    assert told["content"].keys() == {"application/json"}
    assert_fits(DOCUMENT, told["content"]["application/json"]["schema"], orjson.loads(body))


@pytest.mark.parametrize("path", FACES)
def test_an_empty_account_of_the_gateways_stands_under_its_status(path: str) -> None:
    problem = Problem(Kind.BUDGET, "No money.", sign=Sign.GATEWAY_BILLING)

    status, body, _ = FACES[path](problem, "req_1")

    error = orjson.loads(body)["error"]
    word = error["type"] if "messages" in path else error["code"]
    assert f"`{word}`" in answers(path)[str(status)]["description"]


@pytest.mark.parametrize("path", FACES)
def test_an_error_says_whether_to_ask_again_and_when(path: str) -> None:
    for status, told in answers(path).items():
        if status != "200":
            assert {"x-request-id", "x-should-retry", "retry-after"} <= set(told["headers"])


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_error_has_a_status_on_the_add_ons_routes(kind: Kind) -> None:
    for path in ("/conversations", "/image-to-dsl", "/v2/client/info", "/ai-aide", "/installed"):
        assert str(STATUS[kind]) in answers(path)


def test_every_example_of_a_body_fits_what_it_is_an_example_of() -> None:
    for _, _, said in OPERATIONS:
        for media in said.get("requestBody", {}).get("content", {}).values():
            for example in media["examples"].values():
                assert_fits(DOCUMENT, media["schema"], example["value"])


def test_every_example_of_an_answer_fits_what_it_is_an_example_of() -> None:
    for _, path, _ in OPERATIONS:
        for told in answers(path).values():
            for type_, media in told.get("content", {}).items():
                if type_ == "text/event-stream":
                    assert_stream_fits(DOCUMENT, media["schema"], media["example"])
                elif "example" in media:
                    assert_fits(DOCUMENT, media["schema"], media["example"])


def test_every_example_of_a_shape_fits_it() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        for example in schema.get("examples", ()):
            assert_fits(DOCUMENT, schema, example)


def test_every_answer_in_one_piece_has_an_example() -> None:
    for _, path, _ in OPERATIONS:
        if path.startswith(("/v1/", "/anthropic/")):
            media = answers(path)["200"]["content"]["application/json"]
            assert "example" in media
