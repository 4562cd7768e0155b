import pytest

from bff.policy.pace import Due, Pace


def look(pace: Pace, now: float) -> Due:
    return pace.look(now, sent=0, waiting=0)


def test_the_status_line_goes_out_after_ten_seconds_without_an_answer() -> None:
    pace = Pace(0)

    assert [look(pace, 9.9), look(pace, 10)] == [Due.NOTHING, Due.COMMIT]


def test_a_preamble_is_held_for_a_second() -> None:
    pace = Pace(0)
    pace.held(3)
    pace.held(3.5)

    assert [look(pace, 3.9), look(pace, 4)] == [Due.NOTHING, Due.COMMIT]


def test_silence_of_ten_seconds_is_broken_again_and_again() -> None:
    pace = Pace(0)
    pace.wrote(5)

    assert [look(pace, 14.9), look(pace, 15)] == [Due.NOTHING, Due.HEARTBEAT]
    pace.wrote(15)
    assert [look(pace, 24.9), look(pace, 25)] == [Due.NOTHING, Due.HEARTBEAT]


def test_what_is_due_before_the_next_look_is_done_at_this_one() -> None:
    pace = Pace(0, early_s=0.5)

    assert look(pace, 9.5) is Due.COMMIT


def test_a_client_that_reads_nothing_for_a_minute_is_cut() -> None:
    pace = Pace(0)
    pace.wrote(0)

    dues = [pace.look(now, sent=0, waiting=100) for now in (1, 30, 60.9, 61)]

    assert dues == [Due.NOTHING, Due.NOTHING, Due.NOTHING, Due.CUT]


def test_a_client_that_reads_slowly_is_not_cut_nor_sent_heartbeats() -> None:
    pace = Pace(0)
    pace.wrote(0)

    dues = [pace.look(now, sent=now, waiting=100) for now in range(1, 200, 40)]

    assert set(dues) == {Due.NOTHING}


def test_a_client_that_catches_up_starts_anew() -> None:
    pace = Pace(0)
    pace.wrote(0)
    pace.look(1, sent=0, waiting=100)

    assert pace.look(50, sent=100, waiting=0) is Due.HEARTBEAT
    assert pace.look(70, sent=100, waiting=50) is Due.NOTHING


@pytest.mark.parametrize("due", list(Due))
def test_every_due_has_a_name(due: Due) -> None:
    assert due.value == due.name.lower()
