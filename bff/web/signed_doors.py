"""The doors of the lifecycle calls: RS256, signed by Atlassian for this add-on and this request.

Nothing is stored here. A call that the add-on must not take at all (`NotRegistered`) is told apart
from a token that failed, because it is answered in another form. Source: node-bff.md §3.6, §4.3.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bff.connect import install_tokens, positions
from bff.connect.hosts import BaseUrl, read_base_url
from bff.connect.jws import Token, verify_rs256
from bff.errors import Kind, Problem
from bff.store.tenants import is_storable
from bff.web.body import read_body
from bff.web.doors import request_hash
from bff.web.services import SERVICES, ConnectFacts

QUOTED_MOST = 200  # characters of a base URL that is refused


class NotRegistered(Problem):
    """A lifecycle call refused for what its body says, or for having no token that could count."""

    def __init__(self, public: str) -> None:
        super().__init__(Kind.CALLER_AUTH, public)


@dataclass(frozen=True, slots=True)
class Installation:
    """A verified lifecycle call. *payload* is the body verbatim, without a token it may have
    carried.
    """

    client_key: str
    payload: dict[str, Any] = field(repr=False)


async def signed_install(request: web.Request) -> Installation:
    """`installed`. Raises Problem: a 401 for who may not, a 400 for what cannot be installed."""
    connect = request.app[SERVICES].connect
    fields = (await read_body(request)).fields
    base_url = _check_host(fields, connect)
    installation = await _verify(request, fields)
    _check_payload(fields, base_url, connect)
    return installation


async def signed_uninstall(request: web.Request) -> Installation:
    """`uninstalled`. A host that may no longer install may still leave."""
    fields = (await read_body(request)).fields
    installation = await _verify(request, fields)
    if "key" in fields:
        _check_key(fields, request.app[SERVICES].connect)
    return installation


async def _verify(request: web.Request, fields: Mapping[str, Any]) -> Installation:
    client_key = fields.get("clientKey")
    if not isinstance(client_key, str) or not client_key:
        host = _quoted(fields.get("baseUrl"))
        raise NotRegistered(f"No client key provided for host at {host}.")
    services = request.app[SERVICES]
    token = _read_token(request, fields)
    issuer = install_tokens.check_install_claims(
        token, services.connect.audiences, request_hash(request), now=int(services.now())
    )
    key = await services.install_keys.find(install_tokens.read_key_id(token))
    verify_rs256(token, key)
    if issuer != client_key:
        raise NotRegistered("clientKey in install payload did not match authenticated client")
    payload = {name: value for name, value in fields.items() if name != "jwt"}
    return Installation(client_key, payload)


def _read_token(request: web.Request, fields: Mapping[str, Any]) -> Token:
    query, headers = request.rel_url.raw_query_string, request.headers
    try:
        text = positions.find_token(
            query, headers.get("Authorization"), headers.get("X-acpt"), fields=fields
        )
        return install_tokens.read_install_token(text)
    except Problem as problem:
        raise NotRegistered(
            "Unexpected or missing JWT token, failed to verify installation."
        ) from problem


def _check_host(fields: Mapping[str, Any], connect: ConnectFacts) -> BaseUrl:
    text = fields.get("baseUrl")
    if not isinstance(text, str) or not text:
        raise NotRegistered("No baseUrl provided in registration info.")
    url = read_base_url(text)
    if url is None or not (connect.development or connect.hosts.allow(url)):
        raise NotRegistered(
            f"Host at {_quoted(text)} is not authorized to register as the host does not match the "
            f"registration whitelist ({','.join(connect.hosts.patterns)})."
        )
    return url


def _quoted(base_url: object) -> str:
    """What was sent, as far as a person reads it."""
    text = str(base_url)
    return text if len(text) <= QUOTED_MOST else f"{text[:QUOTED_MOST]}…"


def _check_payload(fields: Mapping[str, Any], base_url: BaseUrl, connect: ConnectFacts) -> None:
    """What Node stored without a look, and what then locked the tenant out."""
    _check_key(fields, connect)
    if not is_storable(fields["clientKey"]):
        raise Problem(Kind.BAD_REQUEST, "The installation's clientKey is none.", at="clientKey")
    secret = fields.get("sharedSecret")
    if not isinstance(secret, str) or not secret:
        raise Problem(Kind.BAD_REQUEST, "The installation has no sharedSecret.", at="sharedSecret")
    if base_url.scheme != "https" and not connect.development:
        raise Problem(Kind.BAD_REQUEST, "The installation's baseUrl must be https.", at="baseUrl")


def _check_key(fields: Mapping[str, Any], connect: ConnectFacts) -> None:
    if fields.get("key") != connect.app_key:
        raise Problem(Kind.BAD_REQUEST, "The installation is of another app.", at="key")
