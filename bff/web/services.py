"""The typed pocket every handler gets: what wiring opened, in one frozen dataclass."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web

from bff.engine.attempts import Engine
from bff.records import Tenant
from bff.telemetry.metrics import Metrics
from bff.web.live import LiveStreams


class Tenants(Protocol):
    """Installations, by client key. Raises Problem(UNAVAILABLE-like INTERNAL) when storage is away."""

    async def find(self, client_key: str) -> Tenant | None:
        """From memory while fresh; falls back to the last known while the database is away."""

    async def find_fresh(self, client_key: str) -> Tenant | None:
        """Straight from the database, refreshing memory."""

    async def save(self, client_key: str, payload: Mapping[str, Any]) -> None:
        """Replaces whatever was stored: exactly one row is left."""

    async def retire(self, client_key: str) -> None:
        """Takes the tenant's secrets away, keeps its rows."""


class InstallKeys(Protocol):
    async def find(self, kid: str) -> str:
        """PEM text of the public key. Raises Problem(CALLER_AUTH) when no host has it."""
