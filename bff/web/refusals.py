"""What a request is told that did not get in: the Node app's three forms, chosen by `Accept`.

Quotes nothing of a token. Every failed token is a 401 (operations.md); an `Accept` that names
nothing we have gets plain text. Source: node-bff.md §4.4, §2 (bodies of 400, 413, 415).
"""

import html
from collections.abc import Mapping

from aiohttp import web

from bff.connect.descriptor import app_name
from bff.dialects.chatgpt import STATUS
from bff.dialects.json_text import write_ascii
from bff.errors import Kind, Problem
from bff.web.services import SERVICES

TEXT, HTML, JSON = "text/plain", "text/html", "application/json"
_OFFERS = (TEXT, HTML, JSON)  # equally welcome: the first

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="ap-local-base-url" content="{base_url}">
<title>{title}</title>
<link rel="stylesheet" href="https://aui-cdn.atlassian.com/aui-adg/5.8.12/css/aui.min.css">
<link rel="stylesheet" href="https://aui-cdn.atlassian.com/aui-adg/5.8.12/css/aui-experimental.min.css">
<script src="https://connect-cdn.atl-paas.net/all.js"></script>
</head>
<body class="aui-page-focused">
<section id="content" role="main" class="ac-content"><p>Unauthorized: {message}</p></section>
</body>
</html>
"""


def write_refusal(request: web.Request, problem: Problem) -> web.Response:
    """A failed token in the form the caller reads; any other problem as JSON."""
    if problem.kind is not Kind.CALLER_AUTH:
        return write_json(STATUS[problem.kind], {"error": problem.public})
    form = choose_form(",".join(request.headers.getall("Accept", ())))
    if form == JSON:
        return write_json(401, {"message": problem.public})
    if form == TEXT:
        return _write(html.escape(problem.public), TEXT)
    connect = request.app[SERVICES].connect
    page = _PAGE.format(
        base_url=html.escape(connect.base_url),
        title=html.escape(app_name(connect.descriptor)),
        message=html.escape(problem.public),
    )
    return _write(page, HTML)


def write_html_refusal(problem: Problem) -> web.Response:
    """A lifecycle call that was refused before its token was looked at: HTML, whatever is
    accepted.
    """
    return _write(html.escape(problem.public), HTML)


def write_not_found(request: web.Request) -> web.Response:
    """Node's page. The path is shown, escaped; the query, which may hold a token, is not."""
    what = html.escape(f"Cannot {request.method} {request.path}")
    return web.Response(
        status=404,
        text=(
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f"<title>Error</title>\n</head>\n<body>\n<pre>{what}</pre>\n</body>\n</html>\n"
        ),
        content_type="text/html",
        charset="utf-8",
        headers={"Content-Security-Policy": "default-src 'none'"},
    )


def write_json(status: int, body: Mapping[str, str]) -> web.Response:
    return web.Response(status=status, body=write_ascii(body), content_type=JSON, charset="utf-8")


def choose_form(accept: str) -> str:
    """The best liked of our forms: by weight, then by how exactly it is named, then in the caller's
    order (RFC 9110 §12.5.1).
    """
    wishes = [_read_wish(part) for part in accept.lower().split(",")] if accept.strip() else []
    ranked = [(*rank, form) for form in _OFFERS if (rank := _rank(form, wishes)) is not None]
    return min(ranked, key=lambda found: found[:3])[3] if ranked else TEXT


def _rank(form: str, wishes: list[tuple[str, float]]) -> tuple[float, int, int] | None:
    """How *form* is liked, best first; None when it is not. The most exact wish decides."""
    family = form.partition("/")[0] + "/*"
    for vagueness, name in enumerate((form, family, "*/*")):
        for place, (wish, weight) in enumerate(wishes):
            if wish == name:
                return (-weight, vagueness, place) if weight > 0 else None
    return None


def _read_wish(part: str) -> tuple[str, float]:
    name, *parameters = (piece.strip() for piece in part.split(";"))
    weight = 1.0
    for parameter in parameters:
        if parameter.startswith("q="):
            weight = _read_weight(parameter[2:])
    return name, weight


def _read_weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0.0 <= weight <= 1.0 else 0.0


def _write(text: str, content_type: str) -> web.Response:
    body = text.encode("utf-8", "backslashreplace")  # a body may hold half a surrogate pair
    return web.Response(status=401, body=body, content_type=content_type, charset="utf-8")
