import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.chat.events import (
    Chunk,
    Finished,
    FinishReason,
    Original,
    Started,
    TextDelta,
    UsageReported,
)
from bff.chat.request import ChatRequest, Foreign, Message, Role, Tags, Text
from bff.chat.traits import Traits
from bff.dialects.failures import _PUBLIC
from bff.dialects.openai_chat import (
    NAME,
    StreamReader,
    not_an_answer,
    read_code,
    read_completion,
    read_error_object,
    read_refusal,
    read_reply,
    write_request,
)
from bff.errors import Kind, Problem, Sign

OLD = Traits(limit_field="max_tokens")
TAGS = Tags("bff", "t:1", "u:1", "-", "req_1")
STREAM = (
    b'data: {"id":"c1","created":7,"model":"gpt","choices":[{"index":0,"delta":{"role":"assistant",'
    b'"content":""},"finish_reason":null}],"usage":null}\n\n'
    b'data: {"id":"c1","choices":[{"index":0,"delta":{"content":"H\xc3\xa9"},"finish_reason":null}]}\n\n'
    b": a comment\n\n"
    b'data: {"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"length"}]}\n\n'
    b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7,'
    b'"prompt_tokens_details":{"cached_tokens":3}}}\n\n'
    b"data: [DONE]\n\n"
)
EVENTS = [
    Started("c1", "gpt", 7),
    TextDelta("Hé"),
    Finished(FinishReason.LENGTH),
    UsageReported(5, 2, 7, 3),
]


def read(*pieces: bytes) -> tuple[list[Chunk], StreamReader]:
    reader = StreamReader()
    chunks = [chunk for piece in pieces for chunk in reader.feed(piece)]
    if not reader.done:
        chunks += reader.close()
    return chunks, reader


def frame(value: Any) -> bytes:
    return b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n"


def delta(content: Any, **more: Any) -> bytes:
    return frame({"choices": [{"index": 0, "delta": {"content": content}, **more}]})


@pytest.mark.parametrize("size", [*range(1, 40), len(STREAM)])
def test_a_recorded_stream_reads_the_same_wherever_it_is_cut(size: int) -> None:
    chunks, reader = read(*(STREAM[i : i + size] for i in range(0, len(STREAM), size)))

    assert [event for chunk in chunks for event in chunk.events] == EVENTS
    assert [chunk.content for chunk in chunks] == [False, True, False, False]
    assert all(chunk.original and chunk.original.dialect == NAME for chunk in chunks)
    assert (reader.problem, reader.bad_events, reader.done) == (None, 0, True)


def test_nothing_after_done_is_read() -> None:
    chunks, reader = read(delta("x"), b"data: [DONE]\n\n" + delta("y") + b"data: bad\n\n")

    assert [e for c in chunks for e in c.events if isinstance(e, TextDelta)] == [TextDelta("x")]
    assert reader.bad_events == 0
    assert reader.feed(delta("z")) == []


@pytest.mark.parametrize("done", [b"data: [DONE]\n\n", b"data:[DONE] \r\n\r\n", b"data: [DONE]"])
def test_done_without_a_finish_is_a_finish_when_there_was_text(done: bytes) -> None:
    chunks, reader = read(delta("x"), done)

    assert reader.problem is None
    assert chunks[-1].events == (Finished(FinishReason.STOP),)


def test_the_end_after_a_finish_is_complete_without_done() -> None:
    _, reader = read(delta("x", finish_reason="stop"))

    assert reader.problem is None
    assert reader.done


def test_the_end_without_a_finish_is_a_cut() -> None:
    chunks, reader = read(delta("x"))

    assert reader.problem is not None
    assert (reader.problem.kind, reader.problem.sign) == (Kind.UPSTREAM, Sign.CUT)
    assert chunks[0].events[-1] == TextDelta("x")


@pytest.mark.parametrize(
    "stream", [b"", b"data: [DONE]\n\n", delta(""), b": only a comment\n\n", frame({"choices": []})]
)
def test_a_stream_without_any_content_is_empty(stream: bytes) -> None:
    _, reader = read(stream)

    assert reader.problem is not None
    assert reader.problem.sign is Sign.EMPTY_STREAM


def test_an_answer_that_finishes_without_text_is_complete() -> None:
    _, reader = read(delta("", finish_reason="content_filter"), b"data: [DONE]\n\n")

    assert reader.problem is None


@pytest.mark.parametrize(
    "bad",
    [
        b"not json",
        b'{"choices":[{"index":0,"delta":{"content":"x"',
        b"null",
        b"5",
        b'"text"',
        b"[1]",
        frame({"choices": [5]})[6:-2],
        frame({"choices": 5})[6:-2],
        frame({"choices": [{"delta": 5}]})[6:-2],
        frame({"choices": [{"delta": {"content": ["x"]}}]})[6:-2],
        frame({"choices": [{"delta": {"content": {"x": 1}}}]})[6:-2],
        b'{"choices":[{"index":0,"delta":{"content":"\xff"}}]}',
        b"NaN",
    ],
)
def test_a_bad_event_is_dropped_and_counted_and_the_stream_goes_on(bad: bytes) -> None:
    chunks, reader = read(delta("a") + frame(bad) + delta("b", finish_reason="stop"))

    texts = [e.text for c in chunks for e in c.events if isinstance(e, TextDelta)]
    assert (texts, reader.bad_events, reader.problem) == (["a", "b"], 1, None)


@pytest.mark.parametrize(
    "usage",
    [5, {}, {"prompt_tokens": "1", "completion_tokens": 2}, {"prompt_tokens": 1}, [], "x"],
)
def test_a_usage_that_cannot_be_read_does_not_cost_the_text_beside_it(usage: Any) -> None:
    chunks, reader = read(
        frame({"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}], "usage": usage})
    )

    assert [type(event) for event in chunks[0].events] == [Started, TextDelta, Finished]
    assert reader.bad_events == 0


@pytest.mark.parametrize("details", [None, 5, {"cached_tokens": None}])
def test_a_usage_without_details_is_read(details: Any) -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "prompt_tokens_details": details}

    chunks, _ = read(frame({"choices": [], "usage": usage}), delta("x", finish_reason="stop"))

    assert chunks[0].events == (UsageReported(1, 2, 3, 0),)


def test_what_a_cache_gave_and_took_is_read() -> None:
    details = {"cached_tokens": 3, "cache_write_tokens": 4}
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": details}

    chunks, _ = read(frame({"choices": [], "usage": usage}), delta("x", finish_reason="stop"))

    assert chunks[0].events == (UsageReported(9, 2, 11, cached_tokens=3, cache_write_tokens=4),)


@pytest.mark.parametrize(
    ("error", "kind", "sign"),
    [
        ({"type": "server_error", "message": "x"}, Kind.UPSTREAM, Sign.PROVIDER_DOWN),
        ("just text", Kind.UPSTREAM, Sign.PROVIDER_DOWN),
        ([{"code": 2005}], Kind.UPSTREAM, Sign.PROVIDER_DOWN),
        ({"code": "insufficient_quota"}, Kind.BUDGET, Sign.PROVIDER_REFUSED),
        ({"type": "invalid_request_error"}, Kind.BAD_REQUEST, Sign.PROVIDER_REFUSED),
        ({"code": "content_filter"}, Kind.CONTENT_POLICY, Sign.PROVIDER_REFUSED),
        ({"code": 7, "type": None}, Kind.UPSTREAM, Sign.PROVIDER_DOWN),
        ({"code": "429"}, Kind.UPSTREAM_RATE_LIMIT, Sign.PROVIDER_BUSY),
        ({"code": 408}, Kind.TIMEOUT, Sign.PROVIDER_DOWN),
        ({"code": "418"}, Kind.BAD_REQUEST, Sign.PROVIDER_REFUSED),
        ({"code": "599"}, Kind.UPSTREAM, Sign.PROVIDER_DOWN),
        ({"code": "ServiceUnavailable"}, Kind.OVERLOADED, Sign.PROVIDER_DOWN),
        (
            {"code": "429", "innererror": {"code": "x"}},
            Kind.UPSTREAM_RATE_LIMIT,
            Sign.PROVIDER_BUSY,
        ),
    ],
)
def test_an_error_in_the_stream_ends_it_and_keeps_what_came_before(
    error: Any, kind: Kind, sign: Sign
) -> None:
    chunks, reader = read(delta("a") + frame({"error": error}) + delta("b"))

    assert [e.text for c in chunks for e in c.events if isinstance(e, TextDelta)] == ["a"]
    assert reader.problem is not None
    assert (reader.problem.kind, reader.problem.sign) == (kind, sign)


def test_an_oversized_event_ends_the_stream_and_keeps_what_came_before() -> None:
    reader = StreamReader(event_limit=200)

    chunks = reader.feed(delta("a") + delta("x" * 300))

    assert len(chunks) == 1
    assert reader.problem is not None
    assert reader.problem.kind is Kind.UPSTREAM


def test_an_oversized_event_after_done_is_nobodys_business() -> None:
    reader = StreamReader(event_limit=200)

    reader.feed(delta("a", finish_reason="stop") + b"data: [DONE]\n\n")
    reader.feed(delta("x" * 300))

    assert reader.problem is None


def test_a_whole_completion_reads_as_the_chunks_it_could_have_been() -> None:
    body = {
        "id": "c1",
        "created": 7,
        "model": "gpt",
        "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    }

    chunks = read_completion(json.dumps(body).encode())

    assert [chunk.events[0] for chunk in chunks] == [
        Started("c1", "gpt", 7),
        TextDelta("Hi"),
        UsageReported(1, 1, 2, 0),
        Finished(FinishReason.STOP),
    ]
    assert [chunk.content for chunk in chunks] == [False, True, False, False]


def test_a_completion_without_reason_or_usage_is_finished_all_the_same() -> None:
    chunks = read_completion(b'{"choices":[{"message":{"content":null},"finish_reason":"odd"}]}')
    assert [chunk.events[0] for chunk in chunks] == [
        Started("", "", 0),
        TextDelta(""),
        Finished(FinishReason.STOP),
    ]
    chunks = read_completion(b'{"choices":[{"message":{"content":"x"}}],"created":"now"}')
    assert chunks[-1].events == (Finished(FinishReason.STOP),)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"null", b"{}", b'{"choices":[]}', b'{"choices":[5]}', b'"x"']
)
def test_what_is_no_completion_is_not_an_answer(body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        read_completion(body)

    assert caught.value.sign is not_an_answer().sign


def test_an_error_in_place_of_a_completion_is_that_error() -> None:
    with pytest.raises(Problem) as caught:
        read_completion(b'{"error":{"code":"insufficient_quota"}}')

    assert caught.value.kind is Kind.BUDGET


@pytest.mark.parametrize(
    ("status", "body", "kind", "sign"),
    [
        (400, {"code": "context_length_exceeded"}, Kind.CONTEXT_LENGTH, Sign.PROVIDER_REFUSED),
        (400, {"code": "content_policy_violation"}, Kind.CONTENT_POLICY, Sign.PROVIDER_REFUSED),
        (400, {"code": None}, Kind.BAD_REQUEST, Sign.PROVIDER_REFUSED),
        (401, {"code": "invalid_api_key"}, Kind.UPSTREAM_AUTH, Sign.PROVIDER_REFUSED),
        (402, {}, Kind.UPSTREAM_AUTH, Sign.PROVIDER_REFUSED),
        (403, {}, Kind.UPSTREAM_AUTH, Sign.PROVIDER_REFUSED),
        (404, {"code": "model_not_found"}, Kind.NOT_FOUND, Sign.PROVIDER_REFUSED),
        (408, {}, Kind.TIMEOUT, Sign.PROVIDER_DOWN),
        (409, {"code": "insufficient_quota"}, Kind.UPSTREAM, Sign.PROVIDER_DOWN),
        (413, {}, Kind.TOO_LARGE, Sign.PROVIDER_REFUSED),
        (422, {}, Kind.BAD_REQUEST, Sign.PROVIDER_REFUSED),
        (429, {"code": "rate_limit_exceeded"}, Kind.UPSTREAM_RATE_LIMIT, Sign.PROVIDER_BUSY),
        (429, {"code": "insufficient_quota"}, Kind.BUDGET, Sign.PROVIDER_REFUSED),
        (500, {"code": "rate_limit_exceeded"}, Kind.UPSTREAM, Sign.PROVIDER_DOWN),
        (500, {"code": "content_filter"}, Kind.CONTENT_POLICY, Sign.PROVIDER_REFUSED),
        (503, {"code": "insufficient_quota"}, Kind.BUDGET, Sign.PROVIDER_REFUSED),
        (500, {"type": "insufficient_quota"}, Kind.BUDGET, Sign.PROVIDER_REFUSED),
        (500, None, Kind.UPSTREAM, Sign.PROVIDER_DOWN),
        (503, {}, Kind.OVERLOADED, Sign.PROVIDER_DOWN),
        (504, {}, Kind.TIMEOUT, Sign.PROVIDER_DOWN),
        (529, {}, Kind.OVERLOADED, Sign.PROVIDER_DOWN),
        (302, None, Kind.UPSTREAM, Sign.PROVIDER_REFUSED),
        (429, {"type": "insufficient_quota"}, Kind.BUDGET, Sign.PROVIDER_REFUSED),
        (400, {"code": "billing_hard_limit_reached"}, Kind.BUDGET, Sign.PROVIDER_REFUSED),
        (429, {"code": "429"}, Kind.UPSTREAM_RATE_LIMIT, Sign.PROVIDER_BUSY),
        (404, {"code": "404"}, Kind.NOT_FOUND, Sign.PROVIDER_REFUSED),
        (404, {"code": "DeploymentNotFound"}, Kind.NOT_FOUND, Sign.PROVIDER_REFUSED),
        (408, {"code": "Timeout"}, Kind.TIMEOUT, Sign.PROVIDER_DOWN),
        (
            400,
            {"code": None, "innererror": {"code": "ResponsibleAIPolicyViolation"}},
            Kind.CONTENT_POLICY,
            Sign.PROVIDER_REFUSED,
        ),
    ],
)
def test_a_refusal_is_read_by_its_code_then_its_status(
    status: int, body: Any, kind: Kind, sign: Sign
) -> None:
    data = b"<html>" if body is None else json.dumps({"error": body}).encode()

    problem = read_refusal(status, data, retry_after=3)

    assert (problem.kind, problem.sign) == (kind, sign)
    assert (problem.status, problem.retry_after) == (status, None if status == 302 else 3)


@pytest.mark.parametrize(
    ("status", "said", "code"),
    [
        (400, "unsupported_value", "unsupported_value"),
        (422, "invalid_value", "invalid_value"),
        (400, "Odd Code: key sk-1", ""),
        (400, "400", ""),
        (400, 7, ""),
        (401, "invalid_value", ""),
        (500, "invalid_value", ""),
    ],
)
def test_the_code_of_a_refused_question_is_kept(status: int, said: Any, code: str) -> None:
    assert read_refusal(status, json.dumps({"error": {"code": said}}).encode()).code == code


def test_a_refusal_names_the_parameter_it_does_not_support() -> None:
    error = {"code": "unsupported_parameter", "param": "max_tokens"}

    assert read_refusal(400, json.dumps({"error": error}).encode()).at == "max_tokens"
    assert read_refusal(400, b'{"error":{"param":"max_tokens"}}').at == ""
    assert read_refusal(400, b"[]").at == ""


@pytest.mark.parametrize(
    ("error", "at"),
    [
        ({"code": "unknown_parameter", "param": "stream_options"}, "stream_options"),
        ({"code": "unsupported_parameter", "param": "a b"}, ""),
        ({"message": "Unrecognized request argument supplied: stream_options"}, "stream_options"),
        ({"message": "Unknown parameter: 'stream_options'."}, "stream_options"),
        ({"message": "Unrecognized request arguments supplied: n, user"}, "n"),
        ({"message": "Unrecognized"}, ""),
        ({"message": "Unknown parameter: 'stream_options.x'."}, "stream_options.x"),
        ({"message": "Invalid value: 'Unknown parameter: stream_options'."}, ""),
        (5, ""),
    ],
)
def test_a_refused_parameter_is_named_however_it_is_said(error: Any, at: str) -> None:
    assert read_refusal(400, json.dumps({"error": error}).encode()).at == at


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"error":{"code":"DeploymentNotFound"}}', "DeploymentNotFound"),
        (b'{"error":{"code":404}}', ""),
        (b'{"statusCode":401,"message":"x"}', ""),
        (b"<html>", ""),
    ],
)
def test_a_code_is_read_where_there_is_one(data: bytes, code: str) -> None:
    assert read_code(data) == code


def test_what_stands_in_front_of_azure_refuses_by_its_status_alone() -> None:
    refusal = read_refusal(401, b'{"statusCode":401,"message":"Access denied: key abc"}')

    assert refusal.kind is Kind.UPSTREAM_AUTH
    assert "abc" not in str(refusal)


@given(
    error=st.recursive(
        st.none() | st.integers() | st.text() | st.sampled_from(["429", "Timeout", "x"]),
        lambda inner: st.dictionaries(
            st.sampled_from(["code", "type", "param", "innererror", "message"]), inner
        ),
    ),
    status=st.integers(300, 599),
)
def test_any_refusal_is_one_of_our_kinds_in_our_own_words(error: Any, status: int) -> None:
    data = json.dumps({"error": error}).encode()

    for problem in (read_refusal(status, data), read_error_object(error)):
        assert problem.public in _PUBLIC.values()


@pytest.mark.parametrize(
    ("code", "kind", "sign"),
    [
        (400, Kind.BAD_REQUEST, Sign.PROVIDER_REFUSED),
        ("422", Kind.BAD_REQUEST, Sign.PROVIDER_REFUSED),
        (404, Kind.NOT_FOUND, Sign.PROVIDER_REFUSED),
        (429, Kind.UPSTREAM_RATE_LIMIT, Sign.PROVIDER_BUSY),
        (502, Kind.UPSTREAM, Sign.PROVIDER_DOWN),
        (True, Kind.UPSTREAM, Sign.PROVIDER_DOWN),
        ("ResponsibleAIPolicyViolation", Kind.CONTENT_POLICY, Sign.PROVIDER_REFUSED),
        ("moderation_blocked", Kind.CONTENT_POLICY, Sign.PROVIDER_REFUSED),
    ],
)
def test_an_error_inside_may_have_its_status_for_a_code(code: Any, kind: Kind, sign: Sign) -> None:
    problem = read_error_object({"message": "x", "type": "BadRequestError", "code": code})

    assert (problem.kind, problem.sign, problem.status) == (kind, sign, None)


def test_no_word_of_the_upstream_reaches_the_public_sentence() -> None:
    problem = read_error_object(
        {"message": "key sk-123 is bad", "type": "sk-123", "code": "sk-123"}
    )

    assert "sk-123" not in str(problem)


def test_the_request_has_the_node_apps_keys_and_the_usage_we_need() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}
    chat = ChatRequest(
        model="openai/gpt-3.5-turbo",
        messages=(
            Message(Role.SYSTEM, "s"),
            Message(Role.USER, (Text("t"), Foreign(NAME, image))),
        ),
        tags=TAGS,
        max_tokens=4096,
    )

    body = json.loads(write_request(chat, model="gpt-3.5-turbo", traits=OLD).body)

    assert body == {
        "model": "gpt-3.5-turbo",
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": [{"type": "text", "text": "t"}, image]},
        ],
        "max_tokens": 4096,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_no_limit_is_sent_when_none_is_asked() -> None:
    chat = ChatRequest(model="openai/x", messages=(), tags=TAGS)

    assert b"max" not in write_request(chat, model="x", traits=OLD).body


@pytest.mark.parametrize("reason", ["", None, {}, ["stop"], 5, False])
def test_a_reason_that_is_none_finishes_nothing_and_costs_no_text(reason: Any) -> None:
    chunks, reader = read(delta("a", finish_reason=reason))

    assert chunks[0].events[-1] == TextDelta("a")
    assert reader.problem is not None
    assert reader.problem.sign is Sign.CUT


def test_text_after_a_finish_means_that_it_goes_on() -> None:
    _, reader = read(delta("a", finish_reason="stop"), delta("b"))

    assert reader.problem is not None


def test_an_error_after_the_finish_takes_nothing_away() -> None:
    _, reader = read(delta("a", finish_reason="stop") + frame({"error": {"message": "late"}}))

    assert (reader.problem, reader.done) == (None, True)


@pytest.mark.parametrize("count", [-1, 2**64, 1.5])
def test_a_count_nobody_can_mean_is_no_usage(count: Any) -> None:
    usage = {"prompt_tokens": count, "completion_tokens": 1}

    chunks, _ = read(frame({"choices": [], "usage": usage}), delta("x", finish_reason="stop"))

    assert chunks[0].events == ()


def test_half_a_surrogate_pair_in_a_question_is_sent_on_as_it_came() -> None:
    chat = ChatRequest("openai/x", (Message(Role.USER, "\ud83d"),), TAGS)

    assert b'"\\ud83d"' in write_request(chat, model="x", traits=OLD).body


@pytest.mark.parametrize(
    "event",
    [
        frame({"error": [{"code": 2016}], "name": "AiGatewayError"}),
        frame({"error": [], "name": "AiGatewayError"}),
        b'data: {"name":"AiGatewayError","internalCode":20\n\n',
    ],
)
def test_who_stands_in_between_is_asked_first_what_an_error_means(event: bytes) -> None:
    theirs = Problem(Kind.CONTENT_POLICY, "Declined.", sign=Sign.GATEWAY_POLICY)
    reader = StreamReader(read_refusal=lambda _: theirs)

    reader.feed(event)

    assert reader.problem is theirs


def json_bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


# --- whole answers that were asked for -------------------------------------------------------------


def test_a_whole_answer_is_asked_for_without_a_stream() -> None:
    chat = ChatRequest("openai/gpt-4o", (Message(Role.USER, "x"),), TAGS, 7, stream=False)

    sent = json.loads(write_request(chat, model="gpt-4o", traits=OLD).body)

    assert sent == {
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": "x"}],
        "max_tokens": 7,
    }


@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"choices": []},
        {"choices": None},
        {"choices": {"0": {"message": {"content": "x"}}}},
        {"choices": "x"},
        {"choices": [None]},
        {"choices": [{"message": 5}]},
        {"choices": [{"message": {"content": [{"type": "text", "text": "x"}]}}]},
    ],
)
def test_a_whole_answer_whose_choice_cannot_be_read_says_what_it_used(
    choices: dict[str, Any],
) -> None:
    data = json_bytes({"id": "a", "usage": {"total_tokens": 9}, **choices})

    [chunk] = read_reply(data)

    assert chunk.events == (Started("a", "", 0), UsageReported(9, 0, 9))
    assert not chunk.content


@pytest.mark.parametrize(
    ("data", "sign"),
    [
        (b"[]", Sign.NOT_AN_ANSWER),
        (b"half", Sign.NOT_AN_ANSWER),
        (b"{}", Sign.NOT_AN_ANSWER),
        (b'{"usage":{}}', Sign.NOT_AN_ANSWER),
        (b'{"error":{"type":"server_error"},"usage":{"total_tokens":1}}', Sign.PROVIDER_DOWN),
    ],
)
def test_a_whole_answer_that_is_none_is_a_failure(data: bytes, sign: Sign) -> None:
    with pytest.raises(Problem) as failed:
        read_reply(data)

    assert failed.value.sign is sign


@pytest.mark.parametrize(
    "message", [None, {}, {"content": None}, {"content": None, "tool_calls": []}]
)
def test_a_whole_answer_without_words_is_an_empty_text(message: Any) -> None:
    data = json_bytes({"choices": [{"message": message}], "usage": {"total_tokens": 9}})

    events = [event for chunk in read_reply(data) for event in chunk.events]

    assert TextDelta("") in events
    assert UsageReported(9, 0, 9) in events


def test_a_refusal_is_the_text_of_a_whole_answer() -> None:
    data = json_bytes({"choices": [{"message": {"content": None, "refusal": "No."}}]})

    assert TextDelta("No.") in [event for chunk in read_reply(data) for event in chunk.events]


def test_a_whole_answer_with_a_choice_is_a_completion() -> None:
    data = json_bytes({"choices": [{"message": {"content": "x"}}], "usage": {"total_tokens": 9}})

    first, *rest = read_reply(data)
    assert first.original == Original(NAME, data, "message")
    assert [replace(first, original=None), *rest] == read_completion(data)


def test_a_question_goes_out_as_it_is_spelled() -> None:
    chat = ChatRequest("openai/x", (Message(Role.USER, "é😀"),), TAGS)

    assert '"é😀"'.encode() in write_request(chat, model="x", traits=OLD).body
