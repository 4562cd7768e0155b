"""What was said of our variables, and how to repeat it in a line without telling a secret."""

import re
from collections.abc import Mapping

from pydantic import AliasChoices

from bff.settings.fields import Settings

_HIDDEN = "a value that is not shown"
_SHOWN_MOST = 80
# What is pasted into the wrong variable: known beginnings, what a URL carries beside its path, and
# words as only dice write them, unless they are a step of a path, as an account's id is.
_LOOKS_SECRET = re.compile(
    r"\bsk-|Bearer|eyJ|3MVG|[@?#]"
    r"|(?<![/0-9A-Za-z])(?:[0-9A-Fa-f]{32}|(?=[0-9A-Za-z]{20})[A-Za-z]*(?:[0-9]+[A-Za-z]+){3})"
)


def variables() -> dict[str, tuple[str, ...]]:
    """The variable names of every setting, by field; the first wins."""
    return {field: _names(field) for field in Settings.model_fields}


class Said:
    """What was said of our variables, and how to repeat it in a line without telling a secret."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        known = {name for names in variables().values() for name in names}
        self.values = {
            name: text for name, text in environment.items() if name in known and text.strip()
        }

    def assume(self, field: str, text: str) -> None:
        if self.text(field) is None:
            self.values[_names(field)[0]] = text

    def name(self, field: str) -> str:
        return next((name for name in _names(field) if name in self.values), _names(field)[0])

    def text(self, field: str) -> str | None:
        return self.values.get(self.name(field))

    def line(self, field: str, may_hold: str) -> str:
        held = "is not set" if self.text(field) is None else f"holds {self._shown(field)}"
        return f"{self.name(field)} {held}; it may hold {may_hold}."

    def _shown(self, field: str) -> str:
        text = self.text(field) or ""
        hidden = {self.text(other) for other in Settings.model_fields if _is_secret(other)}
        if _is_secret(field) or _LOOKS_SECRET.search(text) or any(h and h in text for h in hidden):
            return _HIDDEN
        shown = text if len(text) <= _SHOWN_MOST else f"{text[:_SHOWN_MOST]}…"
        return f'"{shown}"' if shown.isprintable() else repr(shown)


def _names(field: str) -> tuple[str, ...]:
    alias = Settings.model_fields[field].validation_alias
    assert isinstance(alias, AliasChoices)  # noqa: S101 - every field is made by _setting
    return tuple(str(name) for name in alias.choices)


def field_of(name: str) -> str:
    return next(field for field in Settings.model_fields if name in (field, *_names(field)))


def may_hold(field: str) -> str:
    extra = Settings.model_fields[field].json_schema_extra
    assert isinstance(extra, dict)  # noqa: S101 - every field is made by _setting
    return str(extra["may_hold"])


def _is_secret(field: str) -> bool:
    return field == "database_url" or "SecretStr" in str(Settings.model_fields[field].annotation)
