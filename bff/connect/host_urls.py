"""Addresses at a tenant's own site: written from its base URL and pieces of a path, and from
nothing else, so that no piece can lead to another host or above the base.

Not a URL library: one strict spelling each way. Pure.
Source: RFC 3986 §2.3, §5.2; node-bff.md §4.7.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote, urljoin, urlsplit

from bff.connect.hosts import read_base_url

Parameters = Iterable[tuple[str, str]]

_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*/?", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DOTS = re.compile(r"(?:^|[/\\])\.{1,2}(?:[/\\]|$)")
_LONGEST_LABEL = 63  # RFC 1035 §2.3.4
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class HostBase:
    """*origin* is scheme, host and port in lower case, *path* ends without a slash."""

    origin: str
    path: str


def read_host_base(text: str, *, plain_http: bool) -> HostBase | None:
    """None unless *text* is an absolute URL of a host and a plain path; http if *plain_http*."""
    url = read_base_url(text)
    if url is None or (url.scheme != "https" and not plain_http):
        return None
    if any(len(label) > _LONGEST_LABEL for label in url.host.split(".")):
        return None
    parts = urlsplit(text)
    origin = _origin(text)
    plain = _PATH.fullmatch(parts.path) is not None and _DOTS.search(parts.path) is None
    if origin is None or not plain or "?" in text or "#" in text:
        return None
    return HostBase(origin, parts.path.rstrip("/"))


def write_target(path: Iterable[str], parameters: Parameters = ()) -> str:
    """Path and query below a base, each of them encoded by `encode`. *path* is its segments. Raises
    ValueError for a segment that is empty, means a step up, or holds a control character.
    """
    segments = [_segment(segment) for segment in path]
    query = "&".join(f"{encode(name)}={encode(value)}" for name, value in parameters)
    return "/" + "/".join(segments) + (f"?{query}" if query else "")


def encode(text: str) -> str:
    """Everything but letters, digits and `-._~`; so it ends no segment and begins no query. Raises
    ValueError for half a surrogate pair.
    """
    return quote(text, safe="-._~")


def read_redirect(base: HostBase, target: str, location: str) -> str | None:
    """The target to ask next when *target* answered with *location*; None when that is another
    scheme, host or port, or not below the base: there our token means nothing.
    """
    try:
        led = urljoin(base.origin + target, location).partition("#")[0]
        origin = _origin(led)
        path = unquote(urlsplit(led).path)
    except ValueError:
        return None
    if origin != base.origin or not path.startswith(f"{base.path}/") or _DOTS.search(path):
        return None
    parts = urlsplit(led)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _segment(text: str) -> str:
    if text in ("", ".", "..") or _CONTROL.search(text):
        raise ValueError("no segment of a path")
    return encode(text)


def _origin(text: str) -> str | None:
    """With the port only where it is not the scheme's own; None when the URL is not plain."""
    url = read_base_url(text)
    if url is None:
        return None
    try:
        port = urlsplit(text).port
    except ValueError:  # beyond 65535
        return None
    shown = "" if port in (None, _DEFAULT_PORTS[url.scheme]) else f":{port}"
    return f"{url.scheme}://{url.host}{shown}"
