"""Which ways lead to a model. Names only; who answers there is the engine's to know.

Source: api-faces.md §1 (model names), gateway.md §11 (the gateway first, direct once).
"""

from dataclasses import dataclass

from bff.errors import Kind, Problem


@dataclass(frozen=True, slots=True)
class Target:
    """A vendor's model."""

    provider: str
    model: str


def read_model(name: str) -> Target:
    """`provider/model`, split at the first slash only. Raises Problem(NOT_FOUND)."""
    provider, slash, model = name.partition("/")
    if not (provider and slash and model):
        raise Problem(Kind.NOT_FOUND, "The model is written provider/model.", at="model")
    return Target(provider, model)


def order_ways(ways: tuple[str, ...], *, gateway_admitted: bool) -> tuple[str, ...]:
    """*ways* in the order to try: without the gateway while its breaker is open, if another is
    left.
    """
    rest = tuple(way for way in ways if way != "gateway")
    return ways if gateway_admitted or not rest else rest
