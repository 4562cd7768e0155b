"""Lists of models: ours as both SDKs read it, and the vendors' as they write them.

Not which models are listed: policy/catalogue.py. Source: api-faces.md §2 (`/v1/models`),
providers.md §1, §2, §5; Anthropic, "List Models" (paging).
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from bff.chat.models import UNDATED, ListedModel, Model
from bff.dialects.failures import not_an_answer
from bff.dialects.json_text import read_json, write_ascii

_NAME = re.compile(r"[!-~]{1,200}")  # it travels in headers and paths
_SHOWN_MOST = 100  # characters
_LATEST = 253_402_300_799  # the end of the year 9999, the last that can be written


def write_list(
    models: Iterable[Model], *, has_more: bool, first_id: str | None, last_id: str | None
) -> bytes:
    return write_ascii(
        {
            "object": "list",
            "has_more": has_more,
            "first_id": first_id,
            "last_id": last_id,
            "data": [_written(model) for model in models],
        }
    )


def write_model(model: Model) -> bytes:
    return write_ascii(_written(model))


def _written(model: Model) -> dict[str, Any]:
    """One object for both SDKs: OpenAI's four fields, and Anthropic's."""
    written: dict[str, Any] = {
        "id": model.id,
        "object": "model",
        "created": model.created,
        "owned_by": model.provider,
        "type": "model",
        "display_name": model.display_name,
        "created_at": datetime.fromtimestamp(model.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "lifecycle": model.lifecycle,
    }
    if model.description:
        written["description"] = model.description
    return written


# -- the vendors' own: each raises Problem for what is no list, and skips what is no model ---------


def read_openai(data: bytes) -> tuple[ListedModel, ...]:
    return tuple(
        ListedModel(name, _seconds(entry.get("created")))
        for name, entry in _entries(_object(data).get("data"), "id")
    )


def read_anthropic(data: bytes) -> tuple[tuple[ListedModel, ...], str]:
    """The models of one page, and the id after which the next begins; empty where there is none.
    What is retired cannot be asked any more.
    """
    page = _object(data)
    models = tuple(
        ListedModel(
            name,
            _moment(entry.get("created_at")),
            _text(entry.get("display_name")),
            _text(entry.get("lifecycle")),
        )
        for name, entry in _entries(page.get("data"), "id")
        if entry.get("lifecycle") != "retired"
    )
    last = page.get("last_id")
    more = page.get("has_more") is True and isinstance(last, str)
    return models, str(last) if more else ""


def read_straico(data: bytes) -> tuple[ListedModel, ...]:
    """Either of its lists: one of everything (v2), or one for each sort of model (v1)."""
    listed, key = _object(data).get("data"), "id"
    if isinstance(listed, dict):
        listed, key = listed.get("chat"), "model"
    return tuple(
        ListedModel(name, _seconds(entry.get("created")), _text(entry.get("name")))
        for name, entry in _entries(listed, key)
        if entry.get("model_type", "chat") == "chat"
    )


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = read_json(data)
    except ValueError as error:
        raise not_an_answer() from error
    if not isinstance(value, dict):
        raise not_an_answer()
    return value


def _entries(listed: object, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if not isinstance(listed, list):
        raise not_an_answer()
    for entry in listed:
        name = entry.get(key) if isinstance(entry, dict) else None
        if isinstance(name, str) and _NAME.fullmatch(name):
            yield name, entry


def _text(value: object) -> str:
    """A name that can be shown, or nothing."""
    return value[:_SHOWN_MOST] if isinstance(value, str) and value.isprintable() else ""


def _seconds(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return UNDATED
    return int(value) if 0 < value <= _LATEST else UNDATED


def _moment(value: object) -> int:
    """RFC 3339; without an offset it is UTC's."""
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        return UNDATED
    return _seconds((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
