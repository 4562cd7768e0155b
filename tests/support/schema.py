"""The schema's steps as their files are named, oldest first."""

from pathlib import Path

from bff.store import migrations

STEPS = sorted(
    path.name.split("_")[0]
    for path in (Path(str(migrations.__file__)).parent / "versions").glob("r*.py")
)
HEAD = STEPS[-1]
APPLIED = "".join(f"{step} applied.\n" for step in STEPS)  # as `bff migrate` says it
