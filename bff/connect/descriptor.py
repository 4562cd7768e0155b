"""The add-on's descriptor: the template's values with the public base URL put in.

Everything else is served as it is written, `__VERSION__` too. Source: node-bff.md §5.
"""

import hashlib
from typing import Any

import orjson

_PLACEHOLDER = "{{localBaseUrl}}"


def render(template: bytes, base_url: str) -> bytes:
    """Compact JSON. Raises ValueError when *template* is not a JSON object."""
    try:
        descriptor = orjson.loads(template)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"the descriptor must be a JSON object: {error}") from error
    if not isinstance(descriptor, dict):
        raise ValueError("the descriptor must be a JSON object")
    return orjson.dumps(_fill(descriptor, base_url))


def app_key(document: bytes) -> str:
    """The add-on's key. Raises ValueError when the descriptor names none."""
    key = orjson.loads(document).get("key")
    if not isinstance(key, str) or not key:
        raise ValueError("the descriptor has no key")
    return key


def app_name(document: bytes) -> str:
    """What people know the add-on by; "" when the descriptor has no name."""
    name = orjson.loads(document).get("name")
    return name if isinstance(name, str) else ""


def base_url(document: bytes) -> str:
    """What the descriptor calls its own base URL; empty when it has none."""
    url = orjson.loads(document).get("baseUrl")
    return url if isinstance(url, str) else ""


def etag(document: bytes) -> str:
    """A weak entity tag, as a header spells it."""
    return f'W/"{len(document):x}-{hashlib.sha256(document).hexdigest()[:32]}"'


def _fill(value: Any, base_url: str) -> Any:
    if isinstance(value, str):
        return value.replace(_PLACEHOLDER, base_url, 1)
    if isinstance(value, list):
        return [_fill(inner, base_url) for inner in value]
    if isinstance(value, dict):
        return {name: _fill(inner, base_url) for name, inner in value.items()}
    return value
