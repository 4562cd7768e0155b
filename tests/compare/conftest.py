"""A service on a socket that answers as a test says."""

from collections.abc import AsyncIterator

import pytest

from tests.support.answers import Answers, open_answers


@pytest.fixture
async def service() -> AsyncIterator[Answers]:
    async with open_answers() as opened:
        yield opened
