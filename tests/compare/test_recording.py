"""What was answered, kept in a file and read again."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.compare.outcome import Binary, End, Json, Nothing, Outcome, Stream, Text
from bff.compare.reading import WORDS
from bff.compare.recording import Recording, read_recording, without_words, write_recording
from bff.compare.rows import WrongFile

OUTCOMES = st.builds(
    Outcome,
    st.sampled_from([End.COMPLETE, End.UNFINISHED]),
    st.sampled_from([200, 401]),
    st.dictionaries(st.text("ab", max_size=3), st.text(max_size=3)),
    st.just(Nothing())
    | st.builds(Json, st.none() | st.dictionaries(st.text("ab"), st.integers(0, 3)))
    | st.builds(Text, st.text(max_size=5))
    | st.builds(Binary, st.integers(0, 3), st.text("ab", max_size=4))
    | st.builds(
        Stream,
        st.text(max_size=4),
        st.tuples(st.just("stop")),
        st.tuples(),
        st.lists(st.integers(0, 3) | st.lists(st.integers(0, 3))).map(tuple),
        st.tuples(st.just("id")),
        st.integers(0, 2),
    ),
) | st.builds(Outcome, st.sampled_from([End.SILENT, End.CUT]))


@given(st.dictionaries(st.text(max_size=4), OUTCOMES), st.booleans())
def test_what_is_written_is_read_again(outcomes: dict[str, Outcome], any_words: bool) -> None:
    recording = Recording(outcomes, any_words)

    assert read_recording(write_recording(recording), "it") == recording


def test_a_person_can_read_it() -> None:
    outcome = Outcome(End.COMPLETE, 200, {"a": "b"}, Json({"error": "no"}))

    text = write_recording(Recording({"chat": outcome})).decode()

    assert text == (
        '{\n  "format": 1,\n  "any_words": false,\n  "outcomes": {\n    "chat": {\n'
        '      "end": "answered",\n      "status": 200,\n      "headers": {\n        "a": "b"\n'
        '      },\n      "json": {\n        "error": "no"\n      }\n    }\n  }\n}\n'
    )


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"no", "it is no recording of bff compare."),
        (b"[]", "it is no recording of bff compare."),
        (b'{"format":1}', "it is no recording of bff compare."),
        (b'{"format":2}', "it is a recording of another release: record it again."),
        (
            orjson.dumps({"format": 1, "any_words": False, "outcomes": {"a": {"end": "odd"}}}),
            "it is no recording of bff compare.",
        ),
    ],
)
def test_another_file_is_refused_in_a_line(data: bytes, complaint: str) -> None:
    with pytest.raises(WrongFile) as wrong:
        read_recording(data, "it")

    assert str(wrong.value) == complaint


def test_a_models_words_can_be_left_out_later() -> None:
    said = {"a": Outcome(End.COMPLETE, 200, {}, Stream("Hi", done=1)), "b": Outcome(End.SILENT)}

    assert without_words(Recording(said)) == Recording(
        {"a": Outcome(End.COMPLETE, 200, {}, Stream(WORDS, done=1)), "b": Outcome(End.SILENT)},
        any_words=True,
    )
