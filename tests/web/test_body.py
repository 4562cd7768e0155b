"""Bodies over a real socket by the Node app's rules: node-bff.md §2 "Body parsing"."""

import gzip
import json
import zlib
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import orjson
import pytest
from aiohttp import web

from bff.dialects.json_text import write_ascii
from bff.web import doors
from bff.web.body import read_body, read_face_body
from bff.web.routes import Route
from bff.web.services import Limits
from tests.support.street import Street, open_street

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
LIMITS = Limits(body_bytes=1000, form_bytes=100, json_depth=8, body_seconds=0.1)


async def show_body(request: web.Request, _: None) -> web.StreamResponse:
    body = await read_body(request)
    assert await read_body(request) is body
    return web.Response(body=write_ascii({"json": body.json, "fields": dict(body.fields)}))


async def show_little(request: web.Request, _: None) -> web.StreamResponse:
    body = await read_body(request, limit=10)
    return web.Response(body=write_ascii({"json": body.json}))


async def show_face_body(request: web.Request, _: None) -> web.StreamResponse:
    data, value = await read_face_body(request, 1000)
    return web.Response(body=write_ascii({"json": value, "bytes": data.decode()}))


ROUTES = (
    Route("POST", "/body", doors.anyone, show_body),
    Route("GET", "/body", doors.anyone, show_body),
    Route("POST", "/little", doors.anyone, show_little),
    Route("POST", "/face", doors.anyone, show_face_body),
)


@pytest.fixture
async def street() -> AsyncIterator[Street]:
    async with open_street(ROUTES, limits=LIMITS) as street:
        yield street


async def post(
    street: Street, data: Any, content_type: str | None = JSON, **headers: str
) -> tuple[int, Any]:
    """Status, and what was read or why it was refused."""
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    if content_type is not None:
        said["Content-Type"] = content_type
    skip = ["Content-Type"] if content_type is None else []
    answer = await street.post("/body", data=data, headers=said, skip_auto_headers=skip)
    told = orjson.loads(answer.text) if answer.status != 200 else read(answer.text)
    return answer.status, told


def read(text: str) -> Any:
    return json.loads(text)["json"]


READ = [
    pytest.param(b'{"a":1}', JSON, {"a": 1}, id="an object"),
    pytest.param(b'[1,"x"]', JSON, [1, "x"], id="an array"),
    pytest.param(b' \r\n\t{"a":1} ', JSON, {"a": 1}, id="white space round it"),
    pytest.param(b"", JSON, {}, id="nothing"),
    pytest.param(b'\xef\xbb\xbf{"a":1}', JSON, {"a": 1}, id="a byte order mark"),
    pytest.param(b'{"a":1,"a":2}', JSON, {"a": 2}, id="the last of two keys"),
    pytest.param('{"a":"é😀"}'.encode(), JSON, {"a": "é😀"}, id="UTF-8"),
    pytest.param(b'{"a":"\\ud83d"}', JSON, {"a": "\ud83d"}, id="half a surrogate pair"),
    pytest.param(b'{"a":1}', f"{JSON}; charset=UTF-8", {"a": 1}, id="charset as the frontend"),
    pytest.param(b'{"a":1}', "Application/JSON;charset=utf8", None, id="charset utf8 is no name"),
    pytest.param('{"a":"é"}'.encode("utf-16"), f"{JSON};charset=utf-16", {"a": "é"}, id="UTF-16"),
    pytest.param(
        '\ufeff{"a":"é"}'.encode("utf-16-le"), f"{JSON};charset=utf-16le", {"a": "é"}, id="UTF-16LE"
    ),
    pytest.param('{"a":"é"}'.encode("utf-32"), f"{JSON};charset=utf-32", {"a": "é"}, id="UTF-32"),
    pytest.param(b"[" * 8 + b"]" * 8, JSON, [[[[[[[[]]]]]]]], id="as deep as it may be"),
    pytest.param(b'{"a":1}', "text/plain", {}, id="text is not read"),
    pytest.param(b'{"a":1}', "application/vnd.api+json", {}, id="nor other JSON"),
    pytest.param(b"{", "multipart/form-data; boundary=x", {}, id="nor multipart"),
    pytest.param(b"{", None, {}, id="nor what has no type"),
    pytest.param(b"{", "nonsense", {}, id="nor what has an odd type"),
    pytest.param(b"a=1&b=&c&a=2&d=x+y%C3%A9&a=3", FORM,
                 {"a": ["1", "2", "3"], "b": "", "c": "", "d": "x yé"}, id="a form"),
    pytest.param(b"", FORM, {}, id="an empty form"),
    pytest.param(b"a=%ff", f"{FORM};charset=utf-8", {"a": "�"}, id="a form with broken UTF-8"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "content_type", "expected"), READ)
async def test_what_is_read(
    street: Street, data: bytes, content_type: str | None, expected: Any
) -> None:
    status, told = await post(street, data, content_type)

    if expected is None:
        assert (status, told) == (415, {"error": "Unsupported charset"})
    else:
        assert (status, told) == (200, expected)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"{", id="cut"),
        pytest.param(b'{"a":1}x', id="something after it"),
        pytest.param(b'{"a":1}{"a":1}', id="two values"),
        pytest.param(b"{'a':1}", id="single quotes"),
        pytest.param(b'{"a":NaN}', id="NaN"),
        pytest.param(b'{"a":1,}', id="a comma too many"),
        pytest.param(b'"x"', id="a text"),
        pytest.param(b"null", id="null"),
        pytest.param(b"5", id="a number"),
        pytest.param(b"true", id="true"),
        pytest.param(b"  \n", id="white space"),
        pytest.param(b"\xef\xbb\xbf", id="only a byte order mark"),
        pytest.param(b'{"a":"\xe9"}', id="Latin-1"),
        pytest.param(b"[" * 9 + b"]" * 9, id="too deep"),
        pytest.param(b"[" * 500 + b"]" * 500, id="far too deep"),
    ],
)
async def test_what_is_malformed(street: Street, data: bytes) -> None:
    status, told = await post(street, data)

    assert status == 400
    assert told["error"].startswith("The request body")


async def test_what_is_not_the_charset_it_says(street: Street) -> None:
    status, _ = await post(street, b"\x00\xd8\x00", f"{JSON};charset=utf-16le")

    assert status == 400


@pytest.mark.parametrize(
    "content_type",
    [
        f"{JSON}; charset=iso-8859-1",
        f"{JSON}; charset=utf-9",
        f"{JSON}; charset=us-ascii",
        f"{FORM}; charset=utf-16",
        f"{FORM}; charset=latin1",
    ],
)
async def test_a_charset_that_is_not_read(street: Street, content_type: str) -> None:
    assert await post(street, b"{}", content_type) == (415, {"error": "Unsupported charset"})


@pytest.mark.parametrize("coding", ["gzip", "deflate", "identity", "GZIP"])
async def test_a_packed_body_is_unpacked(street: Street, coding: str) -> None:
    pack = {"gzip": gzip.compress, "deflate": zlib.compress}.get(coding.lower(), bytes)

    status, told = await post(street, pack(b'{"a":1}'), Content_Encoding=coding)

    assert (status, told) == (200, {"a": 1})


async def test_a_packing_that_is_not_known(street: Street) -> None:
    status, told = await post(street, b"{}", Content_Encoding="snappy")

    assert (status, told) == (415, {"error": "Unsupported content encoding"})


async def test_a_body_that_is_not_packed_as_it_says(street: Street) -> None:
    status, _ = await post(street, b"not gzip at all", Content_Encoding="gzip")

    assert status == 400


# --- sizes ---------------------------------------------------------------------------------------

TOO_LARGE = (413, {"error": "The request body is too large"})


def json_of(size: int) -> bytes:
    return b'{"a":"' + b"x" * (size - 8) + b'"}'


async def test_a_body_may_be_as_large_as_the_limit(street: Street) -> None:
    assert (await post(street, json_of(1000)))[0] == 200
    assert await post(street, json_of(1001)) == TOO_LARGE


async def test_a_form_has_a_limit_of_its_own(street: Street) -> None:
    assert (await post(street, b"a=" + b"x" * 98, FORM))[0] == 200
    assert await post(street, b"a=" + b"x" * 99, FORM) == TOO_LARGE


async def test_a_handler_may_want_less(street: Street) -> None:
    assert (await street.post("/little", json={"a": 1})).status == 200
    assert (await street.post("/little", json={"a": "x" * 10})).status == 413


async def test_a_body_that_does_not_say_its_size_is_counted(street: Street) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"x" * 100

    assert await post(street, pieces()) == TOO_LARGE


async def test_what_unpacks_to_too_much_is_too_large(street: Street) -> None:
    assert await post(street, gzip.compress(json_of(100_000)), Content_Encoding="gzip") == TOO_LARGE


async def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes(street: Street) -> None:
    status, _ = await street.say(
        b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 1001\r\n\r\n"
    )

    assert status == 413


async def test_a_form_with_too_many_fields() -> None:
    async with open_street(ROUTES) as street:
        status, told = await post(street, b"&".join([b"a=1"] * 1001), FORM)

    assert (status, told) == (413, {"error": "The form has too many fields"})


async def test_the_house_limits_are_the_node_apps() -> None:
    async with open_street(ROUTES) as street:
        assert (await post(street, BytesIO(json_of(10_485_760))))[0] == 200
        assert (await post(street, BytesIO(json_of(10_485_761))))[0] == 413
        assert (await post(street, b"a=" + b"x" * 102_398, FORM))[0] == 200
        assert (await post(street, b"a=" + b"x" * 102_399, FORM))[0] == 413


# --- time ----------------------------------------------------------------------------------------


async def test_a_body_that_does_not_come_is_not_waited_for_for_ever(street: Street) -> None:
    status, told = await street.say(
        b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b'Content-Length: 100\r\n\r\n{"a":'
    )

    assert status == 408
    assert orjson.loads(told) == {"error": "The request body took too long"}


async def test_a_large_body_on_a_slow_line_has_the_time_it_needs() -> None:
    body = json_of(256 * 2**10)
    head = (
        b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    )
    async with open_street(ROUTES, limits=Limits(body_seconds=0.1)) as street:
        reader, writer = await street.send(head % len(body))
        await reader.readuntil(b"100 Continue\r\n\r\n")  # now it is waited for
        writer.write(body[:-1])

        trickle, _ = await street.say(head.replace(b"Expect: 100-continue\r\n", b"") % 9)
        writer.write(body[-1:])
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.close()

    assert trickle == 408  # so the time without more is over
    assert answer.startswith(b"HTTP/1.1 200")


async def test_a_body_that_breaks_off_in_the_middle(street: Street) -> None:
    status, _ = await street.say(
        b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\nnonsense\r\n'
    )

    assert status == 400


async def test_a_body_of_unknown_size_may_turn_out_to_be_nothing(street: Street) -> None:
    head = (
        b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    reader, writer = await street.send(head)
    await reader.readuntil(b"100 Continue\r\n\r\n")  # now it is waited for
    writer.write(b"0\r\n\r\n")

    answer = await reader.readuntil(b"\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200")
    writer.close()


async def test_a_get_without_a_body_reads_nothing(street: Street) -> None:
    answer = await street.get("/body", headers={"Content-Type": JSON})

    assert (answer.status, read(answer.text)) == (200, {})


async def test_only_an_object_has_fields(street: Street) -> None:
    listed = await street.post("/body", json=[{"a": 1}])
    object_ = await street.post("/body", json={"a": 1})

    assert orjson.loads(listed.text)["fields"] == {}
    assert orjson.loads(object_.text)["fields"] == {"a": 1}


@pytest.mark.parametrize("charset", ["utf-8", "utf-16"])
async def test_b26_a_body_of_too_many_values_is_refused_before_it_is_read(
    charset: str,
) -> None:
    fits, does_not = (f"[{'[],' * count}1]".encode(charset) for count in (24, 25))

    async with open_street(ROUTES, limits=Limits(json_values=50)) as street:
        read_one = await post(street, fits, f"{JSON}; charset={charset}")
        refused = await post(street, does_not, f"{JSON}; charset={charset}")

    assert (read_one[0], refused[0]) == (200, 413)


# --- bodies of the integrators' faces ------------------------------------------------------------


async def ask_face(
    street: Street, data: Any, content_type: str | None = JSON, **headers: str
) -> tuple[int, Any]:
    """Status, and the value and the bytes that were read or why they were refused."""
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    if content_type is not None:
        said["Content-Type"] = content_type
    skip = ["Content-Type"] if content_type is None else []
    answer = await street.post("/face", data=data, headers=said, skip_auto_headers=skip)
    told = json.loads(answer.text)
    return answer.status, (told["json"], told["bytes"]) if answer.status == 200 else told["error"]


@pytest.mark.parametrize(
    "content_type",
    [
        JSON,
        FORM,
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/vnd.api+json",
        "nonsense",
        None,
    ],
)
async def test_a_face_reads_json_whatever_it_calls_itself(
    street: Street, content_type: str | None
) -> None:
    assert await ask_face(street, b'{"a": 1}', content_type) == (200, ({"a": 1}, '{"a": 1}'))


@pytest.mark.parametrize(
    ("data", "value"),
    [(b'"x"', "x"), (b"null", None), (b"5", 5), (b"[1]", [1]), (b'{"a":1,"a":2}', {"a": 2})],
)
async def test_a_face_is_given_any_json_value_and_the_bytes_that_spell_it(
    street: Street, data: bytes, value: Any
) -> None:
    assert await ask_face(street, data) == (200, (value, data.decode()))


@pytest.mark.parametrize(
    ("data", "charset"),
    [
        ('{"a":"é"}'.encode("utf-16"), "utf-16"),
        (b"\xef\xbb\xbf" + '{"a":"é"}'.encode(), "utf-8"),
    ],
)
async def test_a_face_is_given_bytes_that_a_vendor_can_read(
    street: Street, data: bytes, charset: str
) -> None:
    told = await ask_face(street, data, f"{JSON}; charset={charset}")

    assert told == (200, ({"a": "é"}, '{"a":"é"}'))


async def test_a_face_is_given_a_packed_body_unpacked(street: Street) -> None:
    told = await ask_face(street, gzip.compress(b'{"a":1}'), Content_Encoding="gzip")

    assert told == (200, ({"a": 1}, '{"a":1}'))


@pytest.mark.parametrize(
    ("data", "headers", "status", "error"),
    [
        pytest.param(b"", {}, 400, "The request body is empty", id="none"),
        pytest.param(b"{", {}, 400, "The request body is not valid JSON", id="cut"),
        pytest.param(b"  ", {}, 400, "The request body is not valid JSON", id="white space"),
        pytest.param(b"a=1", {}, 400, "The request body is not valid JSON", id="a form"),
        pytest.param(b"[" * 9 + b"]" * 9, {}, 400, "The request body is nested too deeply", id="deep"),
        pytest.param(json_of(1001), {}, 413, "The request body is too large", id="large"),
        pytest.param(gzip.compress(json_of(1001)), {"Content_Encoding": "gzip"}, 413,
                     "The request body is too large", id="large once unpacked"),
        pytest.param(b"{}", {"Content_Encoding": "snappy"}, 415, "Unsupported content encoding", id="snappy"),
        pytest.param(b"{}", {"Content_Type": f"{JSON}; charset=latin1"}, 415, "Unsupported charset",
                     id="latin1"),
    ],
)  # fmt: skip
async def test_what_a_face_refuses_to_read(
    street: Street, data: bytes, headers: dict[str, str], status: int, error: str
) -> None:
    assert await ask_face(street, data, None, **headers) == (status, error)


async def test_a_face_reads_a_body_that_does_not_say_its_size(street: Street) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"a"'
        yield b":1}"

    assert await ask_face(street, pieces()) == (200, ({"a": 1}, '{"a":1}'))


async def test_a_face_does_not_wait_for_ever(street: Street) -> None:
    status, told = await street.say(
        b"POST /face HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n" + b'{"a":'
    )

    assert (status, orjson.loads(told)) == (408, {"error": "The request body took too long"})


async def test_a_face_reads_five_mebibytes_of_code_and_a_hundred_tools() -> None:
    code = 'def f(a, b, c): return [a, {b: c}, (a, [b], [c])]  # "quoted", \\\\, é\n' * 400
    tool = {
        "name": "tool",
        "description": "Does one thing, then [perhaps] another. " * 30,
        "input_schema": {
            "type": "object",
            "properties": {f"p{n}": {"type": "string", "enum": ["a", "b"]} for n in range(10)},
        },
    }
    result = {
        "type": "tool_result",
        "tool_use_id": "t",
        "content": [{"type": "text", "text": code}],
    }
    asked = {
        "tools": [tool] * 100,
        "messages": [{"role": "user", "content": [result]}] * (5 * 2**20 // len(code)),
    }
    body = orjson.dumps(asked)

    async with open_street((Route("POST", "/face", doors.anyone, read_large),)) as street:
        answer = await street.post("/face", data=BytesIO(body))

    assert len(body) > 5 * 2**20
    assert sum(map(body.count, (b",", b"[", b"{"))) > Limits().json_values
    assert answer.status == 200


async def read_large(request: web.Request, _: None) -> web.StreamResponse:
    data, value = await read_face_body(request, Limits().face_body_bytes)
    assert orjson.loads(data) == value
    return web.Response()
