"""AzureSimulator: Azure OpenAI's two endpoints around the OpenAI simulator's words.

Not OpenAI's: a deployment answers, content filters report, and errors have other codes. Source:
providers.md §3, §10.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import orjson
from aiohttp import web

from bff.simulators.faults import Fault, plain_model
from bff.simulators.openai.checks import Refusal, check_request
from bff.simulators.openai.frames import DONE
from bff.simulators.openai.simulator import Asked, OpenAISimulator
from bff.simulators.stand_in import StandIn

VERSION = "2024-10-21"
_SAFE = {
    name: {"filtered": False, "severity": "safe"}
    for name in ("hate", "self_harm", "sexual", "violence")
}
_PROMPT = [
    {
        "prompt_index": 0,
        "content_filter_results": {**_SAFE, "jailbreak": {"filtered": False, "detected": False}},
    }
]
_CODES = {401: "401", 403: "403", 404: "404", 408: "Timeout", 429: "429"}
_CODES |= {500: "InternalServerError", 503: "ServiceUnavailable"}


class AzureSimulator(OpenAISimulator):
    """*key* opens; *deployments* exist (None: all but `missing`); *versions* are known to the
    classic endpoint, those before *usage_since* refuse `stream_options`, those before
    *developers_since* the role. With *annotates_late* the filter reports after the finish; with
    *filters* the answer ends filtered; *managed*, who stands in front refuses keys in other words.
    """

    def __init__(
        self,
        *,
        delay_s: float = 0.0,
        key: str = "azure-simulated",
        deployments: Collection[str] | None = None,
        versions: Collection[str] = (VERSION, "2024-06-01", "2025-04-01-preview"),
        usage_since: str = "2024-09-01",
        developers_since: str = "2024-12-01",
        annotates_late: bool = True,
        filters: bool = False,
        managed: bool = False,
    ) -> None:
        super().__init__(delay_s=delay_s)
        self.key, self.deployments, self.versions = key, deployments, frozenset(versions)
        self.usage_since, self.developers_since = usage_since, developers_since
        self.managed = managed
        self.annotates_late, self.filters = annotates_late, filters

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.post("/openai/deployments/{deployment}/chat/completions", self.chat),
                web.post("/_gateway/{resource}/{deployment}/chat/completions", self.chat),
                web.post("/openai/v1/chat/completions", self.chat),
                web.get("/openai/v1/models", self._models),
                *self.faults.routes(),
                web.route("*", "/{path:.*}", self._nowhere),
            ]
        )
        app.on_shutdown.append(self.close)
        return app

    # --- where Azure differs ---------------------------------------------------------------------

    def admit(self, request: web.Request) -> None:
        given = request.headers.get("api-key", request.headers.get("Authorization", ""))
        if given.removeprefix("Bearer ") != self.key:
            raise Refusal(401, "Access denied due to invalid subscription key.", code="401")
        version = request.query.get("api-version")
        if "deployment" in request.match_info and version not in self.versions:
            raise Refusal(404, "Resource not found", code="404")

    def checked(self, request: web.Request, asked: object) -> Mapping[str, Any]:
        deployment = request.match_info.get("deployment")
        body = dict(asked) if isinstance(asked, dict) else {}
        name = deployment or body.get("model")
        if isinstance(name, str) and not self._exists(plain_model(name)):
            raise Refusal(404, "The deployment does not exist.", code="DeploymentNotFound")
        known = frozenset({plain_model(name)}) if isinstance(name, str) else None
        if deployment is not None:
            self._check_version(request.query.get("api-version", ""), body)
            body["model"] = deployment
        return check_request(body, known)

    def ordered_refusal(self, fault: Fault) -> Refusal | None:
        if fault.code == "content_filter":
            return Refusal(
                fault.status or 400,
                "The response was filtered due to the prompt triggering a content policy.",
                param="prompt",
                code="content_filter",
            )
        return super().ordered_refusal(fault)

    def refused(self, refusal: Refusal, *, retry_after: float | None = None) -> web.Response:
        response = super().refused(refusal, retry_after=retry_after)
        error = {"code": refusal.code or _CODES.get(refusal.status), "message": refusal.message}
        if refusal.code == "content_filter":
            error |= _filtered()
        elif refusal.status == 400:
            error |= {"param": refusal.param, "type": refusal.type}
        elif refusal.code not in ("DeploymentNotFound", "insufficient_quota"):
            error["code"] = _CODES.get(refusal.status, str(refusal.status))
        value: dict[str, Any] = {"error": error}
        if self.managed and refusal.status == 401:
            value = {"statusCode": 401, "message": refusal.message}
        response.body = orjson.dumps(value)
        response.headers.update({"apim-request-id": "simulated", "x-ms-region": "Nowhere"})
        return response

    def completed(self, value: dict[str, Any]) -> dict[str, Any]:
        [choice] = value["choices"]
        choice["content_filter_results"] = _SAFE
        if self.filters:
            choice["finish_reason"] = "content_filter"
        return {**value, "prompt_filter_results": _PROMPT}

    def frames(self, asked: Asked) -> Iterator[bytes]:
        yield _frame("", "", choices=[], prompt_filter_results=_PROMPT)
        for frame in super().frames(asked):
            if frame == DONE and self.annotates_late:
                yield self._annotation(asked)
            yield _filtered_finish(frame) if self.filters else frame

    def _annotation(self, asked: Asked) -> bytes:
        """The filter's report on what was said, after the finish."""
        offsets = {"check_offset": 0, "start_offset": 0, "end_offset": 44}
        choice = {
            "index": 0,
            "finish_reason": None,
            "content_filter_results": _SAFE,
            "content_filter_offsets": offsets,
        }
        return _frame("", "", choices=[choice])

    def _check_version(self, version: str, body: Mapping[str, Any]) -> None:
        if "stream_options" in body and version < self.usage_since:
            raise Refusal(400, "Unrecognized request argument supplied: stream_options")
        if version < self.developers_since and "developer" in _roles(body.get("messages")):
            raise Refusal(400, "Unsupported value: 'developer' is not supported as a role.")

    def _exists(self, deployment: str) -> bool:
        known = self.deployments
        return deployment != "missing" if known is None else deployment in known

    async def _nowhere(self, _: web.Request) -> web.Response:
        return self.refused(Refusal(404, "Resource not found", code="404"))


def _roles(messages: object) -> list[object]:
    said = messages if isinstance(messages, list) else []
    return [message.get("role") for message in said if isinstance(message, dict)]


def _filtered_finish(frame: bytes) -> bytes:
    return frame.replace(b'"finish_reason":"stop"', b'"finish_reason":"content_filter"')


def _filtered() -> dict[str, Any]:
    results = {**_SAFE, "violence": {"filtered": True, "severity": "high"}}
    return {
        "param": "prompt",
        "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": results,
        },
    }


def _frame(id: str, model: str, **beside: Any) -> bytes:  # noqa: A002 - the field's name
    head = {"id": id, "object": "chat.completion.chunk", "created": 0, "model": model}
    return b"data: %b\n\n" % orjson.dumps({**head, **beside})


STAND_IN = StandIn(
    name="azure",
    make=lambda delay_s: AzureSimulator(delay_s=delay_s),
    environment=lambda url, variant: {
        "AZURE_OPENAI_API_KEY": "azure-simulated",
        "AZURE_OPENAI_API_VERSION": VERSION if variant == "classic" else "v1",
        "AZURE_OPENAI_ENDPOINT": url,
        "AZURE_OPENAI_RESOURCE": "resource",
    },
    model="azure/gpt-4o",
    variants=("classic", "v1"),
    gateway={"azure-openai": "/_gateway"},
)
