"""HostApi: the stand-in site's REST API, as far as the add-on asks it: properties of content.

It lets in the Connect app by the token it signed for this very request, and the Forge app by its
system token. Moods say what goes wrong. Source: Confluence Cloud REST v1, "Get content property for
content"; Atlassian Connect, "Understanding JWT"; node-bff.md §4.7.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import jwt
from aiohttp import web
from yarl import URL

from bff.connect.qsh import query_string_hash

LONGEST_TOKEN_SECONDS = 180
_KEPT = 100
_PROPERTY = "rest/api/content/{content}/property/{key}"
_HUGE = 4 * 2**20


class Mood(StrEnum):
    """What the site does with a call it lets in."""

    AWAY = "away"  # 503 with a page
    BUSY = "busy"  # 429 with Retry-After
    CIRCLE = "circle"  # leads to itself
    CUT = "cut"  # closes the connection
    ELSEWHERE = "elsewhere"  # leads to another host
    HTML = "html"  # 200, a login page
    HUGE = "huge"  # 200, megabytes
    MOVED = "moved"  # leads to the same content under another address of the site
    ODD = "odd"  # 200, JSON of another shape
    OTHER_SCHEME = "other scheme"  # leads to the same host, not by the same scheme
    SLOW = "slow"  # until `open` is set
    WELL = "well"


class Site(Protocol):
    """Whose API it is; AtlassianHost has all of it."""

    site_url: str
    client_key: str
    shared_secret: str
    descriptor: dict[str, Any]
    now: Callable[[], float]


@dataclass(frozen=True, slots=True)
class SeenCall:
    """*claims* of the Connect token; None for a Forge call and for one that was refused."""

    target: str
    headers: Mapping[str, str]
    status: int
    claims: Mapping[str, Any] | None


@dataclass(slots=True)
class HostApi:
    """*properties* by content id and key; *seen* the calls that came, refused ones too. A Forge
    app's calls go to *forge_path* below the site's routes and bear *system_token*.
    """

    site: Site
    mood: Mood = Mood.WELL
    properties: dict[tuple[str, str], Any] = field(default_factory=dict)
    seen: deque[SeenCall] = field(default_factory=lambda: deque(maxlen=_KEPT))
    elsewhere: str = "http://elsewhere.example"
    cloud_id: str = "11111111-2222-3333-4444-555555555555"
    system_token: str = "a-system-token"  # noqa: S105 - a stand-in's
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def forge_path(self) -> str:
        """What an apiBaseUrl of a Forge invocation ends with."""
        return f"/ex/confluence/{self.cloud_id}"

    def routes(self, prefix: str) -> list[web.RouteDef]:
        return [
            web.get(f"{prefix}/wiki/{_PROPERTY}", self._as_connect_app),
            web.get(f"{prefix}/wiki/moved/{_PROPERTY}", self._as_connect_app),
            web.get(f"{prefix}/ex/confluence/{{cloud}}/wiki/{_PROPERTY}", self._as_forge_app),
        ]

    async def _as_connect_app(self, request: web.Request) -> web.StreamResponse:
        claims = self._read_token(request)
        return await self._answer(request, claims, welcome=claims is not None)

    async def _as_forge_app(self, request: web.Request) -> web.StreamResponse:
        said = request.headers.get("Authorization")
        welcome = said == f"Bearer {self.system_token}"
        welcome = welcome and request.match_info["cloud"] == self.cloud_id
        return await self._answer(request, None, welcome=welcome)

    def _read_token(self, request: web.Request) -> dict[str, Any] | None:
        """The claims of a token that the installed app signed for this request and no other."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        site = self.site
        if scheme != "JWT" or not site.shared_secret:
            return None
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                site.shared_secret,
                ["HS256"],
                audience=site.client_key,
                issuer=site.descriptor["key"],
                options={
                    "require": ["iss", "iat", "exp", "aud", "qsh"],
                    "verify_exp": False,  # by the site's clock, below
                    "verify_iat": False,
                },
            )
        except jwt.PyJWTError:
            return None
        base_path = URL(site.site_url).raw_path.rstrip("/")
        asked = query_string_hash(request.method, request.rel_url.raw_path_qs, base_path)
        lasts = claims["exp"] - claims["iat"] <= LONGEST_TOKEN_SECONDS
        if claims["qsh"] != asked or not lasts or claims["exp"] <= site.now():
            return None
        return claims

    async def _answer(
        self, request: web.Request, claims: dict[str, Any] | None, *, welcome: bool
    ) -> web.StreamResponse:
        self.asked.set()
        response = await self._act(request) if welcome else _refusal()
        target = request.rel_url.raw_path_qs
        self.seen.append(SeenCall(target, request.headers.copy(), response.status, claims))
        return response

    async def _act(self, request: web.Request) -> web.StreamResponse:
        target = request.rel_url.raw_path_qs
        match self.mood:
            case Mood.SLOW:
                await self.open.wait()
            case Mood.CUT:
                if request.transport is not None:
                    request.transport.abort()
            case Mood.MOVED if "/wiki/moved/" not in target:
                return _led(target.replace("/wiki/", "/wiki/moved/", 1))
            case Mood.CIRCLE:
                return _led(target)
            case Mood.ELSEWHERE:
                return _led(self.elsewhere + target)
            case Mood.OTHER_SCHEME:
                other = "https" if request.url.scheme == "http" else "http"
                return _led(f"{other}://{request.host}{target}")
        return _ANSWERS[self.mood]() if self.mood in _ANSWERS else self._find(request)

    def _find(self, request: web.Request) -> web.StreamResponse:
        content, key = request.match_info["content"], request.match_info["key"]
        if (content, key) not in self.properties:
            message = f"Cannot find a property with key: {key}"
            return web.json_response({"statusCode": 404, "message": message}, status=404)
        return web.json_response(
            {
                "id": "98765",
                "key": key,
                "value": self.properties[content, key],
                "version": {"number": 1},
            }
        )


def _refusal() -> web.Response:
    return web.json_response({"statusCode": 401, "message": "Unauthorized"}, status=401)


def _led(location: str) -> web.Response:
    return web.Response(status=302, headers={"Location": location})


def _page() -> web.Response:
    return web.Response(text="<html>Log in</html>", content_type="text/html")


_ANSWERS: dict[Mood, Callable[[], web.Response]] = {
    Mood.AWAY: lambda: web.Response(status=503, text="<html>Away</html>", content_type="text/html"),
    Mood.BUSY: lambda: web.Response(status=429, headers={"Retry-After": "7"}),
    Mood.HTML: _page,
    Mood.HUGE: lambda: web.json_response({"value": "x" * _HUGE}),
    Mood.ODD: lambda: web.json_response({"value": "approvedBy"}),
}
