"""The typed pocket every handler gets: what wiring opened, in one frozen dataclass."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web

from bff.atlassian.host import HostAnswer, Site
from bff.chat.models import Model
from bff.connect.host_urls import Parameters
from bff.connect.hosts import AllowedHosts
from bff.connect.memory import RememberedTokens
from bff.engine.attempts import Engine
from bff.records import ApiKey, Caller, ClientQuota, Standing, Tenant
from bff.telemetry.metrics import Metrics
from bff.web.live import LiveStreams


class Tenants(Protocol):
    """Installations, by client key. Raises Problem(INTERNAL) when storage is away and memory is
    empty.
    """

    async def find(self, client_key: str) -> Tenant | None:
        """From memory while fresh; the last known while the database is away."""

    async def find_fresh(self, client_key: str) -> Tenant | None:
        """From the database, refreshing memory: asked before a signature is refused."""

    async def find_installed(self, installation_id: str) -> Tenant | None:
        """The tenant that a Forge installation belongs to, by a signed install that named both."""

    async def save(self, client_key: str, payload: Mapping[str, Any]) -> None:
        """Replaces whatever was stored: exactly one row is left."""

    async def retire(self, client_key: str) -> None:
        """Takes the tenant's secrets away, keeps its rows."""


class Reservation(Protocol):
    """Tokens set aside for one call."""

    async def settle(self, used: int) -> None:
        """The call is over and used so many tokens: taken off the client's quota, added to the
        user's. At most once.
        """


class Quotas(Protocol):
    """Token quotas of clients, and what their users used (node-bff.md §3.3, §3.4)."""

    async def find_or_create(self, client_key: str) -> tuple[ClientQuota, bool]:
        """The client's quota, and whether it was created now. Raises Problem(INTERNAL)."""

    def reserve(
        self, caller: Caller, *, model: str, tokens: int
    ) -> AbstractAsyncContextManager[Reservation]:
        """Sets *tokens* (the most the call can use) aside; left unsettled they are given back.

        Raises Problem(BUDGET) "Not enough tokens" when nothing is left, Problem(INTERNAL) when
        storage is away.
        """


class ApiKeys(Protocol):
    """The keys of integrators."""

    async def find(self, text: str) -> ApiKey | None:
        """The key that *text* proves; None for any other text, and for a key that was revoked.
        Notes that it was used. Raises Problem(INTERNAL) when storage is away and memory is empty,
        Problem(OVERLOADED) when too many try keys that do not exist.
        """


class CallerLimits(Protocol):
    """What every caller has under way, and began of late."""

    async def count(self, caller: Caller) -> Standing | None:
        """One request more, and how the caller stands with it; None for one without a limit."""

    def stream(self, caller: Caller) -> AbstractAsyncContextManager[None]:
        """One stream more while inside. Entering raises Problem(OWN_RATE_LIMIT) when the caller has
        as many as it may.
        """


class Catalogue(Protocol):
    """The models that callers are told of. Asks nobody."""

    def models(self) -> Sequence[Model]:
        """All of them, in their order."""

    def find(self, name: str) -> Model | None:
        """The one that *name* means, if it is listed."""


class InstallKeys(Protocol):
    """Atlassian's public keys for signed installs."""

    async def find(self, kid: str) -> str:
        """PEM text. Raises Problem(CALLER_AUTH) when no host has it."""


class ForgeKeys(Protocol):
    """Atlassian's public keys for Forge invocation tokens."""

    async def find(self, kid: str) -> str:
        """PEM text. Raises Problem(CALLER_AUTH) when there is no such key."""


@dataclass(frozen=True, slots=True)
class ForgeFacts:
    """What this add-on is to Forge: *app_id* is bare, without its ARI."""

    app_id: str
    keys: ForgeKeys


class Host(Protocol):
    """A tenant's own site, asked as the app."""

    async def get(self, site: Site, path: Iterable[str], parameters: Parameters = ()) -> HostAnswer:
        """*path* is segments below the product's base. Raises Problem, NOT_FOUND for a 404."""


class Monitor(Protocol):
    """Who installed and uninstalled, told to the vendor of the app."""

    def tell(self, event: str, payload: Mapping[str, Any]) -> None:
        """Returns at once and never raises. Only after the call was verified."""


@dataclass(frozen=True, slots=True)
class ConnectFacts:
    """What this add-on is to Atlassian. *descriptor* is the rendered JSON."""

    app_key: str
    base_url: str
    audiences: tuple[str, ...]
    hosts: AllowedHosts
    development: bool
    descriptor: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may cost us."""

    body_bytes: int = 10 * 2**20
    face_body_bytes: int = 32 * 2**20
    form_bytes: int = 100 * 2**10
    json_depth: int = 64
    json_values: int = 500_000
    body_seconds: float = 30.0
    messages: int = 1000
    parts: int = 1000
    router_seconds: float = 30.0  # to an answer's first byte; 0: no router


@dataclass(frozen=True, slots=True)
class ChatFacts:
    """What `/conversations` asks and how it answers. *visible_errors* is `auto`, `always` or
    `never`.
    """

    model: str
    max_tokens: int
    system_prompt: str
    visible_errors: str


@dataclass(frozen=True, slots=True)
class DiagramFacts:
    """What the diagram routes ask."""

    model: str
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a handler may use."""

    tenants: Tenants
    quotas: Quotas
    keys: ApiKeys
    install_keys: InstallKeys
    host: Host
    remembered: RememberedTokens
    engine: Engine
    catalogue: Catalogue
    metrics: Metrics
    monitor: Monitor
    streams: LiveStreams
    callers: CallerLimits
    connect: ConnectFacts
    forge: ForgeFacts | None  # None: no Forge token opens a door
    chat: ChatFacts
    diagrams: DiagramFacts
    limits: Limits
    readiness: Callable[[], Awaitable[str | None]]  # the failing part by name
    admin_token: str | None
    version: str
    now: Callable[[], float]  # seconds since 1970

    @property
    def draining(self) -> bool:
        return self.streams.draining


SERVICES = web.AppKey("SERVICES", Services)
