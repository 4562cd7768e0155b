"""What our vendor half writes our face half reads, and the reverse: two readings of one tongue."""

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bff.chat.events import Chunk, Started
from bff.chat.reply import Collector, Reply
from bff.chat.request import ChatRequest, Choosing, Message, Text, Tool
from bff.chat.traits import Traits
from bff.dialects.anthropic_messages import StreamReader, read_reply, write_request
from bff.dialects.anthropic_messages.asked import read_request
from bff.dialects.anthropic_messages.telling import StreamWriter
from bff.dialects.anthropic_messages.told_whole import write_reply
from tests.support.faces import TAGS, batched, cut_into, questions, replies

TRAITS = Traits(most_output=50)
NO_PARAMETERS = {"type": "object", "properties": {}}


def sayable(question: ChatRequest) -> ChatRequest:
    """*question* without what this dialect cannot say, and as it says the rest."""
    tools = tuple(
        Tool(tool.name, tool.description, tool.parameters or NO_PARAMETERS, tool.strict or None)
        for tool in question.tools
    )
    silent = question.tool_choice.how is Choosing.NONE
    return replace(
        question,
        max_tokens=question.max_tokens or TRAITS.most_output,
        tools=tools,
        parallel_calls=question.parallel_calls or silent,
        end_user="",
        messages=tuple(map(plain, question.messages)),
        passes="anthropic_messages",
        original=None,
    )


def plain(message: Message) -> Message:
    """One text is one text, however it is spelled; arguments are an object."""
    content = message.content
    if isinstance(content, tuple) and len(content) == 1 and isinstance(content[0], Text):
        content = content[0].text
    calls = tuple(
        replace(call, arguments=json.dumps(json.loads(call.arguments))) for call in message.calls
    )
    return replace(message, content=content, calls=calls)


@given(question=questions(least_text=1))
def test_a_question_written_to_a_vendor_is_read_as_the_same_question(
    question: ChatRequest,
) -> None:
    question = replace(question, end_user="", format=None)

    body = json.loads(write_request(question, model="a-model", traits=TRAITS).body)
    read = read_request(body, tags=TAGS)

    if not question.tools:  # the names of calls made before have to be declared
        read = replace(read, tools=(), tool_choice=question.tool_choice)
    assert sayable(read) == sayable(question)


@given(answer=batched(replies(thoughts=True)), size=st.integers(1, 60), begun=st.booleans())
def test_any_answer_is_read_again_by_our_own_reader_also_passed_on(
    answer: tuple[Reply, list[Chunk]], size: int, begun: bool
) -> None:
    reply, chunks = answer
    first = StreamWriter(model="m", answer_id="msg_1", input_tokens=1)
    second = StreamWriter(model="m", answer_id="msg_1", input_tokens=1)

    body = b"".join([*map(first.feed, chunks), first.end()])
    passed = second.begin() if begun else b""
    passed += b"".join([*map(second.feed, read(body, size)), second.end()])

    assert begun or passed == body
    for told in (body, passed):
        assert collected(read(told, size)) == known(reply)


@given(reply=replies(thoughts=True))
def test_an_answer_in_one_piece_is_read_as_the_same_answer(reply: Reply) -> None:
    read_again = read_reply(write_reply(reply, model="m", answer_id="msg_1"))

    again, expected = collected(read_again), known(reply)
    assert [json.loads(call.arguments) for call in again.calls] == [
        json.loads(call.arguments) for call in expected.calls
    ]
    assert replace(again, calls=()) == replace(expected, calls=())


def read(body: bytes, size: int) -> list[Chunk]:
    reader = StreamReader()
    chunks = [chunk for piece in cut_into(body, size) for chunk in reader.feed(piece)]
    assert (reader.problem, reader.bad_events, reader.done) == (None, 0, True)
    return chunks


def collected(chunks: list[Chunk]) -> Reply:
    collector = Collector()
    collector.feed(chunks)
    return collector.reply()


def known(reply: Reply) -> Reply:
    """What of *reply* this dialect can say."""
    assert reply.usage is not None
    return replace(
        reply,
        started=Started("msg_1", "m", 0),
        usage=replace(reply.usage, reasoning_tokens=0),
    )
