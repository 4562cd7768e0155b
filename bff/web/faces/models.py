"""`GET /v1/models` and `/v1/models/{id}`: which models there are, one object for both SDKs.

Nobody is asked for them here. Source: contract api-faces.md §2, §3, §4.
"""

from aiohttp import web

from bff.dialects import model_lists
from bff.errors import Kind, Problem
from bff.policy import catalogue
from bff.records import Caller
from bff.web.callers import count_request
from bff.web.faces.access import may_ask
from bff.web.faces.answering import JSON_HEADERS, Face
from bff.web.faces.entry import key_or_token
from bff.web.faces.envelopes import face_of
from bff.web.faces.key_door import admit_key
from bff.web.faces.openai import OPENAI
from bff.web.middleware import REQUEST_LINE
from bff.web.routes import Route
from bff.web.services import SERVICES


async def list_models(request: web.Request, caller: Caller) -> web.Response:
    """Those that the caller may ask, or the page of them that the query names."""
    await _begin(request, caller)
    models = catalogue.visible(request.app[SERVICES].catalogue.models(), _patterns(caller))
    query = request.query
    page = catalogue.page(
        models,
        limit=query.get("limit"),
        after_id=query.get("after_id"),
        before_id=query.get("before_id"),
    )
    return _whole(
        model_lists.write_list(
            page.models,
            has_more=page.has_more,
            first_id=page.first_id,
            last_id=page.last_id,
        )
    )


async def show_model(request: web.Request, caller: Caller) -> web.Response:
    """The one that its name means. One that the caller may not ask is not there."""
    await _begin(request, caller)
    name = request.match_info["id"]
    model = request.app[SERVICES].catalogue.find(name)
    if model is None or not may_ask(request.app[SERVICES].engine, caller, name):
        raise Problem(Kind.NOT_FOUND, "The model is not available.", at="model")
    return _whole(model_lists.write_model(model))


async def _begin(request: web.Request, caller: Caller) -> None:
    line, face = request[REQUEST_LINE], _face(request)
    line.face, line.tenant = face.name, caller.tenant_tag
    await count_request(request, caller, write=face.write_standing)


def _patterns(caller: Caller) -> tuple[str, ...]:
    return () if caller.key is None else caller.key.models


def _whole(body: bytes) -> web.Response:
    return web.Response(body=body, headers=JSON_HEADERS)


def _face(request: web.Request) -> Face:
    """Both protocols share the path; a header tells who asks."""
    return face_of(request) or OPENAI


def _refuse(request: web.Request, problem: Problem) -> web.Response:
    return _face(request).refuse(request, problem)


_ONE = "{id:(?s:[^/].*)}"
ROUTES = (
    Route("GET", "/v1/models", key_or_token, list_models, _refuse),
    Route("GET", f"/v1/models/{_ONE}", key_or_token, show_model, _refuse),
    Route("GET", "/anthropic/v1/models", admit_key, list_models, _refuse),
    Route("GET", f"/anthropic/v1/models/{_ONE}", admit_key, show_model, _refuse),
)
