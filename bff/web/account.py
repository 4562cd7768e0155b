"""`/v2/client/info`: how much of its quota a tenant has used. Source: node-bff.md §3.3, §3.5."""

import orjson
from aiohttp import web

from bff.errors import Kind, Problem
from bff.policy.quota import used
from bff.records import Caller
from bff.web.doors import context_token
from bff.web.middleware import REQUEST_LINE
from bff.web.refusals import write_json, write_refusal
from bff.web.routes import Route
from bff.web.services import SERVICES


async def show_quota(request: web.Request, caller: Caller) -> web.StreamResponse:
    """201 when the tenant had none and was given one now; the frontend does not look."""
    request[REQUEST_LINE].tenant = caller.tenant_tag
    quota, created = await request.app[SERVICES].quotas.find_or_create(caller.client_key)
    shown = {
        "client_id": quota.client_key,
        "quota_used": used(quota),
        "max_quota": quota.max_quota,
    }
    return web.Response(
        status=201 if created else 200,
        body=orjson.dumps(shown),
        content_type="application/json",
        charset="utf-8",
    )


def refuse(request: web.Request, problem: Problem) -> web.StreamResponse:
    """Storage that is away has the Node app's one text."""
    if problem.kind is Kind.INTERNAL:
        return write_json(500, {"error": "Internal server error"})
    return write_refusal(request, problem)


ROUTES = (
    Route("GET", "/v2/client/info", context_token, show_quota, refuse),
    Route("GET", "/client/info", context_token, show_quota, refuse),
)
