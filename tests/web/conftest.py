from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.service import Service, open_service


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """The whole service with the gateway in front and OpenAI direct behind it."""
    async with open_service(tmp_path) as service:
        yield service
