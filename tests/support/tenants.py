"""Tenants in memory: the port of web/services.py without a database, honest about what it keeps."""

import copy
from collections.abc import Mapping
from typing import Any

from bff.records import Tenant
from bff.store.installs import read_tenant, retire


class InMemoryTenants:
    """*rows* is what is stored, newest first; *known* what this process remembers of it."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.known: dict[str, Tenant | None] = {}
        self.found: list[str] = []  # every `find`
        self.looked: list[str] = []  # every `find_fresh`

    def put(self, client_key: str, *payloads: Mapping[str, Any]) -> None:
        """Stored here, and remembered."""
        self.put_elsewhere(client_key, *payloads)
        self.known[client_key] = self._read(client_key)

    def put_elsewhere(self, client_key: str, *payloads: Mapping[str, Any]) -> None:
        """Stored by another process: this one still remembers what was before."""
        self.known.setdefault(client_key, self._read(client_key))
        self.rows[client_key] = [copy.deepcopy(dict(payload)) for payload in payloads]

    async def find(self, client_key: str) -> Tenant | None:
        self.found.append(client_key)
        return self.known.get(client_key)

    async def find_fresh(self, client_key: str) -> Tenant | None:
        self.looked.append(client_key)
        self.known[client_key] = self._read(client_key)
        return self.known[client_key]

    async def find_installed(self, installation_id: str) -> Tenant | None:
        for client_key, rows in self.rows.items():
            if any(row.get("installationId") == installation_id for row in rows):
                return self._read(client_key)
        return None

    async def save(self, client_key: str, payload: Mapping[str, Any]) -> None:
        self.put(client_key, payload)

    async def retire(self, client_key: str) -> None:
        rows = self.rows.get(client_key, [])
        self.put(client_key, *(retire(row, "2026-01-01T00:00:00Z") for row in rows))

    def _read(self, client_key: str) -> Tenant | None:
        return read_tenant(client_key, self.rows.get(client_key, ()))
