"""API keys for tests: made in the running service's own database, past the service."""

import time
from typing import Any

from bff.store.api_key_rows import create_key as create_row
from bff.store.db import open_database
from tests.support.service import Service


async def create_key(service: Service, name: str = "test", **limits: Any) -> str:
    """The key's text. *limits* are `tenant`, `models`, `streams`, `requests`."""
    async with open_database(f"sqlite:///{service.database}") as db:
        _, text = await create_row(db, name, now=time.time(), **limits)
    return text


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}
