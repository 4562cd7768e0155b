"""Azure OpenAI: the classic endpoint, where the deployment stands in the path, and v1.

Not the dialect: that is OpenAI's, with more around it. Source: providers.md §3, gateway.md §1.
"""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

from yarl import URL

from bff.chat.request import ChatRequest, Written
from bff.dialects import openai_chat
from bff.errors import Kind, Problem
from bff.providers._http import Dialect
from bff.providers._openai_words import SpeaksOpenAI
from bff.providers._vendor import Means, Road

_NO_SUCH_MODEL = (b"DeploymentNotFound", b"model_not_found")


class Azure(SpeaksOpenAI):
    """*deployments* by model; other models are their own. With *api_version* it is the classic
    endpoint; the base of a gateway's road ends with the resource.
    """

    name = "azure"

    def __init__(
        self,
        means: Means,
        roads: Mapping[str, Road],
        *,
        api_version: str | None = None,
        deployments: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(means, roads)
        self._version, self._deployments = api_version, dict(deployments or {})

    def url(self, road: Road, model: str) -> URL:
        if self._version is None:
            return URL(f"{road.base}/openai/v1/chat/completions")
        before = "" if road.gateway is not None else "/openai/deployments"
        path = f"{before}/{_segment(self._deployment(model))}/chat/completions"
        return URL(f"{road.base}{path}?api-version={quote(self._version)}", encoded=True)

    def write(self, request: ChatRequest, model: str) -> Written:
        return openai_chat.write_request(
            request, model=self._deployment(model), traits=self.traits(model)
        )

    def dialect(self, request: ChatRequest, model: str) -> Dialect:
        dialect = super().dialect(request, model)
        read_refusal = _ours if model in self._deployments else _theirs
        return replace(dialect, read_refusal=read_refusal)

    def _deployment(self, model: str) -> str:
        return self._deployments.get(model, model)


def _segment(text: str) -> str:
    """One segment of a path, whatever is in it."""
    quoted = quote(text, safe="", errors="surrogatepass")
    return {".": "%2E", "..": "%2E%2E"}.get(quoted, quoted)


def _ours(status: int, _: str, data: bytes, wait: float | None) -> Problem:
    """A deployment that our settings name and that does not exist is our own fault."""
    problem = openai_chat.read_refusal(status, data, retry_after=wait)
    return openai_chat.not_set_up(status) if problem.kind is Kind.NOT_FOUND else problem


def _theirs(status: int, _: str, data: bytes, wait: float | None) -> Problem:
    """A caller may name a deployment that does not exist; a path that is not there is ours."""
    problem = openai_chat.read_refusal(status, data, retry_after=wait)
    if problem.kind is Kind.NOT_FOUND and not any(name in data for name in _NO_SUCH_MODEL):
        return openai_chat.not_set_up(status)
    return problem
