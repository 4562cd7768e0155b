"""Two outcomes of one request -> what differs, part by part. Pure.

A part has a name that known_differences.toml can speak of: `outcome`, `status`, `header vary`,
`body`, `body.error`, `body.messages[0].id`, `stream text`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bff.compare.outcome import Binary, Body, Json, Nothing, Outcome, Stream, Text
from bff.dialects.json_text import write_ascii

DEEPEST = 32  # below it a JSON value is compared as one
_STREAM_PARTS = (
    ("text", "stream text"),
    ("finish", "stream finish"),
    ("models", "stream model"),
    ("others", "stream other events"),
    ("fields", "stream fields"),
    ("done", "stream [DONE]"),
    ("spoilt", "stream unreadable"),
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One part that is not the same; None is a part that is not there."""

    part: str
    node: str | None
    bff: str | None


def diff(node: Outcome, bff: Outcome) -> tuple[Difference, ...]:
    """Nothing when they are the same. Without two answers there is nothing more to compare."""
    return tuple(_differences(node, bff))


def _differences(node: Outcome, bff: Outcome) -> Iterator[Difference]:
    if node.end is not bff.end:
        yield Difference("outcome", node.end.value, bff.end.value)
    if node.status is None or bff.status is None:
        return
    yield from _unequal("status", str(node.status), str(bff.status))
    for name in sorted({*node.headers, *bff.headers}):
        yield from _unequal(f"header {name}", node.headers.get(name), bff.headers.get(name))
    yield from _bodies(node.body, bff.body)


def _bodies(node: Body, bff: Body) -> Iterator[Difference]:
    if isinstance(node, Json) and isinstance(bff, Json):
        yield from _values("body", node.value, bff.value, deeper=DEEPEST)
    elif isinstance(node, Stream) and isinstance(bff, Stream):
        for name, part in _STREAM_PARTS:
            yield from _unequal(part, _listed(getattr(node, name)), _listed(getattr(bff, name)))
    elif node != bff:
        yield Difference("body", describe(node), describe(bff))


def _values(at: str, node: Any, bff: Any, *, deeper: int) -> Iterator[Difference]:
    if deeper and isinstance(node, dict) and isinstance(bff, dict):
        for name in sorted({*node, *bff}):
            yield from _inner(f"{at}.{name}", _have(node, name), _have(bff, name), deeper)
    elif deeper and isinstance(node, list) and isinstance(bff, list):
        for index in range(max(len(node), len(bff))):
            left, right = node[index : index + 1], bff[index : index + 1]
            yield from _inner(f"{at}[{index}]", left, right, deeper)
    else:
        yield from _unequal(at, write(node), write(bff))


def _inner(at: str, node: list[Any], bff: list[Any], deeper: int) -> Iterator[Difference]:
    """Each side is the one value, or nothing."""
    if node and bff:
        yield from _values(at, node[0], bff[0], deeper=deeper - 1)
    else:
        yield Difference(at, write(node[0]) if node else None, write(bff[0]) if bff else None)


def _have(value: dict[str, Any], name: str) -> list[Any]:
    return [value[name]] if name in value else []


def _unequal(part: str, node: str | None, bff: str | None) -> Iterator[Difference]:
    if node != bff:
        yield Difference(part, node, bff)


def _listed(value: Any) -> str | None:
    """None for what is empty, so that it shows as not there."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, int):
        return str(value)
    items = [item if isinstance(item, str) else write(item) for item in value]
    return ", ".join(items) or None


def describe(body: Body) -> str | None:
    """A body as one text."""
    match body:
        case Nothing():
            return None
        case Text(text):
            return text
        case Json(value):
            return write(value)
        case Binary(size, sha256):
            return f"{size} bytes, sha256 {sha256[:12]}…"
        case Stream():
            return f"event stream: {body.text}"


def write(value: Any) -> str:
    """One line of JSON; one value always the same."""
    return write_ascii(_ordered(value)).decode()


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _ordered(value[name]) for name in sorted(value)}
    return [_ordered(inner) for inner in value] if isinstance(value, list) else value
