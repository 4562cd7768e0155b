"""`/ai-aide`: how many have approved a page, asked of the site as the app. A legacy dialog that no
descriptor of ours opens any more.

Without the Node app's script: its button never worked, and approvals stood in it unescaped. Every
answer is a page, whatever the site says. Source: node-bff.md §3.5, §9 (B11).
"""

import html
import re
from typing import Any

from aiohttp import web

from bff.connect.descriptor import app_name
from bff.dialects.chatgpt import STATUS
from bff.errors import Kind, Problem
from bff.records import Caller
from bff.web.doors import ADMITTED, context_token_with_qsh
from bff.web.refusals import write_refusal
from bff.web.routes import Route
from bff.web.services import SERVICES

PROPERTY = "ai-aide"
_CONTENT_ID = re.compile(r"[0-9]{1,20}")

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<link rel="stylesheet" href="https://aui-cdn.atlassian.com/aui-adg/5.8.12/css/aui.min.css">
<script src="https://connect-cdn.atl-paas.net/all.js"></script>
</head>
<body class="aui-page-focused">
<section id="content" role="main" class="ac-content">
<div class="container"><div class="approval-container">
<h1>AI Aide</h1>
{said}
</div></div>
</section>
</body>
</html>
"""


async def show_approvals(request: web.Request, caller: Caller) -> web.StreamResponse:
    """How many stand in the property of the page that is named; none where it has no such
    property. Raises Problem.
    """
    content_id = request.query.get("contentId", "")
    if _CONTENT_ID.fullmatch(content_id) is None:
        raise Problem(Kind.BAD_REQUEST, "No page is named.", at="contentId")
    site = caller.forge or request[ADMITTED].tenant
    path = ("rest", "api", "content", content_id, "property", PROPERTY)
    try:
        count = count_approvals((await request.app[SERVICES].host.get(site, path)).json())
    except Problem as problem:
        if problem.kind is not Kind.NOT_FOUND:
            raise
        count = 0
    shown = f"{count} approval{'' if count == 1 else 's'}"
    return _write(
        request,
        200,
        f'<p class="current-approvals">This page has <b class="number-approvals">{shown}</b>.</p>',
    )


def count_approvals(said: Any) -> int:
    """Of a content property as the site tells it. Raises Problem(UPSTREAM) when it is another."""
    value = said.get("value") if isinstance(said, dict) else None
    approved_by = value.get("approvedBy") if isinstance(value, dict) else None
    if not isinstance(approved_by, list):
        raise Problem(Kind.UPSTREAM, "The site's answer cannot be read.")
    return len(approved_by)


def refuse(request: web.Request, problem: Problem) -> web.StreamResponse:
    """As everywhere for who did not get in; else the page says it."""
    if problem.kind is Kind.CALLER_AUTH:
        return write_refusal(request, problem)
    said = f'<div class="aui-message aui-message-error">{html.escape(problem.public)}</div>'
    return _write(request, STATUS[problem.kind], said)


def _write(request: web.Request, status: int, said: str) -> web.Response:
    title = html.escape(app_name(request.app[SERVICES].connect.descriptor))
    text = _PAGE.format(title=title, said=said)
    return web.Response(status=status, text=text, content_type="text/html", charset="utf-8")


ROUTES = (Route("GET", "/ai-aide", context_token_with_qsh, show_approvals, refuse),)
