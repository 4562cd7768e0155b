"""A request of the set written out for one service: values for names, the token in its place. Pure.

Source: node-bff.md §4.1 (places).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

import orjson

from bff.compare.masks import Names
from bff.compare.requests import Place, Request
from bff.compare.tokens import KINDS, NONE, Identity, Moment
from bff.connect.qsh import query_string_hash

_BAD = "eyJhbGciOiJIUzI1NiJ9.e30.bad"
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Wire:
    """What is sent. *target* is raw."""

    method: str
    target: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)


def names_of(identity: Identity, address: str) -> Names:
    """What stands in requests, and must not stand in what is shown. *address* is where the service
    is asked, which need not be its base URL.
    """
    values = {
        "client key": identity.client_key,
        "secret": identity.secret,
        "new secret": identity.new_secret,
        "base url": identity.base_url,
    }
    return Names(values, (("base url", address),))


def prepare(request: Request, identity: Identity, names: Names, now: int) -> Wire:
    """*now* in seconds since 1970."""
    target = names.put_in(request.target)
    if request.padding:
        target = _with_query(target, f"pad={'a' * request.padding}")
    base_path = urlsplit(identity.base_url).path.rstrip("/")
    moment = Moment(identity, query_string_hash(request.method, target, base_path), now)
    token = KINDS[request.token].make(moment)
    bare = Wire(
        request.method,
        target,
        tuple((name, names.put_in(value)) for name, value in request.headers),
        _body_of(request, names),
    )
    return bare if request.token == NONE else _PLACES[request.place](bare, token)


def _body_of(request: Request, names: Names) -> bytes | None:
    if request.filling:
        return b" " * request.filling
    return None if request.body is None else names.put_in(request.body).encode()


def _with_query(target: str, more: str) -> str:
    return f"{target}{'&' if '?' in target else '?'}{more}"


def _in_query(wire: Wire, token: str) -> Wire:
    return replace(wire, target=_with_query(wire.target, f"jwt={token}"))


def _twice(wire: Wire, token: str) -> Wire:
    return _in_query(_in_query(wire, token), token)


def _in_acpt(wire: Wire, token: str) -> Wire:
    return replace(wire, target=_with_query(wire.target, f"acpt={token}"))


def _in_header(name: str, value: str = "{}") -> Callable[[Wire, str], Wire]:
    def put(wire: Wire, token: str) -> Wire:
        return replace(wire, headers=(*wire.headers, (name, value.format(token))))

    return put


def _in_body(wire: Wire, token: str) -> Wire:
    """A field of a JSON object or of a form; a body that is neither stays as it is."""
    body = wire.body or b""
    if any(value == _FORM for _, value in wire.headers):
        return replace(wire, body=b"&".join(filter(None, (body, f"jwt={token}".encode()))))
    try:
        fields = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        return wire
    if not isinstance(fields, dict):
        return wire
    return replace(wire, body=orjson.dumps({**fields, "jwt": token}))


def _in_query_and_body(wire: Wire, token: str) -> Wire:
    return _in_body(_in_query(wire, token), token)


def _behind(query: str) -> Callable[[Wire, str], Wire]:
    def put(wire: Wire, token: str) -> Wire:
        return _in_header("Authorization", "JWT {}")(_in_query(wire, query), token)

    return put


_PLACES: Mapping[Place, Callable[[Wire, str], Wire]] = {
    Place.QUERY: _in_query,
    Place.QUERY_TWICE: _twice,
    Place.QUERY_ACPT: _in_acpt,
    Place.BODY: _in_body,
    Place.QUERY_AND_BODY: _in_query_and_body,
    Place.HEADER: _in_header("Authorization", "JWT {}"),
    Place.BEARER: _in_header("Authorization", "Bearer {}"),
    Place.LOWER_CASE: _in_header("Authorization", "jwt {}"),
    Place.SESSION_HEADER: _in_header("X-acpt"),
    Place.COOKIE: _in_header("Cookie", "jwt={}"),
    Place.BEHIND_A_BAD_ONE: _behind(_BAD),
    Place.BEHIND_AN_EMPTY_ONE: _behind(""),
}
