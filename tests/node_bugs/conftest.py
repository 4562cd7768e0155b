from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.service import Service, open_service
from tests.support.serving import Scene, open_scene


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """Straight to the model, which is not waited for long."""
    async with open_service(
        tmp_path, gateway=False, idle_timeout="0.3", first_byte_timeout="0.3"
    ) as service:
        yield service


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with open_scene() as scene:
        yield scene
