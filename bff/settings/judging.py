"""Settings that are each well formed and do not go together: one line for each that is wrong."""

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from pydantic import SecretStr

from bff.policy.api_keys import PREFIX
from bff.settings.fields import Settings
from bff.settings.kinds import (
    A_NAME,
    A_TOKEN,
    ANTHROPIC,
    CLOUDFLARE,
    OFF,
    OPENAI,
    SALESFORCE,
    STRAICO,
    root_of,
)
from bff.settings.said import Said, may_hold

_A_VENDORS_KEY = (
    f"the vendor's own key; one of `bff keys` ({PREFIX}...) is for clients of this service"
)
_NEEDS = {
    "anthropic": "anthropic needs ANTHROPIC_API_KEY",
    "azure": "azure needs AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY",
    "salesforce": "salesforce needs SALESFORCE_CONSUMER_KEY, _CONSUMER_SECRET and _INSTANCE_URL",
    "straico": "straico needs STRAICO_API_KEY",
}


def wrong_urls(settings: Settings, said: Said) -> Iterator[str]:
    """Plain http leaves the machine in development only."""
    if settings.development:
        return
    if settings.ac_local_base_url is not None and _is_exposed(settings.ac_local_base_url):
        yield said.line("ac_local_base_url", "an https address, http only in development")
    outgoing = {
        "openai_baseurl": (settings.openai_baseurl or "",),
        "openai_fallback_baseurl": (settings.openai_fallback_baseurl or "",),
        "gateway_url": (settings.gateway_url,),
        "connect_install_keys_url": settings.connect_install_keys_url,
        "forge_jwks_url": (settings.forge_jwks_url,),
        "axiom_url": (settings.axiom_url,),
        "anthropic_base_url": (settings.anthropic_base_url,),
        "azure_openai_endpoint": (settings.azure_openai_endpoint or "",),
        "salesforce_instance_url": (settings.salesforce_instance_url or "",),
        "salesforce_api_url": (settings.salesforce_api_url,),
        "straico_base_url": (settings.straico_base_url,),
    }
    for field, urls in outgoing.items():
        if any(map(_is_exposed, urls)):
            yield said.line(field, f"{may_hold(field)}; in production http only to loopback")


def wrong_upstream(settings: Settings, said: Said, upstream_needed: bool) -> Iterator[str]:
    account, gateway = settings.cloudflare_account_id, settings.cloudflare_gateway_id
    for field, other in (
        ("cloudflare_account_id", gateway),
        ("cloudflare_gateway_id", account),
    ):
        if other and not getattr(settings, field):
            yield said.line(field, f"{A_NAME}: account and gateway are set together")
    if settings.gateway_url == root_of(CLOUDFLARE):
        yield said.line("gateway_url", f"{CLOUDFLARE}, with its /v1")
    if settings.openai_baseurl is not None and not _is_openai_base(settings):
        shape = f"{settings.gateway_url}/<account>/<gateway>/openai"
        yield said.line(
            "openai_baseurl", f"{OPENAI}, or {shape} with nothing after it, or another base"
        )
    yield from _wrong_addresses(settings, said)
    if upstream_needed:
        for field in keys_of_ours(settings):
            yield said.line(field, _A_VENDORS_KEY)
    yield from _wrong_keys(settings, said, upstream_needed)


def keys_of_ours(settings: Settings) -> Iterator[str]:
    """Fields that hold a key of `bff keys`, meant for a client, where its vendor gives others. An
    address elsewhere may be another one of these services.
    """
    base = settings.openai_baseurl
    if (base in (None, OPENAI) or settings.is_gateway(base or "")) and _is_ours(
        settings.openai_api_key
    ):
        yield "openai_api_key"
    if settings.anthropic_base_url == ANTHROPIC and _is_ours(settings.anthropic_api_key):
        yield "anthropic_api_key"


def _is_ours(key: SecretStr | None) -> bool:
    return key is not None and key.get_secret_value().startswith(PREFIX)


def _wrong_addresses(settings: Settings, said: Said) -> Iterator[str]:
    """Addresses that were copied with more, or less, of a path than is put behind them."""
    azure = urlsplit(settings.azure_openai_endpoint or "").path.lower()
    if "/openai/" in f"{azure}/":
        yield said.line(
            "azure_openai_endpoint", f"{may_hold('azure_openai_endpoint')}, without its /openai"
        )
    if "/services/" in f"{urlsplit(settings.salesforce_instance_url or '').path}/":
        yield said.line(
            "salesforce_instance_url",
            f"{may_hold('salesforce_instance_url')}, without the path of its tokens",
        )
    for field, base in (("salesforce_api_url", SALESFORCE), ("straico_base_url", STRAICO)):
        url = getattr(settings, field)
        if root_of(url) == root_of(base) and url != base:
            yield said.line(field, f"{base}, or an address elsewhere")


def _wrong_keys(settings: Settings, said: Said, upstream_needed: bool) -> Iterator[str]:
    plan = settings.upstream()
    if plan.api_key is not None or not (upstream_needed and _asks_openai(settings, said)):
        if plan.fallback_base_url and settings.is_gateway(plan.fallback_base_url):
            yield said.line("openai_fallback_baseurl", "off, or a way around the gateway")
        return
    if not (plan.is_gateway and plan.gateway_token):
        may = f"{A_TOKEN}; only a gateway with CLOUDFLARE_GATEWAY_TOKEN can do without"
        yield said.line("openai_api_key", may)
    elif settings.openai_fallback_baseurl not in (None, OFF):
        yield said.line(
            "openai_fallback_baseurl",
            "off, because the way around the gateway needs OPENAI_API_KEY",
        )


def wrong_models(settings: Settings, said: Said) -> Iterator[str]:
    """Every model that is named belongs to a vendor that is set up."""
    for field in settings.salesforce_settings_missing:
        yield said.line(field, f"{may_hold(field)}; the three of Salesforce are set together")
    named = {"chat_model": (settings.chat_model,), **settings.named_models}
    if said.text("diagram_model") is not None:
        named["diagram_model"] = (settings.diagram_model,)
    for field, models in named.items():
        vendors = dict.fromkeys(model.partition("/")[0] for model in models)
        for vendor in vendors:
            if vendor != "openai" and not settings.is_configured(vendor):
                yield said.line(field, f"models of vendors that are set up: {_NEEDS[vendor]}")
                break


def _asks_openai(settings: Settings, said: Said) -> bool:
    """Whether a model of OpenAI's is named; the default model of diagrams alone does not count."""
    named = [settings.chat_model, *settings.all_named_models]
    if said.text("diagram_model") is not None:
        named.append(settings.diagram_model)
    return any(model.startswith("openai/") for model in named)


def _is_openai_base(settings: Settings) -> bool:
    """False for a base whose `/chat/completions` is known to fail. Source: gateway.md §1."""
    base = settings.openai_baseurl or ""
    if base.endswith("/chat/completions"):
        return False
    if base.startswith(f"{root_of(OPENAI)}/") or base == root_of(OPENAI):
        return base == OPENAI
    for root in (settings.gateway_url, CLOUDFLARE, root_of(CLOUDFLARE)):
        if base == root:
            return False
        if base.startswith(f"{root}/"):
            return _is_gateway_path(base.removeprefix(f"{root}/").split("/"))
    return True


def _is_gateway_path(segments: list[str]) -> bool:
    if len(segments) < 3 or not all(segments) or len(segments[1]) > 64:
        return False
    return segments[2] != "compat" and (segments[2] != "openai" or len(segments) == 3)


def _is_exposed(url: str) -> bool:
    """Whether *url* sends plain http beyond this machine."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
