"""The door that opens to a token of the add-on too, where the contract says so.

The stricter rules hold from the start: a token that names a request must name this one. Source:
contract api-faces.md §1 "Auth", §7.4; operations.md "Endpoints".
"""

from aiohttp import web

from bff.connect import positions
from bff.connect.jws import refused
from bff.errors import Kind, Problem
from bff.records import Caller
from bff.web import doors
from bff.web.faces.key_door import REFUSAL, recognise_key
from bff.web.services import SERVICES

_ANY_REQUEST = (None, "", "context-qsh")


async def key_or_token(request: web.Request) -> Caller:
    """An API key; else a Connect token (`Authorization: JWT`, `?jwt=`) or, where the add-on has a
    Forge app, an invocation token. Raises Problem(CALLER_AUTH).
    """
    caller = await recognise_key(request)
    if caller is not None:
        return caller
    text = _find_connect_token(request)
    if text is not None:
        return await _admit_token(request, text)
    invited = await doors.find_invocation(request) if _has_forge_token(request) else None
    if invited is None:
        raise Problem(Kind.CALLER_AUTH, REFUSAL)
    return invited[0]


def _find_connect_token(request: web.Request) -> str | None:
    in_query = positions.find_in_query(request.rel_url.raw_query_string)
    if in_query is not None:
        return in_query
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    return text or None if scheme == "JWT" else None


def _has_forge_token(request: web.Request) -> bool:
    """A bearer that has the form of one: of anything else no key host need be asked."""
    text = positions.find_bearer(request.headers.get("Authorization"))
    return text is not None and text.count(".") == 2


async def _admit_token(request: web.Request, text: str) -> Caller:
    verified, _ = await doors.verify(request.app[SERVICES], text)
    if verified.qsh not in _ANY_REQUEST and verified.qsh != doors.request_hash(request):
        raise refused("Authentication failed: query hash does not match.")
    return verified.caller
