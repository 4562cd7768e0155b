"""AtlassianHost: a stand-in Atlassian site. It installs the add-on with a really signed request,
mints context tokens, publishes its install key, and shows the add-on in a page.

Not Atlassian: one site, one user, of the REST API what host_api.py has. Forgery names what tests
may get wrong on purpose.
Source: Atlassian Connect, "Understanding JWT" and "Signed installs" (node-bff.md §3.6, §4).
"""

import asyncio
import secrets
import time  # noqa: TID251 - a site has a clock of its own
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import aiohttp
import jwt
import orjson
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from yarl import URL

from bff.connect.qsh import query_string_hash
from bff.simulators.forge import ForgeSide
from bff.simulators.host_api import HostApi
from bff.simulators.site import page
from bff.simulators.site.diary import Diary

INSTALL_TOKEN_SECONDS = 180
CONTEXT_TOKEN_SECONDS = 900
CONTEXT_QSH = "context-qsh"
_WRONG_QSH = "0" * 64


class Forgery(StrEnum):
    """What is wrong with a token, on purpose."""

    EXPIRED = "expired"
    HS256 = "hs256"  # an install signed with the secret instead of the key
    NO_EXPIRY = "no expiry"
    NO_QSH = "no qsh"
    OLD_SECRET = "old secret"  # noqa: S105 - a name; the secret before the last install
    OTHER_AUDIENCE = "other audience"
    OTHER_ISSUER = "other issuer"
    PUBLIC_KEY_AS_SECRET = "public key as secret"  # noqa: S105 - a name
    UNKNOWN_KEY = "unknown key"  # a kid nobody has published
    UNSIGNED = "unsigned"  # alg none
    WRONG_KEY = "wrong key"  # a stranger's key or secret under our name
    WRONG_QSH = "wrong qsh"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the add-on answered to a lifecycle call."""

    status: int
    body: str
    headers: Mapping[str, str]


@dataclass(slots=True)
class KeyHost:
    """The host of install keys, with its moods."""

    away: bool = False  # answers 503
    asked: list[str] = field(default_factory=list)  # every kid that was asked for
    open: asyncio.Event = field(default_factory=asyncio.Event)  # cleared: waits

    def __post_init__(self) -> None:
        self.open.set()


class AtlassianHost:
    """One site with one installed add-on.

    *site_url* is the `baseUrl` its installs name; *account_id* its user; *now* seconds since 1970.
    A secret is new with every install and counts once the add-on has accepted it.
    """

    def __init__(
        self,
        site_url: str = "http://localhost/wiki",
        *,
        account_id: str = "5b10a2844c20165700ede21g",
        now: Callable[[], float] = time.time,
    ) -> None:
        self.site_url = site_url
        self.account_id = account_id
        self.client_key = str(uuid.uuid4())
        self.kid = str(uuid.uuid4())
        self.shared_secret = ""
        self.old_secret = ""
        self.add_on_url = ""  # of the last install
        self.descriptor: dict[str, Any] = {}
        self.keys = KeyHost()
        self.forge = ForgeSide(now)
        self.api = HostApi(self)
        self.diary = Diary(now)
        self.expire_next = False
        self.now = now
        self._private_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def public_key(self) -> str:
        key = self._private_key.public_key()
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    # --- lifecycle -----------------------------------------------------------------------------

    async def install(
        self,
        bff_url: str,
        descriptor_url: str | None = None,
        *,
        forgery: Forgery | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Fetches the descriptor and sends `installed`, as Atlassian does when told to install.

        *changes* go over the payload's fields; None takes a field away.
        """
        async with _session() as session:
            descriptor = await self._fetch(
                session, descriptor_url or f"{bff_url}/atlassian-connect.json"
            )
            secret = secrets.token_urlsafe(32)
            payload = self.payload("installed", secret, descriptor) | dict(changes or {})
            answer = await self._announce(
                session, descriptor, "installed", payload, forgery=forgery
            )
        if answer.status < 300:
            self.descriptor, self.add_on_url = descriptor, descriptor["baseUrl"]
            self.old_secret, self.shared_secret = self.shared_secret, secret
        return answer

    async def uninstall(
        self, *, forgery: Forgery | None = None, changes: Mapping[str, Any] | None = None
    ) -> Answer:
        """Tells the add-on that it is no longer wanted here. Needs an install before it."""
        payload = self.payload("uninstalled", None, self.descriptor) | dict(changes or {})
        async with _session() as session:
            return await self._announce(
                session, self.descriptor, "uninstalled", payload, forgery=forgery
            )

    def payload(
        self, event: str, secret: str | None, descriptor: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The body of a lifecycle call; only an install carries the secret."""
        return {
            "key": descriptor["key"],
            "clientKey": self.client_key,
            "publicKey": "",
            "sharedSecret": secret,
            "serverVersion": "6452",
            "pluginsVersion": "1000.0.0",
            "baseUrl": self.site_url,
            "displayUrl": self.site_url,
            "productType": "confluence",
            "description": "Stand-in site",
            "eventType": event,
            "installationId": self.forge.installation_id,
        }

    async def _fetch(self, session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
        async with session.get(url) as response:
            body = await response.read()
            ok = response.status == 200
            self.diary.note("Descriptor fetched", f"GET {URL(url).path} → {response.status}", ok=ok)
            response.raise_for_status()
        descriptor: dict[str, Any] = orjson.loads(body)
        return descriptor

    async def _announce(
        self,
        session: aiohttp.ClientSession,
        descriptor: Mapping[str, Any],
        event: str,
        payload: Mapping[str, Any],
        *,
        forgery: Forgery | None,
    ) -> Answer:
        url = descriptor["baseUrl"] + descriptor["lifecycle"][event]
        secret = payload.get("sharedSecret") or self.shared_secret
        token = self.install_token(url, descriptor["baseUrl"], secret=secret, forgery=forgery)
        body = {name: value for name, value in payload.items() if value is not None}
        async with session.post(
            url, json=body, headers={"Authorization": f"JWT {token}"}
        ) as response:
            answer = Answer(response.status, await response.text(), response.headers)
        ok = answer.status < 300
        self.diary.note(
            f"Signed “{event}” {'accepted' if ok else 'refused'}",
            f"POST {URL(url).path} → {answer.status}",
            ok=ok,
            facts=_claims(token),
        )
        return answer

    # --- tokens --------------------------------------------------------------------------------

    def install_token(
        self,
        url: str,
        base_url: str,
        *,
        secret: str = "",
        method: str = "POST",
        forgery: Forgery | None = None,
    ) -> str:
        """RS256 over one request to *url*, for the add-on at *base_url*."""
        now = int(self.now())
        target = URL(url).raw_path_qs
        claims = {
            "iss": self.client_key,
            "aud": [base_url],
            "iat": now,
            "exp": now + INSTALL_TOKEN_SECONDS,
            "qsh": query_string_hash(method, target, URL(base_url).raw_path.rstrip("/")),
        }
        kid = str(uuid.uuid4()) if forgery is Forgery.UNKNOWN_KEY else self.kid
        claims = _bent(claims, forgery, now)
        match forgery:
            case Forgery.WRONG_KEY:
                stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
                return jwt.encode(claims, stranger, "RS256", {"kid": kid})
            case Forgery.HS256 | Forgery.OLD_SECRET:
                old = self.old_secret if forgery is Forgery.OLD_SECRET else secret
                return jwt.encode(claims, old, "HS256", {"kid": kid})
            case Forgery.PUBLIC_KEY_AS_SECRET:
                return _hmac_with_public_key(claims, self.public_key, kid)
            case Forgery.UNSIGNED:
                return jwt.encode(claims, "", "none", {"kid": kid})
        return jwt.encode(claims, self._private_key, "RS256", {"kid": kid})

    def context_token(
        self,
        *,
        account_id: str | None = None,
        lifetime_s: int = CONTEXT_TOKEN_SECONDS,
        qsh: str = CONTEXT_QSH,
        claims: Mapping[str, Any] | None = None,
        forgery: Forgery | None = None,
    ) -> str:
        """What `AP.context.getToken` gives: HS256, the tenant's secret. *claims* go over ours."""
        now = int(self.now())
        account = account_id or self.account_id
        said = {
            "iss": self.client_key,
            "sub": account,
            "qsh": qsh,
            "iat": now,
            "exp": now + lifetime_s,
            "context": {"user": {"accountId": account, "displayName": "Ada"}},
            **(claims or {}),
        }
        said = _bent(said, forgery, now)
        match forgery:
            case Forgery.UNSIGNED:
                return jwt.encode(said, "", "none")
            case Forgery.WRONG_KEY:
                return jwt.encode(said, secrets.token_urlsafe(32), "HS256")
            case Forgery.OLD_SECRET:
                return jwt.encode(said, self.old_secret, "HS256")
            case Forgery.PUBLIC_KEY_AS_SECRET:
                return _hmac_with_public_key(said, self.public_key, self.kid)
        return jwt.encode(said, self.shared_secret, "HS256")

    def forge_token(self, account_id: str | None = None, **changes: Any) -> str:
        """What Forge sends with a call of the app, for the same site and user."""
        return self.forge.token(account_id or self.account_id, changes)

    def token_for_page(self) -> str:
        """A context token for the page; expired when that was asked for, once."""
        expired, self.expire_next = self.expire_next, False
        token = self.context_token(forgery=Forgery.EXPIRED if expired else None)
        title = "Expired token minted, as asked" if expired else "Context token minted"
        self.diary.note(title, "for one question, HS256", ok=not expired, facts=_claims(token))
        return token

    def page_url(self, origin: str) -> str:
        """Where the page's iframe goes: the add-on's general page with Connect's own parameters.

        *origin* is the page's. Relative to the add-on's base URL.
        """
        path = URL(_chat_module(self.descriptor)["url"].replace("{space.key}", "DEMO"))
        asked = path.update_query(
            xdm_e=origin,
            xdm_c="channel-chat",
            cp="/wiki",
            lic="active",
            cv="1000.0.0",
        )
        token = self.context_token(qsh=query_string_hash("GET", asked.raw_path_qs))
        return str(asked.update_query(jwt=token))

    # --- what it serves ------------------------------------------------------------------------

    def app(self) -> web.Application:
        """The site's application: install keys, the page, and what the page asks for."""
        return page.build(self)

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """The same for the add-on's own server: there the page finds the add-on where it was found
        itself, also behind a forwarded port.
        """
        return page.routes(self, prefix=prefix, all_on_one_server=True)

    async def close(self, _: web.Application) -> None:
        """For `on_shutdown`: pages that follow the diary are let go."""
        self.diary.close()


@asynccontextmanager
async def _session() -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as session:
        yield session


def _bent(claims: dict[str, Any], forgery: Forgery | None, now: int) -> dict[str, Any]:
    """The claims with one of them wrong, when the forgery is about a claim."""
    changes: dict[Forgery, dict[str, Any]] = {
        Forgery.EXPIRED: {"iat": now - 3600, "exp": now - 60},
        Forgery.NO_EXPIRY: {"exp": None},
        Forgery.NO_QSH: {"qsh": None},
        Forgery.OTHER_AUDIENCE: {"aud": ["https://elsewhere.example"]},
        Forgery.OTHER_ISSUER: {"iss": str(uuid.uuid4())},
        Forgery.WRONG_QSH: {"qsh": _WRONG_QSH},
    }
    bent = claims | (changes.get(forgery, {}) if forgery else {})
    return {name: value for name, value in bent.items() if value is not None}


def _hmac_with_public_key(claims: Mapping[str, Any], public_key: str, kid: str) -> str:
    """PyJWT refuses to sign with a PEM as an HMAC secret, so the attack is spelled out."""
    hs256 = jwt.get_algorithm_by_name("HS256")
    header = {"alg": "HS256", "typ": "JWT", "kid": kid}
    parts = [jwt.utils.base64url_encode(orjson.dumps(part)) for part in (header, dict(claims))]
    signed = b".".join(parts)
    signature = hs256.sign(signed, public_key.encode())
    return b".".join((signed, jwt.utils.base64url_encode(signature))).decode()


def _claims(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def _chat_module(descriptor: Mapping[str, Any]) -> Mapping[str, Any]:
    """The general page that holds the chat."""
    pages: list[Mapping[str, Any]] = descriptor["modules"]["generalPages"]
    return next(page for page in pages if page["url"].startswith("/hello-world"))
