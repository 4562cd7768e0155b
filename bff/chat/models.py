"""A model as it stands on a list: on its vendor's own, and on ours."""

from dataclasses import dataclass

# Seconds since 1970, of a model whose vendor tells no date: fixed, so that no two processes differ.
UNDATED = 1_760_000_000


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model as its vendor lists it. *name* is what the vendor is asked for, without the vendor;
    *created* seconds since 1970. *display_name* and *lifecycle* are empty where it tells none.
    """

    name: str
    created: int = UNDATED
    display_name: str = ""
    lifecycle: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """A model that callers may ask for under its *id*. *target* is whom that means first, as
    `provider/model`; *created* is seconds since 1970, *lifecycle* Anthropic's word for its age.
    """

    id: str
    target: str
    created: int
    display_name: str
    description: str = ""
    lifecycle: str = "active"

    @property
    def provider(self) -> str:
        return self.target.partition("/")[0]
