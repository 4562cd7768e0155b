"""Bytes of an answer -> an outcome: what may differ by nature is gone, everything else is there."""

import hashlib

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.compare.masks import Names
from bff.compare.outcome import Binary, End, Json, Nothing, Outcome, Stream, Text
from bff.compare.reading import (
    WORDS,
    Answer,
    leave_words_out,
    read_claims,
    read_headers,
    read_outcome,
    read_stream,
)
from tests.support.tokens import hs256

NAMES = Names({"client key": "key-of-the-site", "secret": "hush-hush"})


def chunk(**delta: object) -> bytes:
    value = {"id": "1", "model": "m", "choices": [{"index": 0, "delta": delta}]}
    return b"data: " + orjson.dumps(value) + b"\n\n"


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("X-Request-Id", "req_1", "<some>"),
        ("X-Request-Id", "", ""),
        ("Last-Modified", "Tue, 24 Nov 2026 14:00:00 GMT", "<some>"),
        ("ETag", 'W/"12-abc"', 'W/"<some>"'),
        ("ETag", '"12-abc"', '"<some>"'),
        ("Allow", "HEAD,GET", "GET, HEAD"),
        ("Cache-Control", "no-store,  no-cache", "no-cache, no-store"),
        ("Vary", "Accept-Encoding, Accept", "Accept, Accept-Encoding"),
        ("Content-Type", "text/html;charset=UTF-8", "text/html; charset=utf-8"),
        ("Location", "/x?key=key-of-the-site", "/x?key=<client key>"),
        ("X-Frame-Options", "DENY", "DENY"),
    ],
)
def test_a_header_is_read_as_far_as_it_can_be_compared(name: str, value: str, read: str) -> None:
    assert read_headers([(name, value)], NAMES) == {name.lower(): read}


def test_headers_of_the_connection_are_left_out_and_repeated_ones_are_seen() -> None:
    headers = [
        ("Date", "now"),
        ("Connection", "close"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "5"),
        ("Keep-Alive", "timeout=5"),
        ("B", "1"),
        ("A", "2"),
        ("b", "3"),
    ]

    assert list(read_headers(headers, NAMES).items()) == [("a", "2"), ("b", "1 | 3")]


def test_a_session_token_is_read_by_what_it_says_and_how_long_it_lives() -> None:
    token = hs256({"iss": "app", "iat": 1000, "exp": 1900, "aud": ["key-of-the-site"]}, "hush-hush")

    assert read_headers([("X-acpt", token)], NAMES) == {
        "x-acpt": '{"aud":["<client key>"],"iss":"app","lives_s":900}'
    }
    assert read_headers([("X-acpt", "eyJ.x")], NAMES) == {"x-acpt": "eyJ.x"}


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", f"a.{'W10'}.c", "eyJh.W10.x.y"])
def test_what_is_no_token_has_no_claims(token: str) -> None:
    assert read_claims(token) is None


@pytest.mark.parametrize(
    ("content_type", "data", "body"),
    [
        ("application/json", b"", Nothing()),
        (
            "application/json; charset=utf-8",
            b'{"a":"key-of-the-site"}',
            Json({"a": "<client key>"}),
        ),
        ("application/json", b'"Something"', Json("Something")),
        ("application/json", b"{not", Text("{not")),
        ("text/html", "Grüße an key-of-the-site".encode(), Text("Grüße an <client key>")),
        ("image/png", b"\x89PNG\xff", Binary(5, hashlib.sha256(b"\x89PNG\xff").hexdigest())),
        ("", b"plain", Text("plain")),
    ],
)
def test_a_body_is_read_by_its_type_and_by_what_it_is(
    content_type: str, data: bytes, body: object
) -> None:
    answer = Answer(End.COMPLETE, 200, (("Content-Type", content_type),), data)

    assert read_outcome(answer, NAMES).body == body


def test_json_that_is_nested_beyond_reason_is_compared_as_text() -> None:
    data = b"[" * 300 + b"]" * 300
    answer = Answer(End.COMPLETE, 200, (("Content-Type", "application/json"),), data)

    assert read_outcome(answer, NAMES).body == Text(data.decode())


def test_no_answer_is_an_outcome_too() -> None:
    assert read_outcome(Answer(End.SILENT), NAMES) == Outcome(End.SILENT)


def test_a_stream_is_what_it_says_however_it_is_cut() -> None:
    whole = (
        chunk(role="assistant")
        + chunk(content="Hello key-of-")
        + b": keep-alive\n\n"
        + chunk(content="the-site")
        + b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
        + b'data: {"error":{"message":"no"}}\n\nevent: ping\ndata: {}\n\ndata: [DONE]\n\n'
    )

    assert read_stream(whole, NAMES) == Stream(
        text="Hello <client key>",
        finish=("stop",),
        models=("m",),
        others=({"error": {"message": "no"}}, {"event": "ping", "data": {}}),
        fields=(
            "choices[].delta",
            "choices[].delta.content",
            "choices[].delta.role",
            "choices[].finish_reason",
            "choices[].index",
            "id",
            "model",
        ),
        done=1,
    )


@pytest.mark.parametrize(
    ("data", "spoilt"),
    [
        (b"data: [DONE]\n\n", ()),
        (b"data: {}\r\n\r\n", ("line ends other than LF", "no blank line at its end")),
        (b"data:{}\n\n", ("no space after data:",)),
        (b"data: {\ndata: }\n\n", ("a data line that is not one JSON value",)),
        ('data: {"a":"é"}\n\n'.encode(), ("characters beyond ASCII",)),
        (b"data: {}\n", ("no blank line at its end",)),
    ],
)
def test_what_the_frontend_cannot_read_is_named(data: bytes, spoilt: tuple[str, ...]) -> None:
    assert read_stream(data, NAMES).spoilt == spoilt


def test_odd_pieces_of_a_stream_are_others() -> None:
    data = b'data: {"choices":[]}\n\ndata: {"choices":[5]}\n\ndata: 7\n\ndata: no\n\n'

    stream = read_stream(data, NAMES)

    assert stream.others == ({"choices": []}, {"choices": [5]}, 7, "no")
    assert stream.text == ""


@pytest.mark.parametrize(
    ("body", "left"),
    [(Stream("Hi", done=1), Stream(WORDS, done=1)), (Stream(), Stream()), (Text("Hi"), Text("Hi"))],
)
def test_words_can_be_left_out(body: Stream, left: Stream) -> None:
    assert leave_words_out(body) == left


def test_words_of_an_answer_are_left_out_when_asked() -> None:
    answer = Answer(
        End.COMPLETE, 200, (("Content-Type", "text/event-stream"),), chunk(content="Hi")
    )

    outcome = read_outcome(answer, NAMES, any_words=True)

    assert isinstance(outcome.body, Stream)
    assert outcome.body.text == WORDS


HEADER = st.sampled_from(
    ["ETag", "Vary", "Allow", "Content-Type", "X-acpt", "Location", "X-Request-Id", "Date"]
)


@given(st.dictionaries(HEADER, st.text(st.characters(codec="ascii"), max_size=20)))
def test_headers_read_twice_are_what_they_were(headers: dict[str, str]) -> None:
    once = read_headers(headers.items(), NAMES)

    assert read_headers(once.items(), NAMES) == once


@given(st.binary(max_size=200))
def test_any_bytes_are_a_body(data: bytes) -> None:
    for content_type in ("text/event-stream", "application/json", "text/html"):
        answer = Answer(End.COMPLETE, 200, (("Content-Type", content_type),), data)
        assert read_outcome(answer, NAMES).status == 200
