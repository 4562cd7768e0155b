"""The shapes of bodies as HTML: their fields, what each may be, and the words about them. Pure."""

import html
import re

from bff.web.surface.words import Json

_TICKS = re.compile(r"`([^`]+)`")


def write_shapes(document: Json) -> str:
    """A section with every shape of *document*, each to be linked to."""
    parts = [
        f'<article id="shape-{name}"><h3><code>{text(name)}</code></h3>'
        f"<p>{prose(schema.get('description', ''))}</p>{_variants(schema)}</article>"
        for name, schema in document["components"]["schemas"].items()
    ]
    return f'<section id="shapes"><h2>Shapes</h2>{"".join(parts)}</section>'


def _variants(schema: Json) -> str:
    if "anyOf" not in schema:
        return _fields(schema)
    return '<p class="or">or</p>'.join(
        f"{_about(one)}{_fields(one)}" if "properties" in one else f"<p>{describe(one)}</p>"
        for one in schema["anyOf"]
    )


def _about(schema: Json) -> str:
    said = schema.get("description")
    return f"<p>{prose(said)}</p>" if said else ""


def _fields(schema: Json) -> str:
    fields = schema.get("properties")
    if not fields:
        return f"<p>{describe(schema)}</p>"
    needed = schema.get("required", ())
    rows = "".join(
        f"<tr><th scope=row><code>{text(name)}</code></th><td>{describe(one)}</td>"
        f"<td>{'required' if name in needed else ''}</td><td>{prose(_description(one))}</td></tr>"
        for name, one in fields.items()
    )
    return f'<div class="wide"><table class="fields">{rows}</table></div>'


def _description(schema: Json) -> str:
    """Its own, or that of what it may be beside null."""
    inside = [schema, *schema.get("anyOf", ())]
    return next((one["description"] for one in inside if "description" in one), "")


def describe(schema: Json) -> str:
    """What a value of *schema* is, in a few words."""
    name = schema.get("$ref", "").rpartition("/")[2]
    if name:
        return f'<a href="#shape-{name}">{text(name)}</a>'
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(map(describe, schema["anyOf"])))
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " or ".join(f"<code>{text(str(value))}</code>" for value in values)
    if "not" in schema:
        return "another name"
    if schema.get("type") == "array":
        return f"list of {describe(schema['items'])}"
    if "properties" in schema:
        fields = (f"<code>{text(one)}</code>" for one in schema["properties"])
        return f"object with {', '.join(fields)}"
    limits = "".join(
        f", {word} {schema[key]}"
        for key, word in (("minimum", "at least"), ("maximum", "at most"))
        if key in schema
    )
    return f"{text(schema.get('type', 'anything'))}{limits}"


def prose(said: str) -> str:
    """A sentence, with what stands in backticks as code."""
    return _TICKS.sub(r"<code>\1</code>", text(said))


def text(said: str) -> str:
    return html.escape(said)
