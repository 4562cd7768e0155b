"""`/v2/client/info`: how much of its quota a tenant has used."""

import asyncio

import pytest

from tests.support.service import Service

PATHS = ["/v2/client/info", "/client/info"]


@pytest.mark.parametrize("path", PATHS)
async def test_a_tenant_is_given_its_quota_once(service: Service, path: str) -> None:
    first = await service.get(path)
    second = await service.get(path)

    fresh = f'{{"client_id":"{service.host.client_key}","quota_used":0,"max_quota":500000}}'
    assert (first.status, first.text) == (201, fresh)
    assert (second.status, second.text) == (200, fresh)
    assert first.headers["Content-Type"] == "application/json; charset=utf-8"
    assert first.headers["X-Acpt"]


async def test_b14_ten_first_calls_at_once_create_one_row(service: Service) -> None:
    answers = await asyncio.gather(*(service.get("/v2/client/info") for _ in range(10)))

    assert sorted(answer.status for answer in answers) == [200] * 9 + [201]
    assert len({answer.text for answer in answers}) == 1


@pytest.mark.parametrize(("left", "shown"), [(-122, 500_000), (600_000, 0), (499_877, 123)])
async def test_b36_what_is_shown_as_used_stays_within_the_quota(
    service: Service, left: int, shown: int
) -> None:
    await service.get("/v2/client/info")
    await service.set_quota(left)

    answer = await service.get("/v2/client/info")

    assert f'"quota_used":{shown},"max_quota":500000' in answer.text


@pytest.mark.parametrize("path", PATHS)
async def test_a_stranger_is_told_nothing(service: Service, path: str) -> None:
    answer = await service.get(path, token="")

    assert answer.status == 401
    assert service.host.client_key not in answer.text


async def test_storage_that_is_away_has_one_text(service: Service) -> None:
    await service.run_sql("DROP TABLE gpt_dock_client_data")

    answer = await service.get("/v2/client/info")

    assert (answer.status, answer.text) == (500, '{"error":"Internal server error"}')
