"""ForgeSide: the stand-in site as Forge sees it. It mints invocation tokens, publishes their keys.

Not the Forge platform: one app, one installation. Source: Atlassian, "Forge Remote".
"""

import asyncio
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import jwt
import orjson
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

INVOCATION_SECONDS = 60
ISSUER = "forge/invocation-token"


class ForgeSide:
    """*now* is seconds since 1970. `mood` goes over the document of keys: a status, or its body.

    While `open` is cleared it waits with it; `busy` is released once for each fetch that came.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.app_id = str(uuid.uuid4())
        self.installation_id = f"ari:cloud:ecosystem::installation/{uuid.uuid4()}"
        self.cloud_id = str(uuid.uuid4())
        self.api_base_url = f"https://api.atlassian.com/ex/confluence/{self.cloud_id}"
        self.mood: int | bytes | None = None
        self.fetches = 0  # of the document of keys
        self.open = asyncio.Event()
        self.open.set()
        self.busy = asyncio.Semaphore(0)
        self._now = now
        self._keys: dict[str, rsa.RSAPrivateKey] = {}
        self.kid = self.rotate()

    @property
    def audience(self) -> str:
        return f"ari:cloud:ecosystem::app/{self.app_id}"

    @property
    def private_key(self) -> rsa.RSAPrivateKey:
        return self._keys[self.kid]

    def rotate(self, *, keep_old: bool = False) -> str:
        """A new key signs from now on; the old one is no longer published unless kept."""
        if not keep_old:
            self._keys.clear()
        self.kid = str(uuid.uuid4())
        self._keys[self.kid] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return self.kid

    def claims(self, account_id: str | None) -> dict[str, Any]:
        now = int(self._now())
        return {
            "iss": ISSUER,
            "aud": self.audience,
            "iat": now,
            "nbf": now,
            "exp": now + INVOCATION_SECONDS,
            "jti": str(uuid.uuid4()),
            "app": {
                "id": self.audience,
                "version": "1",
                "installationId": self.installation_id,
                "apiBaseUrl": self.api_base_url,
                "module": {"type": "core:endpoint", "key": "bff"},
            },
            "context": {"cloudId": self.cloud_id, "moduleKey": "bff", "userAccess": {}},
            "principal": account_id,
        }

    def token(self, account_id: str | None, changes: Mapping[str, Any] | None = None) -> str:
        """*changes* go over the claims."""
        claims = self.claims(account_id) | dict(changes or {})
        return jwt.encode(claims, self.private_key, "RS256", {"kid": self.kid})

    def document(self) -> dict[str, Any]:
        """The JWK set."""
        entries = []
        for kid, key in self._keys.items():
            entry = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
            entries.append({**entry, "kid": kid, "use": "sig", "alg": "RS256"})
        return {"keys": entries}

    async def serve_keys(self, _: web.Request) -> web.StreamResponse:
        self.fetches += 1
        self.busy.release()
        await self.open.wait()
        if isinstance(self.mood, int):
            return web.Response(status=self.mood)
        body = self.mood if self.mood is not None else orjson.dumps(self.document())
        return web.Response(body=body, content_type="application/json")
