"""A stage says nothing after its deed, and touches only what its fault names."""

from hypothesis import given
from hypothesis import strategies as st

from bff.simulators.faults import Fault
from bff.simulators.openai.frames import DONE, delta, finish, role, usage
from bff.simulators.stage import Act, Deed, Stage

FRAMES = [role(), delta("Hé"), delta(" 中"), finish(), usage(), DONE]


def played(fault: Fault) -> list[Act]:
    stage = Stage(fault)
    return [act for frame in FRAMES for act in stage.feed(frame)] + stage.close()


def test_without_a_fault_every_frame_is_written_as_it_is() -> None:
    assert played(Fault()) == [*FRAMES, Deed.END]


@given(after=st.integers(0, 9))
def test_a_cut_comes_after_so_many_frames_or_at_the_end(after: int) -> None:
    assert played(Fault(cut_after=after)) == [*FRAMES[:after], Deed.CUT]


@given(after=st.integers(0, 9))
def test_a_clean_end_comes_after_so_many_frames_or_at_the_end(after: int) -> None:
    assert played(Fault(end_after=after)) == [*FRAMES[:after], Deed.END]


def test_a_bad_line_lets_the_answer_go_on() -> None:
    acts = played(Fault(bad_line_after=2))

    assert acts[:2] + acts[3:] == [*FRAMES, Deed.END]


@given(size=st.integers(300, 20_000))
def test_a_huge_event_has_exactly_the_size_asked_for(size: int) -> None:
    acts = played(Fault(huge=size))

    assert isinstance(acts[1], bytes)
    assert len(acts[1]) == size


def test_a_burst_keeps_what_it_has_until_the_deed() -> None:
    assert played(Fault(burst=True)) == [b"".join(FRAMES), Deed.END]
    assert played(Fault(burst=True, hang_after=2)) == [b"".join(FRAMES[:2]), Deed.HANG]


def test_pieces_of_a_split_are_the_bytes() -> None:
    *pieces, deed = played(Fault(split=True))

    assert deed is Deed.END
    assert all(len(piece) == 1 for piece in pieces if isinstance(piece, bytes))
    assert b"".join(piece for piece in pieces if isinstance(piece, bytes)) == b"".join(FRAMES)


def test_nothing_is_said_after_the_deed() -> None:
    stage = Stage(Fault(cut_after=0))
    stage.feed(FRAMES[0])

    assert (stage.over, stage.feed(FRAMES[1]), stage.close()) == (True, [], [])
