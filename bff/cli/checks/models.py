"""The models that the settings name, and whether their vendor has them."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from bff.cli.checks.findings import Finding, failed, ok, warning
from bff.settings import Settings

Named = Mapping[str, Sequence[str]]  # a model's name, without its vendor: the variables that say it


def named_models(settings: Settings, vendor: str) -> Named:
    """The models of *vendor*, in the order in which they are tried."""
    said = {
        "chat_model": (settings.chat_model,),
        "diagram_model": (settings.diagram_model,),
        **settings.named_models,
    }
    found: dict[str, list[str]] = {}
    for field, models in said.items():
        for model in models:
            provider, _, name = model.partition("/")
            if provider == vendor and field.upper() not in found.setdefault(name, []):
                found[name].append(field.upper())
    return found


def variables_of(named: Named, model: str) -> str:
    return " and ".join(named[model])


def in_path(model: str) -> str:
    return quote(model, safe="")


def judge_models(
    vendor: str, named: Named, *, missing: Sequence[str], unsure: Sequence[str] = ()
) -> list[Finding]:
    """A line for those that are there, and one for each that is not."""
    about = f"{vendor} models"
    there = [model for model in named if model not in (*missing, *unsure)]
    findings = [ok(about, ", ".join(there))] if there else []
    findings += [
        warning(about, f"{model} could not be looked for: run it again") for model in unsure
    ]
    findings += [
        failed(about, f"{model} is not there: look at {variables_of(named, model)}")
        for model in missing
    ]
    return findings
