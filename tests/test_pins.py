"""requirements.txt and pyproject.toml pin the same versions; `.ci/pin` refreshes both."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
REQUIREMENTS = (ROOT / "requirements.txt").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONSTRAINTS = PROJECT["tool"]["uv"]["constraint-dependencies"]
RUNTIME = PROJECT["project"]["dependencies"]
DEV = PROJECT["dependency-groups"]["dev"]


def _pins(lines: list[str]) -> dict[str, Requirement]:
    pins = [Requirement(line) for line in lines]
    return {canonicalize_name(pin.name): pin for pin in pins}


def _runtime_pins() -> dict[str, Requirement]:
    lines = re.findall(r"^[^\s#-].*?(?= *\\?$)", REQUIREMENTS, re.MULTILINE)
    return _pins(lines)


def test_every_runtime_pin_is_the_same_in_both_places() -> None:
    constraints = _pins(CONSTRAINTS)

    for name, pin in _runtime_pins().items():
        assert constraints[name].specifier == pin.specifier, name
        assert constraints[name].marker == pin.marker, name


@pytest.mark.parametrize("pins", [_runtime_pins(), _pins(CONSTRAINTS)], ids=["runtime", "all"])
def test_every_pin_is_one_exact_version(pins) -> None:
    assert pins
    for pin in pins.values():
        assert re.fullmatch(r"==[0-9][\w.]*", str(pin.specifier)), pin


@pytest.mark.parametrize(
    ("asked", "pins"),
    [(RUNTIME, _runtime_pins()), ([*RUNTIME, *DEV], _pins(CONSTRAINTS))],
    ids=["runtime", "all"],
)
def test_whatever_the_project_asks_for_is_pinned_within_what_it_asks(asked, pins) -> None:
    for wanted in map(Requirement, asked):
        pin = pins[canonicalize_name(wanted.name)]
        (version,) = (one.version for one in pin.specifier)
        assert wanted.specifier.contains(version), f"{wanted} is pinned to {version}"


def test_every_runtime_pin_has_hashes() -> None:
    blocks = re.split(r"\n(?=\S)", REQUIREMENTS.strip())

    assert len(blocks) == len(_runtime_pins())
    assert all("--hash=sha256:" in block for block in blocks)


def test_no_pin_holds_an_address() -> None:
    for text in (REQUIREMENTS, "\n".join(CONSTRAINTS)):
        assert "://" not in text
        assert "--index" not in text
        assert "--find-links" not in text
