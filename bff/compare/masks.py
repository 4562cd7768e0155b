"""What differs from service to service or must not be shown, under a name: `<client key>`.

The same names stand in the requests of the set, where the value is put in. Pure.
"""

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

TOKEN = "<token>"  # noqa: S105 - the name that stands for one
MOMENT = "<moment>"
_TOKEN = re.compile(r"eyJ[\w-]+(?:\.[\w-]*){1,2}")
_MOMENT = re.compile(r"""(\b(?:iat|exp|nbf)\b(?:"|&quot;|&#34;)?\s*[:=]\s*)\d{9,11}\b""")
_SHORTEST = 4  # a shorter value would be found in words it has nothing to do with


@dataclass(frozen=True, slots=True)
class Names:
    """Values by the name that stands for each; *also* are other values for a name. Never printed: a
    shared secret is among them.
    """

    values: Mapping[str, str] = field(repr=False)
    also: tuple[tuple[str, str], ...] = ()

    def put_in(self, text: str) -> str:
        """*text* with the value of each name in its place."""
        for name, value in self.values.items():
            text = text.replace(f"<{name}>", value)
        return text

    def take_out(self, text: str) -> str:
        """*text* without any of the values, any token, or the seconds a token names."""
        for written, name in self._written():
            text = text.replace(written, name)
        return _MOMENT.sub(rf"\g<1>{MOMENT}", _TOKEN.sub(TOKEN, text))

    def take_out_of(self, value: Any) -> Any:
        """The same in every text of a JSON value."""
        if isinstance(value, str):
            return self.take_out(value)
        if isinstance(value, list):
            return [self.take_out_of(inner) for inner in value]
        if isinstance(value, dict):
            return {self.take_out(name): self.take_out_of(inner) for name, inner in value.items()}
        return value

    def _written(self) -> Iterable[tuple[str, str]]:
        """Each value as a page or a JSON text may spell it; the longest first, since one may hold
        another.
        """
        spellings = {
            written: f"<{name}>"
            for name, value in (*self.values.items(), *self.also)
            if len(value) >= _SHORTEST
            for written in (value, html.escape(value), value.replace("/", "\\/"))
        }
        return sorted(spellings.items(), key=lambda pair: -len(pair[0]))
