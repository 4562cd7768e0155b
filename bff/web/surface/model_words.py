"""`GET /v1/models`, described: one object for both SDKs. Source: contract api-faces.md §2."""

from typing import Any

from bff.policy.catalogue import LARGEST_PAGE
from bff.web.surface.face_words import RESPONSES, STANDING
from bff.web.surface.openai_words import ENTRY
from bff.web.surface.words import (
    NAME,
    TEXT,
    Json,
    enum,
    in_query,
    json_answer,
    list_of,
    maybe,
    obj,
    one_of,
    operation,
    ref,
    said,
)

_MODEL = {
    "id": "openai/gpt-4o",
    "object": "model",
    "created": 1760000000,
    "owned_by": "openai",
    "type": "model",
    "display_name": "GPT-4o",
    "created_at": "2025-10-09T08:53:20Z",
}
_HEADERS = (*STANDING["openai"], *STANDING["anthropic"])
_NOTE = "Errors are in OpenAI's envelope; in Anthropic's where `anthropic-version` is sent."

SCHEMAS: Json = {
    "Model": obj(
        {
            "id": said(NAME, "What `model` takes."),
            "object": enum("model"),
            "created": {"type": "integer"},
            "owned_by": TEXT,
            "type": enum("model"),
            "display_name": TEXT,
            "created_at": {"type": "string", "format": "date-time"},
            "lifecycle": TEXT,
            "description": TEXT,
        },
        *("id", "object", "created", "owned_by", "type", "display_name", "created_at"),
    ),
    "ModelList": obj(
        {
            "object": enum("list"),
            "data": list_of(ref("Model")),
            "has_more": {"type": "boolean"},
            "first_id": maybe(TEXT),
            "last_id": maybe(TEXT),
        },
        *("object", "data", "has_more", "first_id", "last_id"),
    ),
}


def _errors(mount: str, *statuses: str) -> dict[str, Any]:
    """The *statuses* that there are, in the envelopes that there are at *mount*."""
    envelopes = ("AnthropicError",) if mount else ("OpenAIError", "AnthropicError")
    schema = one_of(*map(ref, envelopes))
    found = {}
    for status in statuses:
        told = [RESPONSES.get(f"{envelope}-{status}") for envelope in envelopes]
        [first, *_] = [one for one in told if one is not None]
        found[status] = {**first, "content": {"application/json": {"schema": schema}}}
    return found


def _list(mount: str) -> Json:
    return operation(
        id_=f"list{mount}Models",
        group="Models",
        summary="Every model that can be asked",
        description="" if mount else _NOTE,
        security=_entry(mount),
        parameters=(
            in_query(
                "limit",
                {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE},
                "How many at most; without it all.",
            ),
            in_query("after_id", TEXT, "Those behind this one."),
            in_query("before_id", TEXT, "Those before this one."),
        ),
        answers={
            "200": json_answer(
                "The models.",
                ref("ModelList"),
                headers=_HEADERS,
                example={
                    "object": "list",
                    "data": [_MODEL],
                    "has_more": False,
                    "first_id": _MODEL["id"],
                    "last_id": _MODEL["id"],
                },
            ),
            **_errors(mount, "400", "401", "429", "500", "529"),
            **({} if mount else _errors(mount, "503")),
        },
    )


def _show(mount: str) -> Json:
    return operation(
        id_=f"get{mount}Model",
        group="Models",
        summary="One model",
        description=("" if mount else _NOTE + " ")
        + "The id's slash may be sent as it is, or as `%2F`.",
        security=_entry(mount),
        parameters=(
            {
                "name": "id",
                "in": "path",
                "required": True,
                "schema": {"type": "string", "pattern": "^[^/]"},
                "example": _MODEL["id"],
            },
        ),
        answers={
            "200": json_answer("The model.", ref("Model"), headers=_HEADERS, example=_MODEL),
            **_errors(mount, "401", "404", "429", "500", "529"),
            **({} if mount else _errors(mount, "503")),
        },
    )


def _entry(mount: str) -> tuple[str, ...]:
    return ("apiKey", "apiKeyHeader") if mount else ENTRY


def _paths() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for prefix, mount in (("/v1", ""), ("/anthropic/v1", "Mounted")):
        found[f"{prefix}/models"] = {"get": _list(mount)}
        found[f"{prefix}/models/{{id}}"] = {"get": _show(mount)}
    return found


PATHS: Json = _paths()
