"""The answer to `count_tokens`, read and told."""

import pytest

from bff.chat.events import Original
from bff.chat.usage import Counted
from bff.dialects.anthropic_messages import NAME, read_count
from bff.dialects.anthropic_messages.told_whole import write_count
from bff.errors import Kind, Problem, Sign


def test_a_count_is_read_and_told_again_to_the_byte() -> None:
    data = b'{"input_tokens": 2095, "context_management": {}}'

    counted = read_count(data)

    assert counted == Counted(2095, Original(NAME, data, "message"))
    assert write_count(counted) == data


@pytest.mark.parametrize("counted", [Counted(7), Counted(7, Original("other", b"{}"))])
def test_a_count_in_other_words_is_told_in_anthropics(counted: Counted) -> None:
    assert write_count(counted) == b'{"input_tokens":7}'


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"input_tokens":"7"}', b'{"input_tokens":true}', b"<html>"]
)
def test_what_is_no_count_is_no_answer(data: bytes) -> None:
    with pytest.raises(Problem) as caught:
        read_count(data)

    assert caught.value.sign is Sign.NOT_AN_ANSWER


def test_an_error_in_place_of_a_count_is_one() -> None:
    with pytest.raises(Problem) as caught:
        read_count(b'{"type":"error","error":{"type":"overloaded_error","message":"x"}}')

    assert caught.value.kind is Kind.OVERLOADED
