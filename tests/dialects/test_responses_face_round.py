"""Any answer as a response: whole and streamed it is the same one to the vendor's own SDK, and to our
vendor half.
"""

import json
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseFunctionToolCall

from bff.chat.events import Chunk, FinishReason, Original, UsageReported
from bff.chat.reply import Collector, Reply
from bff.chat.request import ChatRequest, Format, Shape, ToolCall
from bff.dialects.openai_responses import NAME, StreamReader, read_reply
from bff.dialects.openai_responses.echo import write_echo
from bff.dialects.openai_responses.telling import StreamWriter
from bff.dialects.openai_responses.told_whole import write_reply
from tests.support.faces import TAGS, batched, cut_into, questions, replies
from tests.support.response_stream import accumulated, follow, values

SDK = settings(deadline=None)  # its models are built at their first use
ECHO = write_echo(ChatRequest("asked", (), TAGS))
REASONS = {
    None: None,
    "max_output_tokens": FinishReason.LENGTH,
    "content_filter": FinishReason.CONTENT_FILTER,
}


def whole(reply: Reply, **more: object) -> bytes:
    given = {"model": "asked", "created": 5, "answer_id": "resp_1", "echo": ECHO, **more}
    return write_reply(reply, **given)  # type: ignore[arg-type]


def streamed(chunks: list[Chunk]) -> bytes:
    telling = StreamWriter(model="asked", created=5, answer_id="resp_1", echo=ECHO)
    return b"".join([*map(telling.feed, chunks), telling.end()])


def understood(response: Response) -> Reply:
    """The answer as a client takes it."""
    calls = tuple(
        ToolCall(item.call_id, item.name, item.arguments)
        for item in response.output
        if isinstance(item, ResponseFunctionToolCall)
    )
    details, usage = response.incomplete_details, response.usage
    reason = REASONS[None if details is None else details.reason]
    assert (response.status == "incomplete") is (reason is not None)
    assert usage is not None
    return Reply(
        text=response.output_text,
        usage=UsageReported(
            *(usage.input_tokens, usage.output_tokens, usage.total_tokens),
            usage.input_tokens_details.cached_tokens,
            usage.input_tokens_details.cache_write_tokens,
            usage.output_tokens_details.reasoning_tokens,
        ),
        calls=calls,
        reason=reason or (FinishReason.TOOL_CALLS if calls else FinishReason.STOP),
        started=Reply(None, None).started,
    )


def read(body: bytes, size: int) -> list[Chunk]:
    reader = StreamReader()
    chunks = [chunk for piece in cut_into(body, size) for chunk in reader.feed(piece)]
    assert (reader.problem, reader.bad_events, reader.done) == (None, 0, True)
    return chunks


def collected(chunks: list[Chunk]) -> Reply:
    collector = Collector()
    collector.feed(chunks)
    return collector.reply()


def said(reply: Reply) -> tuple[object, ...]:
    return reply.text, reply.calls, reply.usage, reply.reason


@SDK
@given(reply=replies(thoughts=True))
def test_an_answer_in_one_piece_is_the_same_answer_to_the_sdk(reply: Reply) -> None:
    response = Response.model_validate_json(whole(reply))

    assert said(understood(response)) == said(reply)
    assert (response.id, response.created_at, response.model) == ("resp_1", 5, "asked")


@given(answer=batched(replies(thoughts=True)))
def test_a_streamed_answer_ends_in_the_very_response_that_comes_in_one_piece(
    answer: tuple[Reply, list[Chunk]],
) -> None:
    reply, chunks = answer

    assert follow(values(streamed(chunks))) == json.loads(whole(reply))


@SDK
@given(answer=batched(replies(thoughts=True)))
def test_a_streamed_answer_is_the_same_answer_to_the_sdks_stream_helper(
    answer: tuple[Reply, list[Chunk]],
) -> None:
    reply, chunks = answer

    assert said(understood(accumulated(streamed(chunks)))) == said(reply)


@SDK
@given(question=questions(), format_=st.none() | st.sampled_from([Shape.JSON, Shape.SCHEMA]))
def test_what_is_said_again_of_a_question_is_what_the_sdk_expects(
    question: ChatRequest, format_: Shape | None
) -> None:
    if format_ is not None:
        question = replace(question, format=Format(format_))

    echo = write_echo(question)
    response = Response.model_validate_json(whole(Reply("x", None), echo=echo))

    assert [tool.name for tool in response.tools] == [tool.name for tool in question.tools]
    assert response.parallel_tool_calls is question.parallel_calls
    assert response.max_output_tokens == question.max_tokens


# -- our own vendor half ---------------------------------------------------------------------------


@given(reply=replies(thoughts=True))
def test_an_answer_in_one_piece_is_read_as_the_same_answer(reply: Reply) -> None:
    assert said(collected(read_reply(whole(reply)))) == said(reply)


@given(answer=batched(replies(thoughts=True)), size=st.integers(1, 200), early=st.booleans())
def test_an_answer_in_this_dialect_is_passed_on_as_the_same_answer(
    answer: tuple[Reply, list[Chunk]], size: int, early: bool
) -> None:
    reply, chunks = answer
    body = streamed(chunks)
    passing = StreamWriter(model="ours", created=9, answer_id="resp_9", echo=ECHO)

    passed = passing.begin() if early else b""
    passed += b"".join([*map(passing.feed, read(body, size)), passing.end()])

    assert early or passed == body
    last = follow(values(passed))
    assert (last["id"], last["model"]) == (("resp_9", "ours") if early else ("resp_1", "asked"))
    assert said(collected(read(passed, size))) == said(reply)


def test_an_answer_without_a_text_or_a_usage_or_a_reason_is_an_empty_one() -> None:
    response = Response.model_validate_json(whole(Reply(None, None)))

    assert (response.output_text, response.status) == ("", "completed")
    assert len(response.output) == 1
    assert response.usage is not None
    assert response.usage.total_tokens == 0


def test_an_answer_that_came_in_this_dialect_is_passed_on_to_the_byte() -> None:
    theirs = Original(NAME, b'{ "id": "theirs" }', "message")
    other = Original("openai_chat", b"{}")

    assert whole(Reply("x", None), original=theirs) == theirs.data
    assert json.loads(whole(Reply("x", None), original=other))["id"] == "resp_1"
