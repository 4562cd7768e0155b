"""What one service answered to the set, kept as a file that a person can read and review. Pure.

It holds outcomes, not bytes: no token, no secret, no client key is in it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson

from bff.compare.outcome import Binary, Body, End, Json, Nothing, Outcome, Stream, Text
from bff.compare.reading import leave_words_out
from bff.compare.rows import WrongFile

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Recording:
    """*outcomes* by the request's name; *any_words*: what a model said was left out."""

    outcomes: Mapping[str, Outcome]
    any_words: bool = False


def write_recording(recording: Recording) -> bytes:
    """JSON, one line for each small thing."""
    said = {
        "format": FORMAT,
        "any_words": recording.any_words,
        "outcomes": {name: _write_outcome(outcome) for name, outcome in recording.outcomes.items()},
    }
    return orjson.dumps(said, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def read_recording(data: bytes, name: str) -> Recording:
    """*name* is what the file is called in a complaint. Raises WrongFile."""
    try:
        said = orjson.loads(data)
        if said["format"] != FORMAT:
            raise WrongFile(f"{name} is a recording of another release: record it again.")
        outcomes = {name: _read_outcome(row) for name, row in said["outcomes"].items()}
        return Recording(outcomes, said["any_words"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, WrongFile):
            raise
        raise WrongFile(f"{name} is no recording of bff compare.") from error


def without_words(recording: Recording) -> Recording:
    """The same, and of a model's text only whether there was any."""
    outcomes = {
        name: replace(outcome, body=leave_words_out(outcome.body))
        for name, outcome in recording.outcomes.items()
    }
    return Recording(outcomes, any_words=True)


def _write_outcome(outcome: Outcome) -> dict[str, Any]:
    said: dict[str, Any] = {"end": outcome.end.value}
    if outcome.status is not None:
        said["status"] = outcome.status
        said["headers"] = dict(outcome.headers)
    match outcome.body:
        case Nothing():
            pass
        case Json(value):
            said["json"] = value
        case Text(text):
            said["text"] = text
        case Binary():
            said["binary"] = asdict(outcome.body)
        case Stream():
            said["stream"] = asdict(outcome.body)
    return said


def _read_outcome(row: Mapping[str, Any]) -> Outcome:
    return Outcome(End(row["end"]), row.get("status"), row.get("headers", {}), _read_body(row))


def _read_body(row: Mapping[str, Any]) -> Body:
    if "json" in row:
        return Json(row["json"])
    if "text" in row:
        return Text(row["text"])
    if "binary" in row:
        return Binary(**row["binary"])
    if "stream" in row:
        return Stream(**{name: _tupled(value) for name, value in row["stream"].items()})
    return Nothing()


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
