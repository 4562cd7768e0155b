"""Records that cross rooms: who calls, and for which installation. Plain values, no behaviour."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Tenant:
    """One installation of the add-on, as its last signed install described it.

    *secrets* holds every stored secret of the tenant, newest row first: the Node app could leave
    duplicate rows, and until they are healed each of them must open the door. Never printed.
    """

    client_key: str
    base_url: str
    key: str  # the add-on key the install named
    secrets: tuple[str, ...] = field(repr=False)
    settings: dict[str, Any] = field(repr=False)  # the install payload, verbatim


@dataclass(frozen=True, slots=True)
class ForgeInvocation:
    """What a Forge Remote request said beside who asks: where to call back, and as whom."""

    installation_id: str
    cloud_id: str
    api_base_url: str
    system_token: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of ours, without what it is proved by. *tenant* is whose rows it sees: its own
    (`key:` and its *id*) unless it was made for another.

    *models* are patterns such as `openai/*`, empty for all; *streams* is how many it may have open
    at a time and *requests* how many it may begin within a minute, None for the house's own limit.
    """

    id: str
    name: str
    tenant: str
    models: tuple[str, ...] = ()
    streams: int | None = None
    requests: int | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a tenant's user, admitted by a token, or who holds an API key (*key*).

    *subject* is the token's `sub`, *account_id* the user (`context.user.accountId`, else `sub`);
    either may be absent. *context* is the token's own `context` claim, copied into session tokens.
    *tenant_tag* and *user_tag* are pseudonyms fit for a third party's log (gateway.md §11).
    *forge* is set where a Forge invocation token opened the door.
    """

    client_key: str
    account_id: str | None
    subject: str | None
    context: Any
    tenant_tag: str
    user_tag: str
    forge: ForgeInvocation | None = None
    key: ApiKey | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a caller stands within its *limit* of requests a minute, the last one counted unless it
    was refused: *remaining* may begin now, all of them after *reset_s*; a refused one after
    *wait_s*, which is None for one that may begin. In seconds.
    """

    limit: int
    remaining: int
    reset_s: float
    wait_s: float | None = None


@dataclass(frozen=True, slots=True)
class ClientQuota:
    """A client's tokens: the limit, and what is left of it (below zero when the last call took more
    than was left).
    """

    client_key: str
    max_quota: int
    token_quota: int
