"""The words the HTTP surface is described with: operations, bodies, answers, streams. OpenAPI 3.1.

Plain dictionaries, no framework: what a route does is said in the other modules of this room.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
FLAG: Json = {"type": "boolean"}
COUNT: Json = {"type": "integer", "minimum": 1}
TOKENS: Json = {"type": "integer", "minimum": 0}
ANY_OBJECT: Json = {"type": "object"}


def ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def one_of(*schemas: Json) -> Json:
    """For a person to choose from; a value may fit more than one."""
    return {"anyOf": list(schemas)}


def list_of(schema: Json, **more: Any) -> Json:
    return {"type": "array", "items": schema, **more}


def maybe(schema: Json) -> Json:
    """*schema*, or null, which counts as missing."""
    return one_of(schema, {"type": "null"})


def obj(fields: Mapping[str, Json], *required: str, **more: Any) -> Json:
    """An object with at least *required*; fields beside the named ones are accepted."""
    schema: Json = {"type": "object", "properties": dict(fields), **more}
    if required:
        schema["required"] = list(required)
    return schema


def said(schema: Json, description: str, **more: Any) -> Json:
    """*schema* with a sentence about it."""
    return {**schema, "description": description, **more}


def enum(*values: str) -> Json:
    return {"type": "string", "enum": list(values)}


def operation(
    *,
    id_: str,
    group: str,
    summary: str,
    description: str = "",
    security: Sequence[str] = (),
    parameters: Sequence[Json] = (),
    body: Json | None = None,
    answers: Mapping[str, Json],
) -> Json:
    """*security* names the schemes of which one is enough; none: open to anyone."""
    told: Json = {
        "operationId": id_,
        "tags": [group],
        "summary": summary,
        "security": [{name: []} for name in security],
        "responses": dict(answers),
    }
    if description:
        told["description"] = description
    if parameters:
        told["parameters"] = list(parameters)
    if body is not None:
        told["requestBody"] = body
    return told


def json_body(schema: Json, examples: Mapping[str, Any], *, required: bool = True) -> Json:
    return {"required": required, "content": {"application/json": _media(schema, examples)}}


def json_answer(
    description: str, schema: Json, *, headers: Iterable[str] = (), example: Any = None
) -> Json:
    media: Json = {"schema": schema}
    if example is not None:
        media["example"] = example
    return {
        "description": description,
        "headers": headers_of("X-Request-Id", *headers),
        "content": {"application/json": media},
    }


def stream_of(description: str, example: str) -> Json:
    """An event stream: what its events are stands in *description*, one of them as it is sent in
    *example*.
    """
    schema = {"type": "string", "description": description}
    return {"text/event-stream": {"schema": schema, "example": example}}


def text_answer(description: str, *types: str) -> Json:
    return {
        "description": description,
        "headers": headers_of("X-Request-Id"),
        "content": {type_: {"schema": TEXT} for type_ in types or ("text/html",)},
    }


def bare_answer(description: str, *headers: str) -> Json:
    return {"description": description, "headers": headers_of("X-Request-Id", *headers)}


def headers_of(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def in_query(name: str, schema: Json, description: str) -> Json:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def in_header(name: str, schema: Json, description: str) -> Json:
    return {"name": name, "in": "header", "schema": schema, "description": description}


def _media(schema: Json, examples: Mapping[str, Any]) -> Json:
    named = {name: {"value": value} for name, value in examples.items()}
    return {"schema": schema, "examples": named}
