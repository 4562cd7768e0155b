import asyncio
import io
import logging

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bff.errors import Kind, Problem, Sign
from bff.telemetry import logs

CANARY = "canary-7f3a9d"
JWT = f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.{CANARY}"


def test_a_line_says_when_how_loud_what_and_its_fields(written) -> None:
    structlog.get_logger("bff.request").info("request.ended", status=200, kind=Kind.TIMEOUT)

    (line,) = written.lines
    assert line.pop("time").endswith("Z")
    assert written.text.startswith('{"time":')
    assert line == {"level": "info", "message": "request.ended", "status": 200, "kind": "timeout"}


def test_what_json_cannot_hold_does_not_cost_the_line(written) -> None:
    structlog.get_logger().info("request.ended", tokens=2**70)

    assert written.lines[0]["message"] == "'request.ended'"
    assert written.lines[0]["tokens"] == str(2**70)


def test_lines_below_the_level_are_not_written(written) -> None:
    structlog.get_logger().debug("too.quiet")

    assert written.text == ""


def test_what_is_bound_to_the_context_is_on_every_line(written) -> None:
    with structlog.contextvars.bound_contextvars(request_id="req_1"):
        structlog.get_logger().info("upstream.asked")

    assert written.lines[0]["request_id"] == "req_1"


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {CANARY}",
        f"authorization: bearer  {CANARY}",
        f"Authorization: JWT {CANARY}",
        f"sk-{CANARY}",
        f"sk-proj-{CANARY}",
        f"GET /x?jwt={CANARY}&y=1",
        f"GET /x?jwt%3D{CANARY}",
        JWT,
        f"before{JWT}after",
        f"postgres://user:{CANARY}@localhost/db",
    ],
)
def test_what_looks_like_a_secret_is_masked_wherever_it_stands(written, text) -> None:
    log = structlog.get_logger()

    log.info(text, plain=text, nested={"list": [text, (text,)]}, **{text: 1})

    assert CANARY not in written.text
    assert "***" in written.text


@pytest.mark.parametrize(
    "text", ["http://localhost:3000/x", "task-1 done", "disk-full", "12:30:05", "a@b"]
)
def test_what_is_no_secret_stands(text) -> None:
    assert logs.mask(text) == text


@given(st.text(alphabet=st.characters(codec="ascii"), max_size=40), st.text(max_size=40))
def test_a_jwt_never_survives_whatever_surrounds_it(before, after) -> None:
    assert "eyJzdWIiOiJ4In0" not in logs.mask(before + JWT + after)


def test_a_value_that_is_not_plain_is_told_by_its_type(written) -> None:
    structlog.get_logger().info("odd", error_value=ValueError(CANARY), raw=CANARY.encode())

    assert CANARY not in written.text
    assert written.lines[0]["error_value"] == "<ValueError>"
    assert written.lines[0]["raw"] == "<bytes>"


def _fail() -> None:
    prompt = CANARY  # a local, which must not be told either
    try:
        raise KeyError(prompt)
    except KeyError as error:
        raise Problem(Kind.UPSTREAM, "It failed.", sign=Sign.CUT) from error


@pytest.mark.parametrize("output", ["json", "console"])
def test_an_exception_is_told_by_type_and_frames_alone(written, output) -> None:
    logs.configure("info", output, stream=written.stream)

    try:
        _fail()
    except Problem:
        structlog.get_logger().exception("request.crashed")

    assert CANARY not in written.text
    assert "bff.errors.Problem" in written.text
    assert "KeyError" in written.text
    assert "in _fail" in written.text
    assert "tests/telemetry/test_logs.py:" in written.text


def test_a_problem_is_told_with_its_kind_and_sign(written) -> None:
    try:
        _fail()
    except Problem as problem:
        structlog.get_logger().error("x", exc_info=problem)

    told = written.lines[0]["error"]
    assert (told["kind"], told["sign"]) == ("upstream", "cut")
    assert told["cause"]["type"] == "KeyError"


def test_a_group_is_told_with_its_members(written) -> None:
    error = ExceptionGroup(CANARY, [ValueError(CANARY), TypeError(CANARY)])

    structlog.get_logger().error("x", exc_info=(type(error), error, None))

    assert CANARY not in written.text
    members = written.lines[0]["error"]["members"]
    assert [one["type"] for one in members] == ["ValueError", "TypeError"]


def test_a_chain_of_causes_without_end_is_cut_short() -> None:
    error = ValueError()
    error.__cause__ = error

    told = logs.describe(error)

    assert told["type"] == "ValueError"


@pytest.mark.parametrize("name", ["aiohttp.server", "sqlalchemy.pool", "asyncio"])
def test_a_library_speaks_only_the_words_of_its_template(written, name) -> None:
    try:
        raise ValueError(CANARY)
    except ValueError:
        logging.getLogger(name).exception("Error handling request from %s", CANARY)

    assert CANARY not in written.text
    (line,) = written.lines
    assert line["library"] == name
    assert line["says"] == "Error handling request from %s"
    assert line["error"]["type"] == "ValueError"


def test_a_library_nobody_has_read_says_only_where_it_spoke(written) -> None:
    logging.getLogger("stranger").warning(f"could not ask {CANARY}")  # noqa: G004 - as they do

    assert CANARY not in written.text
    assert written.lines[0]["says"] is None
    assert written.lines[0]["where"].startswith("tests/telemetry/test_logs.py:")


async def test_a_failed_callback_of_the_loop_tells_nothing_it_was_given(written) -> None:
    loop = asyncio.get_running_loop()
    ran = asyncio.Event()

    def fail(secret: str) -> None:
        ran.set()
        raise ValueError(secret)

    loop.call_soon(fail, CANARY)
    await ran.wait()

    (line,) = written.lines
    assert CANARY not in written.text
    assert line["says"].startswith("Exception in callback")


def test_what_libraries_say_below_warning_is_dropped(written) -> None:
    logging.getLogger("aiosqlite").info("executing %s", CANARY)
    logging.getLogger("alembic.runtime").info("Running upgrade %s -> %s", "0001", "0002")

    assert written.text == ""


class _Full(io.BytesIO):
    def write(self, _data) -> int:
        raise OSError(28, "No space left on device")


def test_a_log_that_cannot_be_written_costs_the_line_and_nothing_else(written) -> None:
    logs.configure("info", "json", stream=_Full())

    structlog.get_logger().info("lost")

    assert written.text == ""


def test_logs_go_to_stdout_by_default(written, capfdbinary) -> None:
    logs.configure("warning", "console")

    structlog.get_logger().warning("spoken")

    assert b"spoken" in capfdbinary.readouterr().out
