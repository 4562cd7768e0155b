from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.support.key_host import KeyHost, open_key_host


@pytest.fixture
async def host() -> AsyncIterator[KeyHost]:
    async with open_key_host() as host:
        yield host


@pytest.fixture
async def spare() -> AsyncIterator[KeyHost]:
    async with open_key_host() as host:
        yield host


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session
