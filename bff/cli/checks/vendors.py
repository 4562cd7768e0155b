"""Every vendor that is set up, with the settings told to its own look as plain values."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, cast

from bff.cli.checks.asking import Asker
from bff.cli.checks.azure import Azure, look_at_azure
from bff.cli.checks.findings import Finding, ok, warning
from bff.cli.checks.listing import anthropic_way, look_at_list, openai_way
from bff.cli.checks.models import named_models
from bff.cli.checks.salesforce import Salesforce, look_at_salesforce
from bff.cli.checks.straico import look_at_straico
from bff.cli.checks.ways import Called, Ways
from bff.policy.deadline import Timers
from bff.providers._pool import Pool
from bff.providers._vendor import HttpProvider, Means
from bff.settings import Settings
from bff.wiring.vendors import openers, plain

_OPENAI = Called(
    "OpenAI",
    "OPENAI_API_KEY",
    "OPENAI_BASEURL",
    gateway="OPENAI_BASEURL and GATEWAY_URL",
    around="OPENAI_FALLBACK_BASEURL",
)
_ANTHROPIC = Called("Anthropic", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL")
_GATEWAY = "gateway"


def look_at_vendors(settings: Settings, asker: Asker) -> list[AsyncIterator[Finding]]:
    """One look for each of them. What several find of the one gateway is said once."""
    names = [name for name in openers(settings) if settings.is_configured(name)]
    looks = [_look(settings, asker, name) for name in names]
    said: set[Finding] = set()
    if not any(_GATEWAY in _unused(settings, name).roads for name in names):
        looks.insert(0, _no_gateway())
    return [_once(look, said) for look in looks]


async def _no_gateway() -> AsyncIterator[Finding]:
    yield ok(_GATEWAY, "none is used")


async def _once(findings: AsyncIterator[Finding], said: set[Finding]) -> AsyncIterator[Finding]:
    async for finding in findings:
        if finding.about != _GATEWAY or finding not in said:
            said.add(finding)
            yield finding


def _look(settings: Settings, asker: Asker, name: str) -> AsyncIterator[Finding]:
    look = _LOOKS.get(name)
    return _unknown(name) if look is None else look(settings, asker)


async def _unknown(name: str) -> AsyncIterator[Finding]:
    yield warning(name, "there is no look at this vendor: ask it something")


def _openai(settings: Settings, asker: Asker) -> AsyncIterator[Finding]:
    plan = settings.upstream()
    key, token = plain(plan.api_key), plain(plan.gateway_token)
    first = openai_way(plan.base_url, key, token=token, gateway=plan.is_gateway)
    direct = None if plan.is_gateway else first
    if plan.fallback_base_url is not None:
        direct = openai_way(plan.fallback_base_url, key, gateway=False)
    ways = Ways(
        first if plan.is_gateway else None,
        direct,
        token_sent=token is not None,
    )
    named = named_models(settings, "openai")
    return look_at_list(asker, _OPENAI, ways, named, key_sent=key is not None)


def _anthropic(settings: Settings, asker: Asker) -> AsyncIterator[Finding]:
    key, token = plain(settings.anthropic_api_key), plain(settings.cloudflare_gateway_token)
    through = direct = None
    if settings.gateway_base is not None:
        base = f"{settings.gateway_base}/anthropic"
        through = anthropic_way(base, key, token=token, gateway=True)
    if key is not None:
        direct = anthropic_way(settings.anthropic_base_url, key, gateway=False)
    ways = Ways(through, direct, token_sent=token is not None)
    named = named_models(settings, "anthropic")
    return look_at_list(asker, _ANTHROPIC, ways, named, key_sent=key is not None)


def _azure(settings: Settings, asker: Asker) -> AsyncIterator[Finding]:
    version = settings.azure_openai_api_version if settings.azure_is_classic else None
    azure = Azure(
        settings.azure_openai_endpoint or "",
        plain(settings.azure_openai_api_key),
        version or "",
        settings.azure_openai_resource or "",
        settings.gateway_base,
        plain(settings.cloudflare_gateway_token),
    )
    return look_at_azure(
        asker,
        azure,
        deployments=settings.azure_openai_deployments,
        named=named_models(settings, "azure"),
    )


def _salesforce(settings: Settings, asker: Asker) -> AsyncIterator[Finding]:
    salesforce = Salesforce(
        settings.salesforce_instance_url or "",
        plain(settings.salesforce_consumer_key) or "",
        plain(settings.salesforce_consumer_secret) or "",
        _addresses(settings, "salesforce"),
    )
    return look_at_salesforce(asker, salesforce, named_models(settings, "salesforce"))


def _straico(settings: Settings, asker: Asker) -> AsyncIterator[Finding]:
    return look_at_straico(
        asker,
        base_url=settings.straico_base_url,
        key=plain(settings.straico_api_key) or "",
        endpoint=settings.straico_endpoint,
        named=named_models(settings, "straico"),
    )


def _addresses(settings: Settings, name: str) -> Callable[[str], str]:
    """Where the service itself would ask a model."""
    provider = _unused(settings, name)
    road = next(iter(provider.roads.values()))
    return lambda model: str(provider.url(road, model))


def _unused(settings: Settings, name: str) -> HttpProvider:
    """A vendor as the service opens it, for its roads and addresses: nothing is asked with it."""
    return openers(settings)[name](Means(cast(Any, None), Pool(1, patience_s=0), Timers()))


_LOOKS: Mapping[str, Callable[[Settings, Asker], AsyncIterator[Finding]]] = {
    "anthropic": _anthropic,
    "azure": _azure,
    "openai": _openai,
    "salesforce": _salesforce,
    "straico": _straico,
}
