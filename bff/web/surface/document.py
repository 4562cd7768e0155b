"""The whole HTTP surface as one OpenAPI 3.1 document, from the modules beside this one. Pure."""

import re
from collections.abc import Collection, Iterator
from typing import Any

from bff.web.surface import (
    addon_words,
    anthropic_words,
    face_words,
    house_words,
    model_words,
    openai_words,
    response_words,
)
from bff.web.surface.words import Json

_GROUPS = {
    "OpenAI face": "Any model for who speaks OpenAI: its SDKs, n8n, and most tools there are.",
    "Anthropic face": "Any model for who speaks Anthropic: its SDKs and Claude Code.",
    "Models": "What can be asked for.",
    "Add-on": "What the add-on's own frontend calls, with a token of its site.",
    "Atlassian": "What Atlassian calls and fetches.",
    "Operations": "For routers, probes and monitors.",
    "Pages": "For people, and what their browsers load.",
}
PARTS = (
    openai_words,
    response_words,
    anthropic_words,
    model_words,
    addon_words,
    house_words,
)
_ABOUT = (
    "Every answer carries `x-request-id`: the caller's own where it is sane. Every `GET` answers "
    "`HEAD` too, and `OPTIONS` names a path's methods. A path that is not here is a 404; below "
    "`/v1` and `/anthropic` in the envelope of its face (`unknown_url`), and with another method a "
    "405 that names those there are in `Allow`. Bodies are JSON in UTF-8, and may be packed with "
    "`gzip` or `deflate`; an unknown field is never an error. Whether an answer is a stream is "
    "decided by the body's `stream` alone. The schema of a `text/event-stream` is that of each of "
    "its events."
)
_PATTERN = re.compile(r"\{(\w+):[^}]*\}")
_REF = re.compile(r"#/components/(\w+)/([\w.-]+)")


def write_document(served: Collection[tuple[str, str]], *, base_url: str, version: str) -> Json:
    """Of all that is described here what is *served*, as methods and paths; *base_url* is without a
    slash at its end.
    """
    shown = {(method.lower(), _PATTERN.sub(r"{\1}", path)) for method, path in served}
    paths = {
        path: {method: said for method, said in methods.items() if (method, path) in shown}
        for part in PARTS
        for path, methods in part.PATHS.items()
    }
    paths = {path: methods for path, methods in paths.items() if methods}
    told = {tag for methods in paths.values() for said in methods.values() for tag in said["tags"]}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "GPTDock BFF",
            "version": version,
            "summary": "Every model behind one address, and the backend of the GPTDock add-on.",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": base_url}],
        "tags": [
            {"name": name, "description": text} for name, text in _GROUPS.items() if name in told
        ],
        "paths": paths,
        "components": {
            "schemas": _needed([paths, face_words.RESPONSES]),
            "responses": face_words.RESPONSES,
            "headers": face_words.HEADERS,
            "securitySchemes": face_words.SECURITY,
        },
    }


def _needed(told: Any) -> Json:
    """The shapes that *told* speaks of, and those that these do, in the order of the parts."""
    known: Json = dict(face_words.SCHEMAS)
    for part in PARTS:
        known |= part.SCHEMAS
    found: set[str] = set()
    waiting = set(_names(told))
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= set(_names(known[name])) - found
    return {name: schema for name, schema in known.items() if name in found}


def _names(value: Any) -> Iterator[str]:
    """The shapes that are referred to anywhere inside *value*."""
    if isinstance(value, dict):
        reference = _REF.fullmatch(str(value.get("$ref")))
        if reference is not None and reference[1] == "schemas":
            yield reference[2]
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _names(one)
