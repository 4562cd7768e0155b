from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bff.dialects.sse import Decoder, Frame
from bff.errors import Kind

RECORDED = (
    b"\xef\xbb\xbf: hello\n\n"
    b'data: {"a":"\xc3\xa9"}\n\n'
    b"event: ping\r\ndata:no space\r\n\r\n"
    b"id: 7\nretry: 10\ndata: one\ndata: two\n\n"
    b"data\n\n"
    b"data: \n\n"
    b"event: unused\n\n"
    b"data:  two spaces\r\r"
    b"data: [DONE]\n\n"
    b"data: no blank line at the end"
)
FRAMES = [
    Frame("", b'{"a":"\xc3\xa9"}'),
    Frame("ping", b"no space"),
    Frame("", b"one\ntwo"),
    Frame("", b" two spaces"),
    Frame("", b"[DONE]"),
    Frame("", b"no blank line at the end"),
]


def frames_of(cuts: list[bytes], limit: int = 8 * 2**20) -> list[Frame]:
    decoder = Decoder(limit)
    return [frame for cut in cuts for frame in decoder.feed(cut)] + decoder.close()


@pytest.mark.parametrize("size", range(1, len(RECORDED) + 1))
def test_frames_do_not_depend_on_where_the_bytes_are_cut(size: int) -> None:
    cuts = [RECORDED[i : i + size] for i in range(0, len(RECORDED), size)]
    assert frames_of(cuts) == FRAMES


LINES = st.lists(
    st.sampled_from(
        [
            b"data: x",
            b"data:",
            b"data: ",
            b"event: e",
            b": c",
            b"",
            b"",
            b"data: {1}",
            b"\xef\xbb\xbf",
        ]
    ),
    max_size=12,
)


@given(
    lines=LINES,
    ends=st.lists(st.sampled_from([b"\n", b"\r\n", b"\r"]), min_size=1, max_size=3),
    places=st.lists(st.integers(0, 120), max_size=8),
)
@example(lines=[b"data: x", b""], ends=[b"\r\n"], places=[8, 9, 10])
@example(lines=[b"data: x", b"", b"data: x", b""], ends=[b"\n"], places=[9])
def test_any_cut_of_any_stream_gives_the_frames_of_the_whole(
    lines: list[bytes], ends: list[bytes], places: list[int]
) -> None:
    stream = b"".join(line + ends[i % len(ends)] for i, line in enumerate(lines))
    marks = sorted({0, len(stream), *(place for place in places if place < len(stream))})
    cuts = [stream[a:b] for a, b in pairwise(marks)]

    assert frames_of(cuts) == frames_of([stream[i : i + 1] for i in range(len(stream))])


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
@pytest.mark.parametrize(
    "large",
    [b"data: " + b"x" * 101 + b"\n\n", b"data: " + b"x" * 60 + b"\ndata: " + b"x" * 60 + b"\n\n",
     b": " + b"x" * 200 + b"\n\n", b"data: " + b"x" * 500],
)  # fmt: skip
def test_an_oversized_event_is_a_problem_and_what_came_before_it_is_kept(
    large: bytes, size: int
) -> None:
    stream = b"\n\ndata: kept\n\n" + large + b"data: never read\n\n"
    decoder = Decoder(limit=100)

    frames = [
        frame for i in range(0, len(stream), size) for frame in decoder.feed(stream[i : i + size])
    ]

    assert frames == [Frame("", b"kept")]
    assert decoder.problem is not None
    assert decoder.problem.kind is Kind.UPSTREAM


def test_an_event_without_data_is_dropped_in_the_middle_of_a_read() -> None:
    assert frames_of([b"\n\n", b"data: a\n\ndata: \n\n\n\ndata: b\n\n"]) == [
        Frame("", b"a"),
        Frame("", b"b"),
    ]


def test_an_event_of_exactly_the_limit_passes() -> None:
    stream = b"\n\ndata: " + b"x" * 100 + b"\n\n"
    for size in (1, 50, 1000):
        cuts = [stream[i : i + size] for i in range(0, len(stream), size)]
        assert frames_of(cuts, limit=100) == [Frame("", b"x" * 100)]
