"""The query string hash: which request a token was made for. Pure; never raises.

Source: Atlassian Connect, "Creating a query string hash"; node-bff.md §4.6.
"""

import hashlib
from collections.abc import Iterable
from urllib.parse import quote, unquote_to_bytes, urlsplit

CONTEXT_QSH = "context-qsh"  # what a context token says instead of a hash
_UNRESERVED = "-._~"  # with letters and digits, RFC 3986 §2.3


def query_string_hash(method: str, target: str, base_path: str = "") -> str:
    """SHA-256 (hex) of the canonical request. *target* is the raw request target, path and query
    still percent-encoded; *base_path* the path of the add-on's base URL.
    """
    canonical = canonical_request(method, target, base_path)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def canonical_request(method: str, target: str, base_path: str = "") -> str:
    """The text that is hashed."""
    path, _, query = target.partition("?")
    return "&".join((method.upper(), _canonical_path(path, base_path), _canonical_query(query)))


def base_path_of(base_url: str) -> str:
    """What is stripped from every path before it is hashed. Raises ValueError for no URL."""
    return urlsplit(base_url).path


def read_parameters(query: str) -> Iterable[tuple[str, str]]:
    """Names and values of a query as a form has them: `+` is a space, a name may have no value."""
    for pair in query.split("&"):
        if pair:
            name, _, value = pair.partition("=")
            yield _decode(name), _decode(value)


def _canonical_path(path: str, base_path: str) -> str:
    """A prefix is a prefix even in the middle of a segment: that is how the other side does it."""
    path = path.removeprefix(base_path).replace("&", "%26")
    if not path.startswith("/"):
        path = "/" + path
    return path.removesuffix("/") or "/"


def _canonical_query(query: str) -> str:
    values: dict[str, list[str]] = {}
    for name, value in read_parameters(query):
        if name != "jwt":
            values.setdefault(name, []).append(value)
    return "&".join(
        f"{_encode(name)}={','.join(_encode(value) for value in sorted(values[name], key=_units))}"
        for name in sorted(values, key=_units)
    )


def _decode(text: str) -> str:
    if "%" not in text:
        return text.replace("+", " ")
    return unquote_to_bytes(text.replace("+", " ").encode("utf-8", "surrogatepass")).decode(
        "utf-8", "replace"
    )


def _encode(text: str) -> str:
    return quote(text, safe=_UNRESERVED, errors="surrogatepass")


def _units(text: str) -> bytes:
    """Sorts as JavaScript and Java do: by UTF-16 code unit, not by code point."""
    return text.encode("utf-16-be", "surrogatepass")
