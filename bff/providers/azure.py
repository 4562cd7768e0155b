"""Azure OpenAI: the classic endpoint, where the deployment stands in the path, and v1.

Not the dialect: that is OpenAI's, with more around it. Source: providers.md §3, gateway.md §1.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from urllib.parse import quote

from yarl import URL

from bff.chat.request import ChatRequest, Written
from bff.chat.traits import Traits
from bff.dialects import openai_chat
from bff.errors import Kind, Problem, Sign
from bff.policy.models import openai_traits
from bff.providers._http import Dialect
from bff.providers._openai_words import SpeaksOpenAI
from bff.providers._vendor import Means, Road

_V1 = "v1"
_KNOWS_DEVELOPERS = "2024-12-01"  # the first api-version that does
_NO_SUCH_MODEL = frozenset({"DeploymentNotFound", "model_not_found"})
# Who decodes a path before reading it takes `%2E%2E` for `..`; no deployment is called so.
_CLIMBS = re.compile(r"(?:^|[/\\])\.{1,2}(?:[/\\]|$)")


class Azure(SpeaksOpenAI):
    """*deployments* by model; other models are their own. *known* are models that our settings name
    besides. With an *api_version* other than `v1` it is the classic endpoint, and the base of a
    gateway's road ends with the resource. The v1 endpoint knows responses too, the classic one does
    not: both are asked for completions.
    """

    name = "azure"

    def __init__(
        self,
        means: Means,
        roads: Mapping[str, Road],
        *,
        api_version: str | None = None,
        deployments: Mapping[str, str] | None = None,
        known: Collection[str] = (),
    ) -> None:
        super().__init__(means, roads)
        self._version = None if api_version == _V1 else api_version
        self._developer = self._version is None or self._version >= _KNOWS_DEVELOPERS
        self._deployments = dict(deployments or {})
        self._ours = {*self._deployments, *known}
        self._refusing = {
            (stream, ours): replace(self._dialects[stream], read_refusal=_read_refusal(ours=ours))
            for stream in (True, False)
            for ours in (True, False)
        }

    def first_traits(self, model: str) -> Traits:
        traits = openai_traits(model)
        return traits if self._developer else replace(traits, developer=False)

    def url(self, road: Road, model: str) -> URL:
        if self._version is None:
            return URL(f"{road.base}/openai/v1/chat/completions")
        deployment = self._deployment(model)
        if _CLIMBS.search(deployment):
            raise Problem(Kind.NOT_FOUND, "The model is not available.", sign=Sign.PROVIDER_REFUSED)
        before = "" if road.gateway is not None else "/openai/deployments"
        path = f"{before}/{quote(deployment, safe='', errors='surrogatepass')}/chat/completions"
        return URL(f"{road.base}{path}?api-version={quote(self._version)}", encoded=True)

    def write(self, request: ChatRequest, model: str) -> Written:
        return openai_chat.write_request(
            request, model=self._deployment(model), traits=self.traits(model)
        )

    def dialect(self, request: ChatRequest, model: str) -> Dialect:
        return self._refusing[request.stream, model in self._ours]

    def _deployment(self, model: str) -> str:
        return self._deployments.get(model, model)


def _read_refusal(*, ours: bool) -> Callable[[int, str, bytes, float | None], Problem]:
    """A deployment that our settings name (*ours*) and that does not exist is our own fault; one
    that a caller names is not. A path that is not there is ours in any case.
    """

    def read(status: int, _: str, data: bytes, wait: float | None) -> Problem:
        problem = openai_chat.read_refusal(status, data, retry_after=wait)
        if problem.kind is not Kind.NOT_FOUND:
            return problem
        is_theirs = not ours and openai_chat.read_code(data) in _NO_SUCH_MODEL
        return problem if is_theirs else openai_chat.not_set_up(status)

    return read
