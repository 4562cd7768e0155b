"""Who may enter the faces, and what for. Source: api-faces.md §1 "Auth", §7.4."""

from pathlib import Path
from typing import Any

import pytest

from bff.connect.qsh import query_string_hash
from tests.support.face_asking import CHAT, FACES, MESSAGE, error_of, post
from tests.support.keys import create_key
from tests.support.service import Service, open_service


@pytest.mark.parametrize(("path", "body"), FACES)
@pytest.mark.parametrize(
    "carrying",
    [
        {},
        {"Authorization": "Bearer sk-bff-" + "z" * 43},
        {"Authorization": "Bearer sk-of-somebody-else"},
        {"Authorization": "Basic eDp5"},
        {"x-api-key": "sk-bff-" + "z" * 43},
        {"x-api-key": "é"},
    ],
    ids=["nothing", "unknown", "foreign", "basic", "unknown x-api-key", "not ascii"],
)
async def test_a_missing_key_and_a_wrong_one_are_told_the_same(
    service: Service, path: str, body: Any, carrying: dict[str, str]
) -> None:
    status, told, headers = await post(service, path, body, **carrying)
    _, other, _ = await post(service, path, body)

    assert status == 401
    assert error_of(path, told)["message"] == error_of(path, other)["message"]
    assert headers["x-should-retry"] == "false"
    assert not service.openai.requests


@pytest.mark.parametrize(("path", "body"), FACES)
async def test_a_key_opens_the_door_as_bearer_and_as_x_api_key(
    service: Service, path: str, body: Any
) -> None:
    key = await create_key(service)
    other = "sk-bff-" + "z" * 43

    for carried in (
        {"Authorization": f"Bearer {key}"},
        {"Authorization": f"bearer {key}"},
        {"x-api-key": key},
        {"x-api-key": key, "Authorization": f"Bearer {key}"},
        {"x-api-key": key, "Authorization": "Bearer placeholder"},
        {"x-api-key": other, "Authorization": f"Bearer {key}"},
        {"x-api-key": "", "Authorization": f"Bearer {key}"},
    ):
        status, _, _ = await post(service, path, body, **carried)
        assert status == 200, sorted(carried)


async def test_a_connect_token_opens_the_openai_face_only(service: Service) -> None:
    token = service.host.context_token()

    in_header, _, _ = await post(
        service, "/v1/chat/completions", CHAT, Authorization=f"JWT {token}"
    )
    in_query, _, _ = await post(service, f"/v1/chat/completions?jwt={token}", CHAT)
    elsewhere, _, _ = await post(service, f"/v1/messages?jwt={token}", MESSAGE)

    assert (in_header, in_query, elsewhere) == (200, 200, 401)


@pytest.mark.parametrize(
    ("qsh", "status"),
    [("context-qsh", 200), (None, 200), ("right", 200), ("0" * 64, 401)],
)
async def test_a_connect_token_that_names_a_request_must_name_this_one(
    service: Service, qsh: str | None, status: int
) -> None:
    if qsh == "right":
        qsh = query_string_hash("POST", "/v1/chat/completions")
    token = service.host.context_token(claims={"qsh": qsh})

    got, _, _ = await post(service, "/v1/chat/completions", CHAT, Authorization=f"JWT {token}")

    assert got == status


async def test_a_forge_token_opens_the_openai_face_and_a_key_still_does(tmp_path: Path) -> None:
    async with open_service(tmp_path, forge=True) as service:
        key = await create_key(service)
        token = service.host.forge_token()

        invited, _, _ = await post(
            service, "/v1/chat/completions", CHAT, Authorization=f"Bearer {token}"
        )
        with_key, _, _ = await post(
            service, "/v1/chat/completions", CHAT, Authorization=f"Bearer {key}"
        )
        wrong, _, _ = await post(service, "/v1/chat/completions", CHAT, Authorization="Bearer x")

    assert (invited, with_key, wrong) == (200, 200, 401)


async def test_a_key_for_some_models_is_refused_the_others(service: Service) -> None:
    key = await create_key(service, models=("openai/gpt-4o-mini", "openai/o*"))
    bearer = {"Authorization": f"Bearer {key}"}

    allowed, _, _ = await post(
        service, "/v1/chat/completions", {**CHAT, "model": "gpt-4o-mini"}, **bearer
    )
    refused, told, _ = await post(service, "/v1/chat/completions", CHAT, **bearer)
    missing, _, _ = await post(service, "/v1/messages", {**MESSAGE, "model": "nope"}, **bearer)

    assert (allowed, refused, missing) == (200, 403, 404)
    assert told["error"]["param"] == "model"
    assert [seen.json["model"] for seen in service.openai.requests] == ["gpt-4o-mini"]


async def test_no_spelling_of_an_alias_gets_round_what_a_key_is_for(tmp_path: Path) -> None:
    async with open_service(tmp_path, model_aliases='{"smart":"openai/gpt-4o"}') as service:
        key = await create_key(service, models=("*mini*",))
        bearer = {"Authorization": f"Bearer {key}"}
        told = []
        for model in (
            "smart",
            "smart[mini]",
            "smart[mini]-20260101",
            "gpt-4o[mini]",
            "gpt-4o-mini",
        ):
            status, _, _ = await post(
                service, "/v1/chat/completions", {**CHAT, "model": model}, **bearer
            )
            told.append(status)
        async with service.session.get(
            f"{service.url}/v1/models/smart[mini]", headers=bearer
        ) as shown:
            assert shown.status == 404

    assert told == [403, 403, 404, 404, 200]


@pytest.mark.parametrize(("path", "body"), FACES)
@pytest.mark.parametrize("stream", [True, False])
async def test_a_book_for_a_models_name_is_told_to_nobody(
    service: Service, written: Any, path: str, body: Any, stream: bool
) -> None:
    key = await create_key(service)
    bearer = {"Authorization": f"Bearer {key}"}

    for book in ("gpt-" + "canary" * 100, "gpt-4o\ncanary"):
        status, told, _ = await post(
            service, path, {**body, "model": book, "stream": stream}, **bearer
        )
        assert (status, "canary" in str(error_of(path, told))) == (404, False)

    assert not service.openai.requests
    assert "canary" not in written.text
