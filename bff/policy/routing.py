"""Which models may answer for the name a caller wrote: the one it means, then those that stand in.

Names only; who answers there is the engine's to know. Source: api-faces.md §1 (model names),
operations.md (MODEL_ALIASES, MODEL_FALLBACKS, CHAT_FALLBACK_MODELS).
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from bff.errors import Kind, Problem

VENDORS = frozenset({"anthropic", "azure", "openai", "salesforce", "straico"})

_FAMILIES = (
    (re.compile(r"sfdc_ai__."), "salesforce"),
    (re.compile(r"claude"), "anthropic"),
    (re.compile(r"gpt-|chatgpt-|o\d"), "openai"),
)
NAME_MOST = 200  # characters of a model's name
FAMILY = "*"  # at an alias's end
_BRACKETS = re.compile(r"\[[^\[\]]{1,16}\]$")  # a variant, as in `claude-sonnet-4[1m]`
_DATE = re.compile(r"[-@]20\d\d-?\d\d-?\d\d$")


@dataclass(frozen=True, slots=True)
class Target:
    """A vendor's model. As a *fallback* it is not what was asked for, but stands in for it."""

    provider: str
    model: str
    fallback: bool = False

    @property
    def name(self) -> str:
        return f"{self.provider}/{self.model}"


@dataclass(frozen=True, slots=True)
class Rules:
    """*aliases*: a public name to what it means; one that ends in `*` means so whatever begins so
    and names no vendor. *fallbacks*: a public name, or a `provider/model`,
    to what stands in for it, in the order to try.
    """

    aliases: Mapping[str, str] = field(default_factory=dict)
    fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def plan(model: str, rules: Rules, configured: Collection[str]) -> tuple[Target, ...]:
    """Whom to ask for *model*, in order, each once. Vendors that are not *configured* are left out.

    Raises Problem(NOT_FOUND) when nobody is left, and for what no model is called.
    """
    check_name(model)
    found: dict[str, Target] = {}
    for target in _targets(model, rules, configured):
        if target.provider in configured:
            found.setdefault(target.name, target)
    if not found:
        raise _not_found()
    return tuple(found.values())


def check_name(model: str) -> None:
    """Raises Problem(NOT_FOUND) for what no model is called: a caller may write whole books there,
    which would be logged, and said again in each frame of an answer.
    """
    if len(model) > NAME_MOST or not model.isprintable():
        raise _not_found()


def names_of(model: str, rules: Rules, configured: Collection[str]) -> tuple[str, str]:
    """What a caller's *model* is called: publicly, without the variant and date of an alias, which
    mean nothing and hold what the caller likes; and as `provider/model`. Raises as `plan`.
    """
    target = plan(model, rules, configured)[0]
    return _exact_alias(model, rules) or model, target.name


def _not_found() -> Problem:
    return Problem(Kind.NOT_FOUND, "The model is not available.", at="model")


def _targets(model: str, rules: Rules, configured: Collection[str]) -> Iterator[Target]:
    alias = _alias(model, rules)
    first = _read(model if alias is None else rules.aliases[alias], configured)
    if first is not None:
        yield first
    names = [model, alias or model, model if first is None else first.name]
    listed = next((name for name in names if name in rules.fallbacks), None)
    for name in () if listed is None else rules.fallbacks[listed]:
        other = _alias(name, rules)
        target = _read(name if other is None else rules.aliases[other], configured)
        if target is not None:
            yield replace(target, fallback=True)


def _alias(model: str, rules: Rules) -> str | None:
    """The alias that *model* is, as it stands or without its variant and date; else the longest of
    those for a whole family.
    """
    exact = _exact_alias(model, rules)
    if exact is not None or "/" in model:
        return exact
    families = (n for n in rules.aliases if n.endswith(FAMILY) and model.startswith(n[:-1]))
    return max(families, key=len, default=None)


def _exact_alias(model: str, rules: Rules) -> str | None:
    plain = _BRACKETS.sub("", model)
    return next((n for n in (model, plain, _DATE.sub("", plain)) if n in rules.aliases), None)


def _read(name: str, configured: Collection[str]) -> Target | None:
    """What *name* means by itself. An alias is not looked up again, so that none can go round."""
    provider, slash, model = name.partition("/")
    if slash and (provider in VENDORS or provider in configured):
        return Target(provider, model) if model else None
    vendor = next((vendor for family, vendor in _FAMILIES if family.match(name)), None)
    return None if vendor is None else Target(vendor, name)
