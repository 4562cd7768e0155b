"""What a database URL says: which dialect, and where. No driver is loaded, nothing is opened.

Forms: `sqlite:///file`, `postgres://…`, `postgresql://…` with libpq's parameters. Two of
node-postgres's own are read as it means them (`sslmode=no-verify`, `ssl=true`), because a Node
app's DATABASE_URL may hold them.
"""

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

MAY_HOLD = (
    "postgres://user:password@host:5432/name (?sslmode=disable, prefer, require, verify-ca or "
    "verify-full) or sqlite:///file"
)

_SSL_MODES = frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"})
_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """*place* is a file's path for SQLite, the whole URL as libpq knows it for PostgreSQL."""

    dialect: Literal["sqlite", "postgresql"]
    place: str = field(repr=False)  # may hold a password


def read_database_url(url: str) -> DatabaseUrl:
    """Raises ValueError, without the URL in it, for anything we cannot open."""
    if url.startswith(_SQLITE):
        path = url.removeprefix(_SQLITE)
        if not path or path == ":memory:" or "?" in path:
            raise ValueError("not the path of a file")
        return DatabaseUrl("sqlite", path)
    if not url.startswith(("postgres://", "postgresql://")):
        raise ValueError("not a database we know")
    try:
        parts = urlsplit(url)
        _ = parts.port  # urlsplit looks at it only when asked
    except ValueError:
        raise ValueError("not a URL") from None  # its own words may quote the password
    query = _libpq_query(parts.query)
    return DatabaseUrl("postgresql", parts._replace(query=query, fragment="").geturl())


def _libpq_query(query: str) -> str:
    pairs = dict(parse_qsl(query, keep_blank_values=True))
    ssl = pairs.pop("ssl", "")
    if ssl.lower() in ("true", "1"):
        pairs.setdefault("sslmode", "require")
    if pairs.get("sslmode") == "no-verify":
        pairs["sslmode"] = "require"
    if pairs.get("sslmode", "prefer") not in _SSL_MODES:
        raise ValueError("not an sslmode")
    return urlencode(pairs, safe="/")
