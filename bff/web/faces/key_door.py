"""The door of integrators: which of a request's headers holds a key of ours, and who that lets in.

Missing, malformed, wrong and revoked keys are one refusal. Source: contract api-faces.md §1.
"""

from collections.abc import Mapping

from aiohttp import web

from bff.connect import tokens
from bff.errors import Kind, Problem
from bff.policy import api_keys
from bff.records import ApiKey, Caller
from bff.web.services import SERVICES

REFUSAL = "The API key is missing or is not valid."


def find_key_texts(headers: Mapping[str, str]) -> tuple[str, ...]:
    """What a request offers as a key: `Authorization: Bearer …`, then `x-api-key`. Equal ones once,
    empty ones never; *headers* are asked in any case of their names.
    """
    scheme, _, bearer = headers.get("Authorization", "").strip().partition(" ")
    offered = (bearer.strip() if scheme.lower() == "bearer" else "", headers.get("x-api-key", ""))
    return tuple(dict.fromkeys(filter(None, map(str.strip, offered))))


async def recognise_key(request: web.Request) -> Caller | None:
    """Who holds a key that the request offers; None where it offers none that is in use.

    Raises Problem(INTERNAL) when storage is away, Problem(OVERLOADED) when too many try.
    """
    keys = request.app[SERVICES].keys
    for text in find_key_texts(request.headers):
        if api_keys.is_ours(text):
            key = await keys.find(text)
            if key is not None:
                return caller_of(key)
    return None


async def admit_key(request: web.Request) -> Caller:
    """Who holds the request's key. Raises Problem(CALLER_AUTH), and what `recognise_key` does."""
    caller = await recognise_key(request)
    if caller is None:
        raise Problem(Kind.CALLER_AUTH, REFUSAL)
    return caller


def caller_of(key: ApiKey) -> Caller:
    """A key asks as its tenant; to others it is told apart as a user of that tenant would be."""
    tenant_tag, user_tag = tokens.tags(key.tenant, key.id)
    return Caller(key.tenant, None, key.id, None, tenant_tag, user_tag, key=key)
