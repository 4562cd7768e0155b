"""The description as a page to read: HTML from the document, no script, nothing fetched. Pure.

Knows OpenAPI as this room writes it, not OpenAPI at large.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from bff.web.surface.shapes import describe, prose, text, write_shapes
from bff.web.surface.words import Json

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
        f"<title>{text(info['title'])}: the HTTP surface</title>\n<style>{style}</style>\n"
        '</head>\n<body>\n<a class="skip" href="#content">To the content</a>\n'
        f"{_navigation(groups)}\n"
        f'<main id="content">\n{_opening(document)}\n'
        + "\n".join(_group(document, name, *group) for name, group in groups.items())
        + f"\n{write_shapes(document)}\n</main>\n</body>\n</html>\n"
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
            f'<li><a href="#{said["operationId"]}"><b>{method}</b> {text(path)}</a></li>'
            for method, path, said in operations
        )
        parts.append(f'<h2><a href="#{_anchor(name)}">{text(name)}</a></h2><ul>{links}</ul>')
    return f'<nav aria-label="Operations">{"".join(parts)}</nav>'


def _opening(document: Json) -> str:
    info, base = document["info"], document["servers"][0]["url"]
    schemes = "".join(
        f'<tr id="entry-{name}"><th scope=row>{name}</th>'
        f"<td>{prose(scheme['description'])}</td></tr>"
        for name, scheme in document["components"]["securitySchemes"].items()
    )
    return (
        f"<header><h1>{text(info['title'])} <small>{text(info['version'])}</small></h1>"
        f"<p>{prose(info['summary'])}</p><p>{prose(info['description'])}</p>"
        f"<p>OpenAI's SDKs and n8n: base URL <code>{text(base)}/v1</code>. Anthropic's SDKs and "
        f"Claude Code: <code>{text(base)}</code>. For programs: "
        '<a href="openapi.json">openapi.json</a>.</p></header>'
        '<section id="entry"><h2>Who may enter</h2>'
        f'<div class="wide"><table>{schemes}</table></div></section>'
    )


def _group(document: Json, name: str, about: str, operations: Iterable[Operation]) -> str:
    inside = "".join(_operation(document, *operation) for operation in operations)
    return (
        f'<section id="{_anchor(name)}"><h2>{text(name)}</h2><p>{prose(about)}</p>{inside}'
        "</section>"
    )


def _operation(document: Json, method: str, path: str, said: Json) -> str:
    schemes = [name for one in said["security"] for name in one]
    entry = " or ".join(f'<a href="#entry-{name}">{name}</a>' for name in schemes) or "anyone"
    return (
        f'<article id="{said["operationId"]}">'
        f'<h3><b class="{method.lower()}">{method}</b> <code>{text(path)}</code></h3>'
        f"<p>{prose(said['summary'])}. {prose(said.get('description', ''))}</p>"
        f'<p class="entry">Open to {entry}.</p>'
        f"{_parameters(said.get('parameters', ()))}{_body(said)}"
        f"{_asking(document, method, path, said)}"
        f"{_answers(document, said['responses'])}</article>"
    )


def _parameters(parameters: Iterable[Json]) -> str:
    rows = "".join(
        f"<tr><th scope=row><code>{text(one['name'])}</code></th><td>{one['in']}</td>"
        f"<td>{describe(one['schema'])}</td><td>{prose(one.get('description', ''))}</td></tr>"
        for one in parameters
    )
    return rows and f'<h4>Parameters</h4><div class="wide"><table>{rows}</table></div>'


def _body(said: Json) -> str:
    body = said.get("requestBody")
    return f"<h4>Body</h4><p>{describe(_json(body)['schema'])}</p>" if body else ""


def _json(said: Json) -> Json:
    media: Json = said["content"]["application/json"]
    return media


def _asking(document: Json, method: str, path: str, said: Json) -> str:
    """The operation as a command, once for each example of its body."""
    body = said.get("requestBody")
    examples = _json(body)["examples"] if body else {"": None}
    return "".join(
        f"<details><summary>Ask{': ' if name else ''}{text(name)}</summary>"
        f"{_sample(_curl(document, method, path, said, one))}</details>"
        for name, one in examples.items()
    )


def _curl(document: Json, method: str, path: str, said: Json, example: Json | None) -> str:
    schemes = {name for one in said["security"] for name in one}
    header, query = "", ""
    if schemes & {"apiKey", "adminToken"}:
        holder = "BFF_KEY" if "apiKey" in schemes else "ADMIN_TOKEN"
        header = f' \\\n  -H "Authorization: Bearer ${holder}"'
    elif schemes:
        query = "?jwt=$TOKEN"
    for one in said.get("parameters", ()):
        path = path.replace(f"{{{one['name']}}}", str(one.get("example", "")))
        if one.get("required") and one["in"] == "query":
            query += f"{'&' if query else '?'}{one['name']}={one['example']}"
    command = f'curl -X {method} "{document["servers"][0]["url"]}{path}{query}"{header}'
    if example is None:
        return command
    asked = _spelled(example["value"])
    return f"{command} \\\n  --json '{asked}'"


# -- answers ---------------------------------------------------------------------------------------


def _answers(document: Json, answers: Mapping[str, Json]) -> str:
    resolved = [(status, _resolved(document, said)) for status, said in answers.items()]
    good = "".join(_answer(status, said) for status, said in resolved if status < _FIRST_ERROR)
    rows = "".join(
        f"<tr><th scope=row>{status}</th><td>{prose(said['description'])}</td></tr>"
        for status, said in resolved
        if status >= _FIRST_ERROR
    )
    return f"<h4>Answers</h4>{good}{rows and _folded('Other statuses', rows, _bodies(resolved))}"


def _resolved(document: Json, said: Json) -> Json:
    name = said.get("$ref", "").rpartition("/")[2]
    told: Json = document["components"]["responses"][name] if name else said
    return told


def _folded(title: str, rows: str, note: str) -> str:
    return (
        f"<details><summary>{title}</summary>{note}"
        f'<div class="wide"><table>{rows}</table></div></details>'
    )


def _bodies(answers: Iterable[tuple[str, Json]]) -> str:
    """What the bodies of the errors among *answers* are."""
    found = dict.fromkeys(
        describe(media["schema"])
        for status, said in answers
        if status >= _FIRST_ERROR
        for type_, media in said.get("content", {}).items()
        if type_ == "application/json"
    )
    return f"<p>{', '.join(found)}</p>" if found else ""


def _answer(status: str, said: Json) -> str:
    names = ", ".join(f"<code>{text(name)}</code>" for name in said.get("headers", ()))
    parts = [
        f"<p><b>{status}</b> {prose(said['description'])}</p>",
        f'<p class="kind">Headers: {names}</p>' if names else "",
        *(_content(type_, media) for type_, media in said.get("content", {}).items()),
    ]
    return "".join(parts)


def _content(type_: str, media: Json) -> str:
    head = f'<p class="kind"><code>{text(type_)}</code>'
    if type_ != "text/event-stream":
        shown = _sample(_spelled(media["example"])) if "example" in media else ""
        return f"{head} {describe(media['schema'])}</p>{shown}"
    rows = "".join(_event(one["properties"]) for one in media["schema"]["anyOf"])
    return (
        f"{head}</p><p>{prose(media['schema']['description'])}</p>{_sample(media['example'].strip())}"
        f"{_folded('Events', rows, '')}"
    )


def _event(fields: Json) -> str:
    name = f"{describe(fields['event'])}" if "event" in fields else ""
    data = fields["data"].get("contentSchema") or fields["data"]
    return f"<tr><th scope=row>{name or '<code>data</code>'}</th><td>{describe(data)}</td></tr>"


def _sample(sample: str) -> str:
    """To be read and copied; what is too wide can be moved by the keyboard."""
    return f'<pre tabindex=0 role=region aria-label="Example"><code>{text(sample)}</code></pre>'


def _spelled(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")
