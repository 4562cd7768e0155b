"""The words the HTTP surface is described with: operations, bodies, answers, streams. OpenAPI 3.1.

Plain dictionaries, no framework: what a route does is said in the other modules of this room.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
NAME: Json = {"type": "string", "minLength": 1}
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


def other_than(*values: str) -> Json:
    """A name beside those that are described."""
    return {"type": "string", "minLength": 1, "not": {"enum": list(values)}}


def number(least: int, most: int) -> Json:
    return {"type": "number", "minimum": least, "maximum": most}


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
    """*security* names the schemes of which one is enough; with an empty name among them some may
    enter without. None at all: open to anyone.
    """
    told: Json = {
        "operationId": id_,
        "tags": [group],
        "summary": summary,
        "security": [{name: []} if name else {} for name in security],
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
        "headers": headers_of("x-request-id", *headers),
        "content": {"application/json": media},
    }


def stream_of(
    description: str,
    events: Mapping[str, str],
    example: str,
    *,
    end: str = "",
    others: bool = False,
) -> Json:
    """An event stream. How its events follow each other stands in *description*; *events* names the
    shape of each one's `data`, under an empty name where they have none. *end* is a last word that
    is no JSON; with *others* there may be events beside those that are named.

    Until OpenAPI 3.2 the schema of such a stream is by custom that of each event, with the fields
    of the HTML standard ("Server-sent events").
    """
    shapes = [_event(name, shape) for name, shape in events.items()]
    if end:
        shapes.append(obj({"data": {"const": end}}, "data"))
    if others:
        shapes.append(obj({"event": other_than(*events), "data": TEXT}, "event", "data"))
    schema = {"description": description, **one_of(*shapes)}
    return {"text/event-stream": {"schema": schema, "example": example}}


def _event(name: str, shape: str) -> Json:
    told: Json = {"event": {"const": name}} if name else {}
    told["data"] = {
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": ref(shape),
    }
    return obj(told, *told)


def answered(
    description: str,
    schema: Json,
    *,
    example: Any,
    stream: Json,
    headers: Iterable[str],
) -> Json:
    """An answer in one piece, or as the *stream* of `stream_of`."""
    told = json_answer(description, schema, headers=headers, example=example)
    told["content"] |= stream
    return told


def text_answer(description: str, *types: str) -> Json:
    return {
        "description": description,
        "headers": headers_of("x-request-id"),
        "content": {type_: {"schema": TEXT} for type_ in types or ("text/html",)},
    }


def bare_answer(description: str, *headers: str) -> Json:
    return {"description": description, "headers": headers_of("x-request-id", *headers)}


def headers_of(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def in_query(name: str, schema: Json, description: str) -> Json:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def in_header(name: str, schema: Json, description: str) -> Json:
    return {"name": name, "in": "header", "schema": schema, "description": description}


def _media(schema: Json, examples: Mapping[str, Any]) -> Json:
    named = {name: {"value": value} for name, value in examples.items()}
    return {"schema": schema, "examples": named}
