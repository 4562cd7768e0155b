"""The set of requests: the rows of requests.toml, one request for each token a row names. Pure.

A row holds what stands in the request, with names such as `<client key>` where a value differs from
service to service. Nothing here knows a secret.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bff.compare.rows import WrongFile, read_rows, read_text, read_texts, refuse_unknown
from bff.compare.tokens import KINDS, NONE, Needs


class Place(StrEnum):
    """Where a token stands in a request."""

    QUERY = "query"
    QUERY_TWICE = "query twice"
    QUERY_ACPT = "query acpt"
    BODY = "body"
    QUERY_AND_BODY = "query and body"
    HEADER = "header"
    BEARER = "bearer"
    LOWER_CASE = "lower case"  # `Authorization: jwt …`
    SESSION_HEADER = "x-acpt"
    COOKIE = "cookie"
    BEHIND_A_BAD_ONE = "header behind a bad query"
    BEHIND_AN_EMPTY_ONE = "header behind an empty query"


class Mark(StrEnum):
    """What sending a request may do; the command asks before it does so."""

    UPSTREAM = "upstream"  # a model answers: it may cost money
    FAULTS = "faults"  # the question tells the simulator what to do
    LIFECYCLE = "lifecycle"  # it may install or uninstall
    FIRST = "first"  # the others build on it
    RISKY = "risky"  # it calls the site, or may end the Node app's process


@dataclass(frozen=True, slots=True)
class Request:
    """*body* None is no body, unless there is *filling*: so many spaces; so many characters of
    *padding* are added to the query.
    """

    name: str
    method: str
    target: str
    token: str = NONE
    place: Place = Place.QUERY
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    filling: int = 0
    padding: int = 0
    marks: frozenset[Mark] = frozenset()
    limit_s: float | None = None

    @property
    def needs(self) -> Needs:
        return KINDS[self.token].needs


_JSON = "application/json"
_FIELDS = {
    "name",
    "method",
    "target",
    "tokens",
    "places",
    "headers",
    "type",
    "body",
    "bodies",
    "filling_bytes",
    "padding",
    "marks",
    "limit_s",
}


def read_requests(text: str, name: str) -> tuple[Request, ...]:
    """The set of a file; *name* is what it is called in a complaint. Raises WrongFile."""
    requests = tuple(
        request
        for number, row in enumerate(read_rows(text, name, "request"), 1)
        for request in _read_row(row, f"{name}, row {number}")
    )
    refuse_twins(requests, name)
    return requests


def refuse_twins(requests: Iterable[Request], name: str) -> None:
    """Names are how differences are known. Raises WrongFile."""
    seen: set[str] = set()
    for request in requests:
        if request.name in seen:
            raise WrongFile(f'{name}: two requests are called "{request.name}".')
        seen.add(request.name)


def _read_row(row: Mapping[str, Any], at: str) -> Iterable[Request]:
    """One request for each body, place and token; its name says which, where there are several."""
    refuse_unknown(row, _FIELDS, at)
    name = read_text(row, "name", at)
    tokens = read_texts(row, "tokens", at, (NONE,))
    places = read_texts(row, "places", at, (Place.QUERY,))
    bodies = _read_bodies(row, at)
    for title, body in bodies:
        for place in places:
            for token in tokens:
                said = [name, title]
                said += [f"[{token}]"] if len(tokens) > 1 else []
                said += [f"[in {place}]"] if len(places) > 1 else []
                yield _request(row, at, " ".join(filter(None, said)), (token, place, body))


def _request(
    row: Mapping[str, Any], at: str, name: str, chosen: tuple[str, str, str | None]
) -> Request:
    token, place, body = chosen
    if token not in KINDS:
        raise WrongFile(f'{at}: there is no token "{token}"; there are {", ".join(KINDS)}.')
    return Request(
        name=name,
        method=read_text(row, "method", at, "GET"),
        target=read_text(row, "target", at),
        token=token,
        place=_one_of(Place, place, at, "place"),
        headers=_read_headers(row, at, has_body=body is not None or "filling_bytes" in row),
        body=body,
        filling=_read_number(row, "filling_bytes", at) or 0,
        padding=_read_number(row, "padding", at) or 0,
        marks=_read_marks(row, at),
        limit_s=_read_number(row, "limit_s", at),
    )


def _read_bodies(row: Mapping[str, Any], at: str) -> list[tuple[str, str | None]]:
    """The one body, or several by title."""
    titled = row.get("bodies")
    if titled is None:
        return [("", None if "body" not in row else _text(row, "body", at))]
    if not isinstance(titled, dict) or not all(isinstance(body, str) for body in titled.values()):
        raise WrongFile(f"{at}: bodies must be a table of texts.")
    return list(titled.items())


def _read_headers(
    row: Mapping[str, Any], at: str, *, has_body: bool
) -> tuple[tuple[str, str], ...]:
    headers = row.get("headers", {})
    if not isinstance(headers, dict) or not all(isinstance(text, str) for text in headers.values()):
        raise WrongFile(f"{at}: headers must be a table of texts.")
    content_type = _text(row, "type", at) if "type" in row else _JSON if has_body else ""
    return (*headers.items(), *((("Content-Type", content_type),) if content_type else ()))


def _read_marks(row: Mapping[str, Any], at: str) -> frozenset[Mark]:
    marks = row.get("marks", [])
    if not isinstance(marks, list):
        raise WrongFile(f"{at}: marks must be a list of texts.")
    return frozenset(_one_of(Mark, mark, at, "mark") for mark in marks)


def _text(row: Mapping[str, Any], field: str, at: str) -> str:
    """One that may be empty."""
    text = row[field]
    if not isinstance(text, str):
        raise WrongFile(f"{at}: {field} must be a text.")
    return text


def _read_number(row: Mapping[str, Any], field: str, at: str) -> Any:
    value = row.get(field)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise WrongFile(f"{at}: {field} must be a number.")
    return value


def _one_of(kinds: type[StrEnum], text: Any, at: str, what: str) -> Any:
    try:
        return kinds(text)
    except ValueError:
        known = ", ".join(kinds)
        raise WrongFile(f'{at}: there is no {what} "{text}"; there are {known}.') from None


def requests_for_files(paths: Iterable[str]) -> tuple[Request, ...]:
    """One request for each file of the frontend by its path from the root, and for the first also
    the other ways to ask for it.
    """
    listed = sorted(set(paths))
    each = [Request(f"file {path}", "GET", path) for path in listed]
    ways = (
        ("HEAD", ()),
        ("GET", (("Range", "bytes=0-9"),)),
        ("GET", (("Range", "bytes=99999999-"),)),
        ("GET", (("Accept-Encoding", "gzip"),)),
        ("POST", ()),
    )
    for path in listed[:1]:
        for method, headers in ways:
            said = " ".join((method, *(f"{name}: {value}" for name, value in headers)))
            each.append(Request(f"file {path} {said}", method, path, headers=headers))
    return tuple(each)
