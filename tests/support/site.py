"""A site on a socket with the add-on installed by hand, for tests that call it without a service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp.test_utils import TestServer

from bff.records import ForgeInvocation, Tenant
from bff.simulators.atlassian import AtlassianHost
from bff.simulators.host_api import HostApi

NOW = 1_800_000_000.0
APP = "gptdock-confluence"


@dataclass(frozen=True, slots=True)
class OpenSite:
    """*url* without a slash at its end."""

    url: str
    host: AtlassianHost

    @property
    def api(self) -> HostApi:
        return self.host.api

    def tenant(self, **changes: object) -> Tenant:
        facts = {
            "client_key": self.host.client_key,
            "base_url": self.host.site_url,
            "key": APP,
            "secrets": (self.host.shared_secret,),
            "settings": {},
        }
        return Tenant(**{**facts, **changes})

    def invocation(self, **changes: object) -> ForgeInvocation:
        facts = {
            "installation_id": "ari:cloud:ecosystem::installation/1",
            "cloud_id": self.api.cloud_id,
            "api_base_url": self.url + self.api.forge_path,
            "system_token": self.api.system_token,
        }
        return ForgeInvocation(**{**facts, **changes})


@asynccontextmanager
async def open_site() -> AsyncIterator[OpenSite]:
    host = AtlassianHost(now=lambda: NOW)
    host.shared_secret = "a-shared-secret-of-the-stand-in-site"
    host.descriptor = {"key": APP}
    async with TestServer(host.app()) as server:
        url = f"http://{server.host}:{server.port}"
        host.site_url = f"{url}/wiki"
        yield OpenSite(url, host)
