"""The description as a page to read: HTML from the document, no script, nothing fetched. Pure.

Knows OpenAPI as this room writes it, not OpenAPI at large.
"""

import html
import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from bff.web.surface.words import Json

_TICKS = re.compile(r"`([^`]+)`")
_FIRST_ERROR = "300"

Operation = tuple[str, str, Json]  # method, path, what is said of it


def write_page(document: Json, style: str) -> str:
    """The whole page; *style* stands in its head."""
    groups = {
        tag["name"]: (tag["description"], list(_operations(document, tag["name"])))
        for tag in document["tags"]
    }
    info = document["info"]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(info['title'])}: the HTTP surface</title>\n<style>{style}</style>\n"
        '</head>\n<body>\n<a class="skip" href="#content">To the content</a>\n'
        f"{_navigation(groups)}\n"
        f'<main id="content">\n{_opening(document)}\n'
        + "\n".join(_group(document, name, *group) for name, group in groups.items())
        + f"\n{_shapes(document)}\n</main>\n</body>\n</html>\n"
    )


def _operations(document: Json, group: str) -> Iterable[Operation]:
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            if group in said["tags"]:
                yield method.upper(), path, said


def _navigation(groups: Mapping[str, tuple[str, list[Operation]]]) -> str:
    parts = []
    for name, (_, operations) in groups.items():
        links = "".join(
            f'<li><a href="#{said["operationId"]}"><b>{method}</b> {_text(path)}</a></li>'
            for method, path, said in operations
        )
        parts.append(f'<h2><a href="#{_anchor(name)}">{_text(name)}</a></h2><ul>{links}</ul>')
    return f'<nav aria-label="Operations">{"".join(parts)}</nav>'


def _opening(document: Json) -> str:
    info, base = document["info"], document["servers"][0]["url"]
    schemes = "".join(
        f"<tr><th scope=row>{_text(name)}</th><td>{_prose(scheme['description'])}</td></tr>"
        for name, scheme in document["components"]["securitySchemes"].items()
    )
    return (
        f"<header><h1>{_text(info['title'])} <small>{_text(info['version'])}</small></h1>"
        f"<p>{_prose(info['summary'])}</p>"
        f"<p>OpenAI's SDKs and n8n: base URL <code>{_text(base)}/v1</code>. Anthropic's SDKs and "
        f"Claude Code: <code>{_text(base)}</code>. For programs: "
        '<a href="openapi.json">openapi.json</a>.</p></header>'
        '<section id="entry"><h2>Who may enter</h2>'
        f'<div class="wide"><table>{schemes}</table></div></section>'
    )


def _group(document: Json, name: str, text: str, operations: Iterable[Operation]) -> str:
    inside = "".join(_operation(document, *operation) for operation in operations)
    return (
        f'<section id="{_anchor(name)}"><h2>{_text(name)}</h2><p>{_prose(text)}</p>{inside}'
        "</section>"
    )


def _operation(document: Json, method: str, path: str, said: Json) -> str:
    schemes = [name for one in said["security"] for name in one]
    entry = " or ".join(f"<code>{_text(name)}</code>" for name in schemes) or "anyone"
    return (
        f'<article id="{said["operationId"]}">'
        f'<h3><b class="{method.lower()}">{method}</b> <code>{_text(path)}</code></h3>'
        f"<p>{_prose(said['summary'])}. {_prose(said.get('description', ''))}</p>"
        f'<p class="entry">Open to {entry}.</p>'
        f"{_parameters(said.get('parameters', ()))}"
        f"{_body(document, method, path, said)}{_answers(said['responses'])}</article>"
    )


def _parameters(parameters: Iterable[Json]) -> str:
    rows = "".join(
        f"<tr><th scope=row><code>{_text(one['name'])}</code></th><td>{one['in']}</td>"
        f"<td>{_type(one['schema'])}</td><td>{_prose(one.get('description', ''))}</td></tr>"
        for one in parameters
    )
    return rows and f'<h4>Parameters</h4><div class="wide"><table>{rows}</table></div>'


def _body(document: Json, method: str, path: str, said: Json) -> str:
    body = said.get("requestBody")
    if body is None:
        return ""
    media = body["content"]["application/json"]
    examples = "".join(
        f"<details><summary>Example: {_text(name)}</summary>"
        f"<pre tabindex=0>{_text(_curl(document, method, path, said, one['value']))}</pre>"
        "</details>"
        for name, one in media["examples"].items()
    )
    return f"<h4>Body: {_type(media['schema'])}</h4>{examples}"


def _curl(document: Json, method: str, path: str, said: Json, value: Any) -> str:
    asked = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    key = any("apiKey" in one for one in said["security"])
    header = ' -H "Authorization: Bearer $BFF_KEY"' if key else ""
    query = "" if key or not said["security"] else "?jwt=$TOKEN"
    url = f"{document['servers'][0]['url']}{path}{query}"
    return f"curl -X {method} \"{url}\"{header} \\\n  --json '{asked}'"


def _answers(answers: Mapping[str, Json]) -> str:
    good = "".join(
        _answer(status, said) for status, said in answers.items() if status < _FIRST_ERROR
    )
    rows = "".join(
        f"<tr><th scope=row>{status}</th><td>{_prose(said['description'])}</td></tr>"
        for status, said in answers.items()
        if status >= _FIRST_ERROR
    )
    errors = rows and (
        "<details><summary>Other statuses</summary>"
        f'<div class="wide"><table>{rows}</table></div></details>'
    )
    return f"<h4>Answers</h4>{good}{errors}"


def _answer(status: str, said: Json) -> str:
    parts = [f"<p><b>{status}</b> {_prose(said['description'])}</p>"]
    for type_, media in said.get("content", {}).items():
        schema = media["schema"]
        stream = type_ == "text/event-stream"
        text = _prose(schema.get("description", "")) if stream else _type(schema)
        parts.append(f'<p class="kind"><code>{_text(type_)}</code> {text}</p>')
        if stream:
            parts.append(f"<pre tabindex=0>{_text(media['example'].strip())}</pre>")
    return "".join(parts)


# -- shapes ----------------------------------------------------------------------------------------


def _shapes(document: Json) -> str:
    parts = [
        f'<article id="shape-{name}"><h3><code>{_text(name)}</code></h3>'
        f"<p>{_prose(schema.get('description', ''))}</p>{_fields(schema)}</article>"
        for name, schema in document["components"]["schemas"].items()
    ]
    return f'<section id="shapes"><h2>Shapes</h2>{"".join(parts)}</section>'


def _fields(schema: Json) -> str:
    fields = schema.get("properties")
    if not fields:
        return f"<p>{_type(schema)}</p>"
    needed = schema.get("required", ())
    rows = "".join(
        f"<tr><th scope=row><code>{_text(name)}</code></th><td>{_type(one)}</td>"
        f"<td>{'required' if name in needed else ''}</td><td>{_prose(_description(one))}</td></tr>"
        for name, one in fields.items()
    )
    return f'<div class="wide"><table>{rows}</table></div>'


def _description(schema: Json) -> str:
    """Its own, or that of what it may be beside null."""
    inside = [schema, *schema.get("anyOf", ())]
    return next((one["description"] for one in inside if "description" in one), "")


def _type(schema: Json) -> str:
    """What a value of *schema* is, in a few words."""
    name = schema.get("$ref", "").rpartition("/")[2]
    if name:
        return f'<a href="#shape-{name}">{_text(name)}</a>'
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(map(_type, schema["anyOf"])))
    if "enum" in schema:
        return " or ".join(f"<code>{_text(value)}</code>" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    limits = "".join(
        f", {word} {schema[key]}"
        for key, word in (("minimum", "at least"), ("maximum", "at most"))
        if key in schema
    )
    return f"{_text(schema.get('type', 'anything'))}{limits}"


def _prose(text: str) -> str:
    return _TICKS.sub(r"<code>\1</code>", _text(text))


def _text(text: str) -> str:
    return html.escape(text)


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")
