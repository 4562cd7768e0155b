"""What our vendor half writes our face half reads, and the reverse: two readings of one tongue."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.chat.reply import Collector, Reply
from bff.chat.request import ChatRequest, Choosing, Format, Shape
from bff.chat.traits import Traits
from bff.dialects.openai_chat import NAME, read_reply, write_request
from bff.dialects.openai_chat.asked import read_manner, read_request
from bff.dialects.openai_chat.told_whole import write_reply
from tests.support.faces import TAGS, questions, replies

TRAITS = Traits()


@given(
    question=questions(),
    asked=st.fixed_dictionaries(
        {},
        optional={
            "temperature": st.floats(0, 2),
            "count": st.integers(2, 3),
            "format": st.just(Format(Shape.JSON)),
            "others": st.just({"seed": 7, "logit_bias": {"1": 2}}),
        },
    ),
    field=st.sampled_from(["max_tokens", "max_completion_tokens"]),
)
def test_a_question_written_to_a_vendor_is_read_as_the_same_question(
    question: ChatRequest, asked: dict[str, object], field: str
) -> None:
    question = replace(question, **asked)  # type: ignore[arg-type]

    body = write_request(question, model="a-model", traits=Traits(limit_field=field)).body
    read = read_request(json.loads(body), tags=TAGS)

    assert replace(read, original=None) == question
    assert read_manner(read).include_usage is question.stream


@given(question=questions())
def test_a_question_in_openais_words_is_passed_on_in_them(question: ChatRequest) -> None:
    first = json.loads(write_request(question, model="a-model", traits=TRAITS).body)

    again = write_request(read_request(first, tags=TAGS), model="a-model", traits=TRAITS).body

    assert json.loads(again) == first


def test_what_another_face_says_in_its_own_words_is_named_and_not_said() -> None:
    question = ChatRequest("m", (), TAGS, others={"top_k": 5}, passes="anthropic_messages")

    written = write_request(question, model="m", traits=TRAITS)

    assert "top_k" not in json.loads(written.body)
    assert written.ignored == ("top_k",)


@given(reply=replies(thoughts=False))
def test_an_answer_in_one_piece_is_read_as_the_same_answer(reply: Reply) -> None:
    collector = Collector()

    collector.feed(read_reply(write_reply(reply, model="m", created=5, answer_id="chatcmpl-1")))

    again = collector.reply()
    assert (again.text, again.calls, again.reason) == (reply.text, reply.calls, reply.reason)
    assert again.usage is not None
    assert reply.usage is not None
    assert again.usage.total_tokens == reply.usage.total_tokens


@pytest.mark.parametrize("how", list(Choosing))
def test_every_way_to_choose_is_known_to_both_halves(how: Choosing) -> None:
    names = {Choosing.NAMED: {"type": "function", "function": {"name": "f"}}}
    tools = [{"type": "function", "function": {"name": "f"}}]
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": tools}

    read = read_request(body | {"tool_choice": names.get(how, how.value)}, tags=TAGS)

    assert read.tool_choice.how is how
    assert read.passes == NAME
