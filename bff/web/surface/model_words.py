"""`GET /v1/models`, described: one object for both SDKs. Source: contract api-faces.md §2."""

from typing import Any

from bff.web.surface.face_words import errors
from bff.web.surface.words import (
    TEXT,
    Json,
    enum,
    in_query,
    json_answer,
    list_of,
    maybe,
    obj,
    operation,
    ref,
    said,
)

_ENTRY = ("apiKey", "apiKeyHeader", "connectHeader", "connectQuery", "forge")
_NOTE = "In OpenAI's envelope; in Anthropic's where `anthropic-version` is sent."

SCHEMAS: Json = {
    "Model": obj(
        {
            "id": said(TEXT, "What `model` takes."),
            "object": enum("model"),
            "created": {"type": "integer"},
            "owned_by": TEXT,
            "type": enum("model"),
            "display_name": TEXT,
            "created_at": {"type": "string", "format": "date-time"},
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


def _errors(*statuses: str) -> dict[str, Any]:
    """Of those there are, the *statuses*; either envelope."""
    found = {**errors("anthropic"), **errors("openai")}
    schema = {"anyOf": [ref("OpenAIError"), ref("AnthropicError")]}
    return {
        status: {**found[status], "content": {"application/json": {"schema": schema}}}
        for status in statuses
    }


def _paths() -> dict[str, Any]:
    listing = operation(
        id_="listModels",
        group="Models",
        summary="Every model that can be asked",
        description=_NOTE,
        security=_ENTRY,
        parameters=(
            in_query(
                "limit",
                {"type": "integer", "minimum": 1, "maximum": 1000},
                "How many at most; without it all.",
            ),
            in_query("after_id", TEXT, "Those behind this one."),
            in_query("before_id", TEXT, "Those before this one."),
        ),
        answers={
            "200": json_answer("The models.", ref("ModelList")),
            **_errors("400", "401", "429", "500", "503"),
        },
    )
    one = operation(
        id_="getModel",
        group="Models",
        summary="One model",
        description=_NOTE + " The id's slash may be sent as it is, or as `%2F`.",
        security=_ENTRY,
        parameters=({"name": "id", "in": "path", "required": True, "schema": TEXT},),
        answers={
            "200": json_answer("The model.", ref("Model")),
            **_errors("401", "404", "429", "500", "503"),
        },
    )
    found: dict[str, Any] = {}
    for prefix, mount in (("/v1", ""), ("/anthropic/v1", "Mounted")):
        found[f"{prefix}/models"] = {"get": _renamed(listing, mount)}
        found[f"{prefix}/models/{{id}}"] = {"get": _renamed(one, mount)}
    return found


def _renamed(operation_: Json, mount: str) -> Json:
    return {**operation_, "operationId": f"{operation_['operationId']}{mount}"}


PATHS: Json = _paths()
