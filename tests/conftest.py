"""Fixtures every room's tests may use."""

import io
import logging

import orjson
import pytest
import structlog
from hypothesis import settings

from bff.telemetry import logs

# How long an example takes says something of the machine and its neighbours, not of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


class Written:
    """What went to the log, as bytes and as lines."""

    def __init__(self) -> None:
        self.stream = io.BytesIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue().decode()

    @property
    def lines(self) -> list[dict]:
        return [orjson.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def written():
    """Logging set up as the service does, into memory; put back afterwards."""
    root = logging.root
    handlers, level = root.handlers[:], root.level
    before = structlog.get_config()
    written = Written()
    logs.configure("info", "json", stream=written.stream)
    yield written
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)
