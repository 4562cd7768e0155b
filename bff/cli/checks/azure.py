"""Azure OpenAI: its key, and each deployment, asked a question without messages: no token is spent.

Source: providers.md §3.
"""

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from bff.cli.checks.asking import Asker, Seen, Way
from bff.cli.checks.findings import Finding, failed, ok, warning
from bff.cli.checks.models import Named, in_path, variables_of
from bff.cli.checks.ways import (
    Called,
    Ways,
    Working,
    gateway_code,
    judge_key,
    look_at_ways,
    through_gateway,
)

CALLED = Called("Azure OpenAI", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT")
_ABOUT = "Azure OpenAI deployment"
_EMPTY = (400, 422)  # a question without messages is refused, after its deployment was found


@dataclass(frozen=True, slots=True)
class Azure:
    """*version* is the classic endpoint's; empty: the v1 endpoint, which the gateway has not.
    *gateway* is what `/azure-openai` follows.
    """

    endpoint: str
    key: str | None = field(repr=False)
    version: str = ""
    resource: str = ""
    gateway: str | None = None
    token: str | None = field(default=None, repr=False)

    @property
    def _headers(self) -> Mapping[str, str]:
        return {} if self.key is None else {"api-key": self.key}

    def ways(self, deployment: str) -> Ways:
        """To one *deployment*."""
        if not self.version:
            url = f"{self.endpoint}/openai/v1/chat/completions"
            return Ways(direct=Way(url, self._headers, {"model": deployment, "messages": []}))
        body: dict[str, Any] = {"messages": []}
        rest = f"{in_path(deployment)}/chat/completions?api-version={self.version}"
        direct = Way(f"{self.endpoint}/openai/deployments/{rest}", self._headers, body)
        through = None
        if self.gateway is not None:
            resource = self.resource or (urlsplit(self.endpoint).hostname or "").partition(".")[0]
            headers = {**self._headers, **through_gateway(self.token)}
            through = Way(f"{self.gateway}/azure-openai/{resource}/{rest}", headers, body)
        return Ways(
            through, direct if self.key is not None else None, token_sent=self.token is not None
        )

    def first_ways(self, deployments: Collection[str]) -> Ways | None:
        """Whom to show the key first; None where there is nobody."""
        if not self.version:
            return Ways(direct=Way(f"{self.endpoint}/openai/v1/models", self._headers))
        return next(map(self.ways, deployments), None)

    def judge_key(self, seen: Seen) -> Finding:
        """Of the first answer; what the classic endpoint says of a deployment is none of the key's
        business.
        """
        about = f"{CALLED.vendor} key"
        own = gateway_code(seen) is not None
        if seen.status == 403 and not own:
            rules = "look at AZURE_OPENAI_API_KEY and the resource's network rules"
            return failed(about, f"it is refused (403): {rules}")
        if seen.status == 404 and not self.version:
            return failed(about, "the address is not known (404): look at AZURE_OPENAI_ENDPOINT")
        if seen.status in (*_EMPTY, 404) and not own:
            return ok(about, "it is accepted")
        return judge_key(seen, CALLED, key_sent=self.key is not None)


async def look_at_azure(
    asker: Asker, azure: Azure, *, deployments: Mapping[str, str], named: Named
) -> AsyncIterator[Finding]:
    """*deployments* by the model's name, *named* the models; each of either is looked for."""
    wanted: Named = {**dict.fromkeys(deployments, ("AZURE_OPENAI_DEPLOYMENTS",)), **named}
    asked = {model: deployments.get(model, model) for model in wanted}
    first = azure.first_ways(asked.values())
    if first is None:
        yield warning(f"{CALLED.vendor} key", "not looked at: no model of it is named")
        return
    working = Working()
    async for finding in look_at_ways(asker, CALLED, first, working, azure.judge_key):
        yield finding
    if working.way is None:
        return
    through = working.way is first.through
    for model, deployment in asked.items():
        ways = azure.ways(deployment)
        way = ways.through if through else ways.direct
        if way is not None:
            said_by = variables_of(wanted, model)
            yield _judge(await asker.ask(way), deployment, said_by, classic=azure.version != "")


def _judge(seen: Seen, deployment: str, said_by: str, *, classic: bool) -> Finding:
    if seen.good or seen.status in _EMPTY:
        return ok(_ABOUT, deployment)
    if seen.status == 404 and classic and _code(seen) != "DeploymentNotFound":
        where = "AZURE_OPENAI_API_VERSION and AZURE_OPENAI_ENDPOINT"
        return failed(_ABOUT, f"{deployment} has no such address (404): look at {where}")
    if seen.status == 404:
        names = dict.fromkeys([*said_by.split(" and "), "AZURE_OPENAI_DEPLOYMENTS"])
        return failed(_ABOUT, f"{deployment} is not there: look at {' and '.join(names)}")
    if seen.status in (401, 403):
        rights = "look at AZURE_OPENAI_API_KEY and the resource's network rules"
        return failed(_ABOUT, f"{deployment} is refused ({seen.status}): {rights}")
    if seen.status == 429:
        return warning(_ABOUT, f"{deployment}: its limit is used up (429)")
    why = seen.why or f"answers {seen.status}"
    return warning(_ABOUT, f"{deployment} {why}: run it again")


def _code(seen: Seen) -> object:
    error = seen.value.get("error")
    return error.get("code") if isinstance(error, dict) else None
