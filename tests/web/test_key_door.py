from pathlib import Path

import pytest
from multidict import CIMultiDict

from bff.errors import Kind, Problem
from bff.policy.api_keys import write_key
from bff.telemetry import logs
from bff.web.faces.key_door import REFUSAL, admit_key, find_key_texts, recognise_key
from bff.web.services import SERVICES
from tests.support.keys import bearer, create_key
from tests.support.service import Service, open_service

OTHER = write_key(bytes(32))


class Request:
    """What the door reads of a request."""

    def __init__(self, service: Service, headers: dict[str, str]) -> None:
        self.app = {SERVICES: service.services}
        self.headers = CIMultiDict(headers)


@pytest.mark.parametrize(
    ("headers", "texts"),
    [
        ({}, ()),
        ({"Authorization": "Bearer one"}, ("one",)),
        ({"authorization": "bearer   one "}, ("one",)),
        ({"Authorization": "BEARER one"}, ("one",)),
        ({"X-Api-Key": "one"}, ("one",)),
        ({"x-api-key": " one "}, ("one",)),
        ({"Authorization": "Bearer one", "x-api-key": "one"}, ("one",)),
        ({"Authorization": "Bearer one", "x-api-key": "two"}, ("one", "two")),
        ({"Authorization": "Bearer ", "x-api-key": ""}, ()),
        ({"Authorization": "Bearer", "x-api-key": "two"}, ("two",)),
        ({"Authorization": "JWT one"}, ()),
        ({"Authorization": "one"}, ()),
    ],
)
def test_a_key_is_looked_for_where_sdks_put_it(
    headers: dict[str, str], texts: tuple[str, ...]
) -> None:
    assert find_key_texts(CIMultiDict(headers)) == texts


async def test_a_key_lets_its_tenant_in(service: Service) -> None:
    text = await create_key(service, "n8n", tenant="team", models=["openai/*"], streams=3)

    caller = await admit_key(Request(service, bearer(text)))

    assert caller.key is not None
    assert (caller.key.name, caller.key.models, caller.key.streams) == ("n8n", ("openai/*",), 3)
    assert (caller.client_key, caller.account_id, caller.subject) == ("team", None, caller.key.id)
    assert caller.tenant_tag.startswith("t:")
    assert "team" not in caller.tenant_tag + caller.user_tag
    assert caller.key.id not in caller.user_tag


async def test_two_keys_of_one_tenant_are_told_apart(service: Service) -> None:
    texts = [await create_key(service, name, tenant="team") for name in ("one", "other")]

    one, other = [await admit_key(Request(service, bearer(text))) for text in texts]

    assert one.tenant_tag == other.tenant_tag
    assert one.user_tag != other.user_tag


async def test_of_two_texts_the_one_that_is_ours_counts(service: Service) -> None:
    text = await create_key(service)

    for headers in (
        {**bearer("sk-of-somebody-else"), "x-api-key": text},
        {**bearer(OTHER), "x-api-key": text},
        {**bearer(text), "x-api-key": OTHER},
        {"Authorization": "JWT a.b.c", "x-api-key": text},
    ):
        caller = await recognise_key(Request(service, headers))
        assert caller is not None
        assert caller.key is not None


async def test_missing_malformed_wrong_and_revoked_keys_are_one_refusal(service: Service) -> None:
    revoked = await create_key(service)
    await service.run_sql("UPDATE bff_api_keys SET revoked_at = 1")

    for headers in ({}, bearer("sk-bff-short"), bearer(OTHER), bearer(revoked)):
        request = Request(service, headers)
        assert await recognise_key(request) is None
        with pytest.raises(Problem) as raised:
            await admit_key(request)
        assert (raised.value.kind, raised.value.public) == (Kind.CALLER_AUTH, REFUSAL)


async def test_no_key_reaches_the_log_of_a_service_that_tells_everything(
    tmp_path: Path, written
) -> None:
    logs.configure("debug", "json", stream=written.stream)
    async with open_service(tmp_path) as service:
        text = await create_key(service)
        for headers in (bearer(text), bearer(OTHER), {"x-api-key": text}, {"x-api-key": OTHER}):
            await recognise_key(Request(service, headers))
            await service.get("/v1/models", token="", headers=headers)
            await service.post("/v1/messages", token="", headers=headers, data=b"{}")

    assert written.text.count("request.ended") >= 8  # the requests were seen
    assert text[12:] not in written.text
    assert OTHER[12:] not in written.text
