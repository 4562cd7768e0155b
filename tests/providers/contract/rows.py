"""The rows of the suite: every vendor of the table, in each variant, on each way that it has.

A row says from which environment the real wiring opens it; how it is asked then: opened.py.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from bff.policy.deadline import Timers
from bff.providers._pool import Pool
from bff.providers._vendor import Means
from bff.settings import read_settings
from bff.simulators.stand_in import StandIn
from bff.wiring import vendors
from bff.wiring.vendors import Opener

Wiring = Callable[[Mapping[str, str]], Mapping[str, Opener]]
_GATEWAY_URL = "http://127.0.0.1:9/gateway"  # never asked: only to see which ways there are
_BEFORE_GATEWAYS = {"OPENAI_BASEURL": "OPENAI_FALLBACK_BASEURL"}  # the older name goes first


def wired(environment: Mapping[str, str]) -> Mapping[str, Opener]:
    """The vendors that the service would open with this *environment*."""
    return vendors.openers(read_settings(environment))


@dataclass(frozen=True, slots=True)
class Row:
    """One vendor, one variant of its endpoints, one way to it."""

    stand_in: StandIn
    variant: str
    way: str
    wiring: Wiring = wired

    def __str__(self) -> str:
        return "-".join(filter(None, (self.stand_in.name, self.variant, self.way)))

    def environment(self, url: str, gateway_url: str) -> Mapping[str, str]:
        """*url* is the simulator's."""
        own = self.stand_in.environment(url, self.variant)
        asked = {**own, "CHAT_MODEL": self.stand_in.model}
        if self.way == "direct":
            return asked
        return {_BEFORE_GATEWAYS.get(name, name): value for name, value in asked.items()} | {
            "GATEWAY_URL": gateway_url,
            "CLOUDFLARE_ACCOUNT_ID": "account",
            "CLOUDFLARE_GATEWAY_ID": "gateway",
        }

    @property
    def exists(self) -> bool:
        """Whether the vendor has this way, in this variant. A vendor that is not wired has one: it
        fails where it is opened, and is not left out in silence.
        """
        if self.way == "gateway" and not self.stand_in.gateway:
            return False
        url = f"http://127.0.0.1:9/{self.stand_in.name}"
        opener = self.wiring(self.environment(url, _GATEWAY_URL)).get(self.stand_in.name)
        if opener is None:
            return self.way == "direct"
        unused = Means(cast(Any, None), Pool(1, patience_s=1), Timers())
        return self.way in opener(unused).ways


def rows(stand_ins: Iterable[StandIn], wiring: Wiring = wired) -> list[Row]:
    every = [
        Row(stand_in, variant, way, wiring)
        for stand_in in stand_ins
        for variant in stand_in.variants
        for way in ("direct", "gateway")
    ]
    return [row for row in every if row.exists]
