"""Salesforce's token endpoint: who gets a token, what it looks like, and whether it still opens.

Source: providers.md §4 (Token). What is not determined there is a switch here.
"""

import secrets
from collections.abc import Callable, Collection
from typing import Any
from urllib.parse import parse_qs

import jwt

from bff.simulators.salesforce.wire import Refusal, error

_LIFETIME_S = 7140.0  # about 119 minutes: one measurement
_FORM = "application/x-www-form-urlencoded"
NEEDED_SCOPE = "sfap_api"


class TokenRefusedError(Exception):
    """With the answer's body; its status is 400."""

    def __init__(self, reason: str, description: str) -> None:
        super().__init__(reason)
        self.body = {"error": reason, "error_description": description}


class Tokens:
    """*key* and *secret* open it. `given` counts tokens.

    Switches, all of them attributes: `opaque`, tokens are not JWTs; `flow`, the client credentials
    flow is on; `scopes`, what the app has; `lifetime_s`; `with_end`, the JWT says when it ends;
    `with_issued_at`, the answer says when it was made.
    """

    def __init__(self, key: str, secret: str, now: Callable[[], float]) -> None:
        self.key, self.secret, self._now = key, secret, now
        self.given = 0
        self.opaque, self.flow = False, True
        self.scopes: Collection[str] = ("sfap_api", "api")
        self.lifetime_s = _LIFETIME_S
        self.with_end = self.with_issued_at = True
        self._signing_key = secrets.token_hex(32)
        self._alive: dict[str, float] = {}  # until when

    def revoke(self) -> None:
        """What has been given opens nothing any more."""
        self._alive.clear()

    def give(self, content_type: str, body: str, instance_url: str) -> dict[str, Any]:
        """The answer of the endpoint. Raises TokenRefusedError."""
        if content_type != _FORM:
            raise TokenRefusedError("unsupported_grant_type", "grant type not supported")
        form = {name: values[0] for name, values in parse_qs(body).items()}
        if form.get("grant_type") != "client_credentials":
            raise TokenRefusedError("unsupported_grant_type", "grant type not supported")
        if form.get("client_id") != self.key:
            raise TokenRefusedError("invalid_client_id", "client identifier invalid")
        if form.get("client_secret") != self.secret:
            raise TokenRefusedError("invalid_client", "invalid client credentials")
        if not self.flow:
            raise TokenRefusedError("invalid_grant", "no client credentials user enabled")
        return self._answer(instance_url)

    def check(self, authorization: str | None) -> None:
        """Whether a call of the Models API may go on. Raises Refusal."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme != "Bearer" or not token:
            raise Refusal(401, error("UNAUTHORIZED", "Missing or malformed bearer token."))
        if token.count(".") != 2:
            raise Refusal(404, error("NOT_FOUND", "No route for this organization."))
        if self._alive.get(token, 0.0) <= self._now():
            raise Refusal(401, error("UNAUTHORIZED", "Invalid or expired token."))
        if NEEDED_SCOPE not in self.scopes:
            raise Refusal(403, error("FORBIDDEN", "The token lacks the scope sfap_api."))

    def _answer(self, instance_url: str) -> dict[str, Any]:
        self.given += 1
        token = self._opaque() if self.opaque else self._jwt()
        self._alive[token] = self._now() + self.lifetime_s
        answer: dict[str, Any] = {
            "access_token": token,
            "token_format": "opaque" if self.opaque else "jwt",
            "token_type": "Bearer",
            "scope": " ".join(self.scopes),
            "instance_url": instance_url,
            "api_instance_url": "https://api.salesforce.com",
        }
        if self.with_issued_at:
            answer["issued_at"] = str(int(self._now() * 1000))
        return answer

    def _opaque(self) -> str:
        return f"00DSIMULATED!{secrets.token_urlsafe(48)}"

    def _jwt(self) -> str:
        now = int(self._now())
        claims: dict[str, Any] = {
            "iss": "https://simulated.my.salesforce.com",
            "aud": ["https://api.salesforce.com"],
            "sub": "uid:005SIMULATED",
            "scp": " ".join(self.scopes),
            "iat": now,
            "jti": f"{self.given:08d}",
        }
        if self.with_end:
            claims["exp"] = now + int(self.lifetime_s)
        return jwt.encode(claims, self._signing_key, algorithm="HS256")
