"""The README names everything a person may set, ask for or look at; nothing can be added in silence."""

from pathlib import Path

import pytest

from bff.cli import COMMANDS
from bff.settings import variables
from bff.telemetry.metrics import Metrics

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ROOMS = sorted(
    path.name for path in (ROOT / "bff").iterdir() if path.is_dir() and path.name != "__pycache__"
)


@pytest.mark.parametrize("names", variables().values(), ids=lambda names: names[0])
def test_every_setting_stands_in_the_readme_under_each_of_its_names(names: tuple[str, ...]) -> None:
    assert [name for name in names if f"`{name}`" not in README] == []


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_stands_on_the_map(room: str) -> None:
    assert f"`bff/{room}/`" in README


def test_every_command_stands_in_the_readme() -> None:
    names = [row.name for row in COMMANDS]

    assert names
    assert [name for name in names if f"`bff {name}`" not in README] == []


def test_every_metric_stands_in_the_readme() -> None:
    families = [family.name for family in Metrics().registry.collect()]
    ours = [name for name in families if not name.startswith("bff_process_")]

    assert ours
    assert [name for name in ours if f"`{name}" not in README] == []


def test_the_two_lines_stand_in_the_readme_as_they_are_run() -> None:
    assert "    pip install uv && uv run bff demo\n" in README
    assert "    pip install uv && uv run pytest\n" in README


def test_the_picture_of_the_readme_exists() -> None:
    assert (ROOT / "deploy/docs/demo.png").is_file()
