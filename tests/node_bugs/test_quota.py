"""Where token quotas are kept and how they are counted. B12, B15; the others' are beside their
routes.
"""

import asyncio
from pathlib import Path

import pytest

from bff.store.db import open_database
from bff.store.migrate import migrate
from tests.support.postgres import open_postgres
from tests.support.service import Service, open_service
from tests.support.sql import fetch

PICTURE = {"imageUrl": "data:image/png;base64,AAAA"}


async def test_b12_every_one_of_twenty_answers_at_once_lowers_the_quota(service: Service) -> None:
    await service.get("/v2/client/info")
    before = await service.quota()
    answer = await service.post("/image-to-dsl", json=PICTURE)
    cost = before - await service.quota()

    answers = await asyncio.gather(
        *(service.post("/image-to-dsl", json=PICTURE) for _ in range(20))
    )

    assert cost > 0
    assert {told.text for told in answers} == {answer.text}
    assert await service.quota() == before - 21 * cost
    assert await service.user_tokens() == 21 * cost


async def test_b15_quotas_are_kept_where_database_url_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where the Node app's file would be
    with open_postgres() as postgres:
        url = await postgres.create("b15")
        async with open_database(url) as db:
            await migrate(db)
            async with open_service(tmp_path, gateway=False, database_url=url) as service:
                await service.get("/v2/client/info")
                answer = await service.post("/image-to-dsl", json=PICTURE)
            [[kept]] = await fetch(db, "SELECT token_quota FROM gpt_dock_client_data")

    assert answer.status == 200
    assert kept < 500_000
    assert files_of(tmp_path) == []


def files_of(folder: Path) -> list[Path]:
    return list(folder.iterdir())
