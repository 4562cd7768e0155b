"""Logs: one JSON object a line on stdout, ours and those of the libraries below us.

Nothing here decides what is logged. Two walls keep secrets and prompts out: an exception is told by
its type and its frames, never by its text or locals; whatever still looks like a token is masked.
Source: style.md "Logs", api-faces.md §7.3.
"""

import logging
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO, Literal

import orjson
import structlog

from bff.errors import Problem

LEVELS = ("debug", "info", "warning", "error", "critical")
_MASK = "***"
_SECRETS = re.compile(
    r"(\b(?:bearer|jwt)(?:[\s=:]|%3d|%20)+|\bsk-)[^\s\"'&,;<>]+"  # what follows such a word
    r"|(://[^/\s:@\"']*:)[^/\s@\"']+(?=@)"  # a URL's password
    r"|eyJ[\w-]{8,}(?:\.[\w-]*){0,4}",  # a JWT wherever it stands
    re.IGNORECASE,
)
_HINTS = ("bearer", "jwt", "sk-", "://", "eyj")  # every secret has one of these
_SIMPLE = frozenset({bool, float, int, str, type(None)})
_OUR_CODE = str(Path(__file__).parents[2])
_DEEPEST = 6
_MOST_FRAMES = 25
_KNOWN = frozenset({"aiohttp", "aiosqlite", "alembic", "asyncio", "asyncpg", "sqlalchemy"})
_WORDS = re.compile(r"[A-Za-z_ ,.%-]*")

Fields = MutableMapping[str, Any]


def configure(
    level: str, output: Literal["json", "console"] | str, *, stream: BinaryIO | None = None
) -> None:
    """Sets up logging for the process; called again, it replaces what it set. *stream*: stdout."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            tell_exception,
            redact,
            *(_json() if output == "json" else _console(stream)),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_Output(stream or sys.stdout.buffer),
        cache_logger_on_first_use=False,
    )
    logging.root.handlers[:] = [_Library()]
    logging.root.setLevel(max(number, logging.WARNING))


def redact(_logger: object, _method: str, fields: Fields) -> Fields:
    """The second wall: plain values only, and in no text anything that looks like a secret."""
    if _SIMPLE.issuperset(map(type, fields.values())):  # nearly every line, in a tenth of the time
        texts = [*fields, *(value for value in fields.values() if isinstance(value, str))]
        said = "\0".join(texts).lower()
        if not any(hint in said for hint in _HINTS):
            return fields
    return {mask(name): _plain(value) for name, value in fields.items()}


def mask(text: str) -> str:
    """*text* without bearer tokens, JWTs, API keys, `jwt=` parameters and passwords in URLs."""
    return _SECRETS.sub(lambda found: (found[1] or found[2] or "") + _MASK, text)


def tell_exception(_logger: object, _method: str, fields: Fields) -> Fields:
    """Puts `exc_info` as type and frames under `error`: what it says may be a caller's words."""
    told = fields.pop("exc_info", None)
    if told is True:
        told = sys.exc_info()[1]
    elif isinstance(told, tuple):
        told = told[1]
    if isinstance(told, BaseException):
        fields["error"] = describe(told)
    return fields


def describe(error: BaseException, depth: int = 0) -> dict[str, Any]:
    """Type and `file:line in function` frames, innermost last, with causes and group members."""
    kind = type(error)
    told: dict[str, Any] = {
        "type": f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    }
    if isinstance(error, Problem):
        told["kind"], told["sign"] = error.kind.value, error.sign.value
    told["frames"] = [
        f"{_short(frame.filename)}:{frame.lineno} in {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)[-_MOST_FRAMES:]
    ]
    if depth < _DEEPEST:
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is not None:
            told["cause"] = describe(cause, depth + 1)
        if isinstance(error, BaseExceptionGroup):
            told["members"] = [describe(one, depth + 1) for one in error.exceptions[:10]]
    return told


def _short(path: str) -> str:
    return path.rpartition("site-packages/")[2].removeprefix(_OUR_CODE).lstrip("/")


def _plain(value: Any, depth: int = 0) -> Any:
    """What JSON can hold; of anything else only the type, for its repr may hold anything."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return mask(str(value.value if isinstance(value, Enum) else value))
    if depth < _DEEPEST * 2:
        if isinstance(value, Mapping):
            return {mask(str(name)): _plain(one, depth + 1) for name, one in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [_plain(one, depth + 1) for one in value]
    return f"<{type(value).__name__}>"


def _json() -> list[Any]:
    return [structlog.processors.EventRenamer("message"), _write_json]


def _write_json(_logger: object, _method: str, fields: Fields) -> bytes:
    first = {name: fields.pop(name, None) for name in ("time", "level", "message")}
    try:
        return orjson.dumps(first | dict(fields))
    except TypeError:  # what JSON cannot hold must not cost the line
        return orjson.dumps({name: ascii(value) for name, value in (first | dict(fields)).items()})


def _console(stream: BinaryIO | None) -> list[Any]:
    colors = stream is None and sys.stdout.isatty()
    render = structlog.dev.ConsoleRenderer(colors=colors, timestamp_key="time")
    return [render, lambda _logger, _method, line: line.encode()]


class _Output:
    """Writes lines. A full disk or a closed pipe costs the line, never the request."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def __call__(self, *_names: object) -> "_Output":
        return self

    def msg(self, line: bytes) -> None:
        try:
            self._stream.write(line + b"\n")
            self._stream.flush()
        except (OSError, ValueError):
            return

    debug = info = warning = error = critical = exception = msg


class _Library(logging.Handler):
    """The standard library's loggers, through the same walls.

    A library writes what it likes into a message, addresses and reprs included. So of a record only
    the words its unfilled template begins with pass, and only of loggers we have read.
    """

    def emit(self, record: logging.LogRecord) -> None:
        method = record.levelname.lower()
        if record.name == "aiohttp.server":  # a caller's broken body; our own failures we tell
            method = "warning"
        log = structlog.get_logger()
        getattr(log, method if method in LEVELS else "warning")(
            "library.says",
            library=record.name,
            says=_says(record),
            where=f"{_short(record.pathname)}:{record.lineno}",
            exc_info=record.exc_info,
        )


def _says(record: logging.LogRecord) -> str | None:
    family = record.name.partition(".")[0]
    found = _WORDS.match(str(record.msg)) if family in _KNOWN else None
    return found[0].strip() if found else None
