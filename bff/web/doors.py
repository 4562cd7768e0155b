"""Who may enter: the doors of the street. Rules are connect's; here they are given the request.

A door returns what its handler takes, so the kind of token is part of a route's type. Where the
token is not in the body it is verified before the body is read; one that verified is remembered.
Source: node-bff.md §4, operations.md (order of checks).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bff.connect import forge, positions, qsh, tokens
from bff.connect.jws import Token, refused, verify_rs256
from bff.connect.memory import fingerprint
from bff.connect.tokens import Signer, Verified
from bff.errors import Problem
from bff.records import Caller, Tenant
from bff.web.body import has_body, read_body
from bff.web.refusals import write_refusal
from bff.web.services import SERVICES, Services

SECOND_LOOK_BYTES = 64 * 1024  # of a body, when the token outside it is bad


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who came in, and the tenant as it was found: its secret signs the session token."""

    caller: Caller
    tenant: Tenant


ADMITTED = web.RequestKey("ADMITTED", Admitted)


async def anyone(_request: web.Request) -> None:
    """Open to all."""


async def context_token(request: web.Request) -> Caller:
    """A tenant's token, whatever request it was made for. Raises Problem(CALLER_AUTH)."""
    invited = await find_invocation(request)
    if invited is not None:
        return _admit(request, *invited)
    verified, tenant = await _find_and_verify(request)
    return _admit(request, verified.caller, tenant)


async def context_token_with_qsh(request: web.Request) -> Caller:
    """A tenant's token made for this very request. Raises Problem(CALLER_AUTH).

    A Forge token has no hash of the request, so one opens every door to its user while it lasts, as
    in ACE. That may be for several calls of a browser: `requestRemote` of Forge's bridge keeps it.
    """
    invited = await find_invocation(request)
    if invited is not None:
        return _admit(request, *invited)
    verified, tenant = await _find_and_verify(request)
    tokens.check_query_string_hash(verified.qsh, request_hash(request))
    return _admit(request, verified.caller, tenant)


def _admit(request: web.Request, caller: Caller, tenant: Tenant) -> Caller:
    request[ADMITTED] = Admitted(caller, tenant)
    return caller


async def find_invocation(request: web.Request) -> tuple[Caller, Tenant] | None:
    """Who comes with a Forge invocation token, the only bearer at these doors; None when nobody
    does. A token in the query goes before it, as before every header.
    """
    services = request.app[SERVICES]
    facts = services.forge
    if facts is None or positions.find_in_query(request.rel_url.raw_query_string) is not None:
        return None
    text = positions.find_bearer(request.headers.get("Authorization"))
    if text is None:
        return None
    token = forge.read_forge_token(text)
    invocation = forge.check_claims(token, app_id=facts.app_id, now=int(services.now()))
    verify_rs256(token, await facts.keys.find(forge.read_key_id(token)))
    tenant = await services.tenants.find_installed(invocation.installation_id)
    if tenant is None or not tenant.secrets:  # none, or one that has uninstalled
        raise refused("Could not find stored client data for this installation.")
    system_token = request.headers.get("x-forge-oauth-system")
    return forge.read_caller(invocation, tenant, system_token=system_token), tenant


async def _find_and_verify(request: web.Request) -> tuple[Verified, Tenant]:
    """By the order of §4.1: query, body, headers."""
    services = request.app[SERVICES]
    query, headers = request.rel_url.raw_query_string, request.headers
    if (text := positions.find_in_query(query)) is not None:
        found = await verify(services, text)
        if positions.find_in_body(await _read_fields(request)) is not None:
            raise positions.no_token()
        return found
    text = positions.find_in_headers(query, headers.get("Authorization"), headers.get("X-acpt"))
    if text is None:
        inside = positions.find_in_body(await _read_fields(request))
        if inside is None:
            raise positions.no_token()
        return await verify(services, inside)
    try:
        found = await verify(services, text)
    except Problem as problem:
        return await verify(services, await _look_inside(request, problem))
    inside = positions.find_in_body(await _read_fields(request))
    return found if inside is None else await verify(services, inside)


async def _read_fields(request: web.Request) -> Mapping[str, Any]:
    return (await read_body(request)).fields if has_body(request) else {}


async def _look_inside(request: web.Request, problem: Problem) -> str:
    """A bad token in a header does not count when the body has one; only a small body is read to
    find out. Raises *problem* when there is none.
    """
    if not has_body(request) or not 0 < (request.content_length or 0) <= SECOND_LOOK_BYTES:
        raise problem
    try:
        inside = positions.find_in_body(await _read_fields(request))
    except Problem:
        raise problem from None
    if inside is None:
        raise problem
    return inside


async def verify(services: Services, text: str) -> tuple[Verified, Tenant]:
    """An HS256 token's caller and tenant, from memory if it verified before. Raises
    Problem(CALLER_AUTH).
    """
    now, token_hash = int(services.now()), fingerprint(text)
    known = services.remembered.recall(token_hash, now)
    if known is not None:
        tenant = await services.tenants.find(known.verified.caller.client_key)
        if tenant is not None and known.is_of(tenant):
            return known.verified, tenant
        services.remembered.forget(token_hash)
    token = tokens.read_token(text)
    signer = await _find_signer(services, token, now)
    verified = tokens.verify_token(token, signer.tenant, app_key=services.connect.app_key, now=now)
    services.remembered.remember(token_hash, verified, secret=signer.secret)
    return verified, signer.tenant


async def _find_signer(services: Services, token: Token, now: int) -> Signer:
    """Another process may just have seen a reinstall, so storage is asked once more before a
    signature is refused.
    """
    client_key = tokens.read_client_key(token)
    tenant = await services.tenants.find(client_key)
    try:
        return tokens.find_signer(token, tenant)
    except Problem:
        if tenant is None or not services.remembered.may_look_again(client_key, now):
            raise
    return tokens.find_signer(token, await services.tenants.find_fresh(client_key))


def request_hash(request: web.Request) -> str:
    """The query string hash of the request as it was received."""
    base_path = qsh.base_path_of(request.app[SERVICES].connect.base_url)
    return qsh.query_string_hash(request.method, request.rel_url.raw_path_qs, base_path)


__all__ = [
    "ADMITTED",
    "Admitted",
    "anyone",
    "context_token",
    "context_token_with_qsh",
    "find_invocation",
    "request_hash",
    "verify",
    "write_refusal",
]
