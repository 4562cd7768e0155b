"""StandIn: one vendor's row among the simulators, and the settings that lead a service to it.

Not the simulator: that is in the vendor's own room. The table: vendors.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bff.simulators.vendor import Vendor


@dataclass(frozen=True, slots=True)
class StandIn:
    """*name* is the provider's, and its prefix on the port; *model* what to ask it, written
    `provider/model`; *variants* the endpoints it has, as its setting names them, first the default.

    *environment* takes the simulator's own URL (no slash at its end) and a variant. *gateway* maps
    Cloudflare's name of the provider to the path below the simulator's URL that answers there.
    """

    name: str
    make: Callable[[float], Vendor]  # by the delay before each piece, in seconds
    environment: Callable[[str, str], Mapping[str, str]]
    model: str
    variants: tuple[str, ...] = ("",)
    gateway: Mapping[str, str] = field(default_factory=dict)
