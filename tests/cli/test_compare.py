"""`bff compare` as a person meets it: two services on sockets that agree, or do not."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import orjson
import pytest

from bff.settings import variables
from bff.store.db import open_database
from bff.store.migrate import migrate
from tests.support.answers import DESCRIPTOR, Answers, Said, nobodys_url, open_answers
from tests.support.commands import run_command
from tests.support.sql import put_row

SECRET = "hush-hush-of-the-site"
PAGE = Said(200, b"<p>Hello</p>", {"Content-Type": "text/html; charset=utf-8"})
MORE = """
[[request]]
name = "my page"
target = "/mine"

[[request]]
name = "my token"
method = "POST"
target = "/mine"
body = '{"key":"<client key>"}'
tokens = ["context", "bad signature"]
"""
KNOWN = """
[[known]]
requests = ["my *"]
parts = ["status", "body"]
answers = "200 -> 401"
reason = "We are stricter."
source = "the team"
"""


@dataclass
class Pair:
    """Two services that say the same, a folder, and the command. Only requests named `my …`."""

    node: Answers
    bff: Answers
    folder: Path

    def say(self, said: Said, *, bff: Said | None = None) -> None:
        self.node.says["/mine"], self.bff.says["/mine"] = said, bff or said

    @property
    def urls(self) -> tuple[str, ...]:
        return ("--node", self.node.url, "--bff", self.bff.url)

    async def compare(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, stdout, stderr, which hold no secret. On a thread: the services are here."""
        ran = await run_command("compare", "--requests", "mine.toml", "--only", "my *", *arguments)
        assert SECRET not in ran.out + ran.err
        assert "eyJ" not in ran.out + ran.err
        return ran.code, ran.out, ran.err


@pytest.fixture
async def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pair]:
    (tmp_path / "mine.toml").write_text(MORE)
    (tmp_path / "known.toml").write_text(KNOWN)
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    for names in variables().values():
        for name in names:
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    async with AsyncExitStack() as stack:
        node, bff = [await stack.enter_async_context(open_answers()) for _ in range(2)]
        yield Pair(node, bff, tmp_path)


TENANT = ("--client-key", "site-1", "--shared-secret-file", "secret")


async def test_two_that_agree_are_the_same(pair: Pair) -> None:
    pair.say(PAGE)

    code, out, err = await pair.compare(*pair.urls, *TENANT)

    assert (code, err) == (0, "")
    assert out == "3 requests: 3 the same, 0 with known differences, 0 different.\n"
    assert pair.node.bodies[-1] == pair.bff.bodies[-1] == b'{"key":"site-1"}'


async def test_a_difference_is_shown_side_by_side_and_fails(pair: Pair) -> None:
    pair.say(PAGE, bff=replace(PAGE, status=201, body=b"<p>Hallo</p>"))

    code, out, _ = await pair.compare(*pair.urls)

    assert code == 1
    assert out.splitlines() == [
        "my page",
        "  GET /mine",
        "          node                                          bff",
        "  status  200                                           201",
        "  body    <p>Hello</p>                                  <p>Hallo</p>",
        "",
        "Not sent: 2 that need a tenant's token: give --tenant, --client-key or DATABASE_URL.",
        "1 request: 0 the same, 0 with known differences, 1 different.",
    ]


async def test_a_known_difference_has_its_reason_and_does_not_fail(pair: Pair) -> None:
    pair.say(PAGE, bff=replace(PAGE, status=401, body=b"no"))

    code, out, _ = await pair.compare(*pair.urls, *TENANT, "--known", "known.toml")
    whole = await pair.compare(*pair.urls, *TENANT, "--known", "known.toml", "--all")

    assert code == whole[0] == 0
    assert out.splitlines() == [
        "Known and wanted",
        "    3x  We are stricter. (the team)",
        "        body, status: my page, my token [context], my token [bad signature]",
        "",
        "3 requests: 0 the same, 3 with known differences, 0 different.",
    ]
    assert "          known: We are stricter." in whole[1].splitlines()


async def test_a_program_can_read_it(pair: Pair) -> None:
    pair.say(PAGE, bff=replace(PAGE, status=201))

    code, out, _ = await pair.compare(*pair.urls, "--json")

    said = orjson.loads(out)
    assert (code, said["different"]) == (1, 1)
    assert said["differences"] == [
        {
            "request": "my page",
            "answers": "200 -> 201",
            "part": "status",
            "node": "200",
            "bff": "201",
            "known": None,
        }
    ]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (Said(then="silent"), "no answer"),
        (replace(PAGE, then="hang"), "begun, never ended"),
        (replace(PAGE, then="cut"), "connection broken off"),
    ],
)
async def test_silence_and_broken_streams_are_compared(pair: Pair, said: Said, shown: str) -> None:
    pair.say(said, bff=PAGE)
    differ = await pair.compare(*pair.urls, "--limit", "0.3")
    pair.say(said)
    same = await pair.compare(*pair.urls, "--limit", "0.3")

    assert differ[0] == 1
    assert f"  outcome  {shown:<43}  answered" in differ[1]
    assert same[0] == 0


async def test_a_recording_takes_the_place_of_the_node_app(pair: Pair) -> None:
    pair.say(replace(PAGE, body=f"for site-1 with {SECRET} at {pair.node.url}".encode()))
    recorded = await pair.compare("--node", pair.node.url, *TENANT, "--record", "node.json")
    pair.say(replace(PAGE, body=f"for site-1 with {SECRET} at {pair.bff.url}".encode()))
    pair.node.asked.clear()

    same = await pair.compare("--bff", pair.bff.url, *TENANT, "--replay", "node.json")
    pair.say(Said(404, b"gone"))
    differ = await pair.compare("--bff", pair.bff.url, *TENANT, "--replay", "node.json")

    held = (pair.folder / "node.json").read_text()
    assert recorded == (0, f"3 answers of {pair.node.url} are in node.json.\n", "")
    assert "for <client key> with <secret> at <base url>" in held
    assert not [word for word in (SECRET, "site-1", "eyJ", pair.node.url) if word in held]
    assert (same[0], differ[0]) == (0, 1)
    assert pair.node.asked == []


async def test_a_recording_without_a_tenant_is_asked_as_far_as_it_goes(pair: Pair) -> None:
    pair.say(PAGE)
    await pair.compare("--node", pair.node.url, "--record", "node.json")

    code, out, _ = await pair.compare("--bff", pair.bff.url, *TENANT, "--replay", "node.json")

    assert code == 0
    assert "Not sent: 2 that are not in the recording.\n1 request: 1 the same" in out


async def test_a_models_words_may_differ_when_they_may(pair: Pair) -> None:
    def stream(text: str) -> Said:
        piece = orjson.dumps({"choices": [{"delta": {"content": text}}]})
        body = b"data: " + piece + b"\n\ndata: [DONE]\n\n"
        return Said(200, body, {"Content-Type": "text/event-stream"})

    pair.say(stream("Hello"), bff=stream("Good day"))
    await pair.compare("--node", pair.node.url, "--record", "node.json")

    live = ("--any-words", *pair.urls)
    replayed = ("--any-words", "--bff", pair.bff.url, "--replay", "node.json")
    assert (await pair.compare(*pair.urls))[0] == 1
    assert (await pair.compare(*live))[0] == 0
    assert (await pair.compare(*replayed))[0] == 0


async def test_the_newest_tenant_of_the_database_signs(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{pair.folder}/here.sqlite"
    monkeypatch.setenv("DATABASE_URL", url)
    async with open_database(url) as db:
        await migrate(db)
        await put_row(db, "old", '{"sharedSecret":"old-secret"}')
        await put_row(db, "new", f'{{"sharedSecret":"{SECRET}"}}')
        await put_row(db, "gone", "{}")
    pair.say(PAGE)

    newest = await pair.compare(*pair.urls)
    asked = pair.bff.bodies[-1]
    chosen = await pair.compare(*pair.urls, "--tenant", "old")
    asked_then = pair.bff.bodies[-1]
    none = await pair.compare(*pair.urls, "--tenant", "gone")

    assert (newest[0], asked) == (0, b'{"key":"new"}')
    assert (chosen[0], asked_then) == (0, b'{"key":"old"}')
    assert none == (1, "", "The database has no tenant gone with a secret.\n")


async def test_a_frontends_files_are_asked_for(pair: Pair) -> None:
    (pair.folder / "built/views").mkdir(parents=True)
    (pair.folder / "built/views/mine.js").write_text("1")
    (pair.folder / "built/views/mine.jsx").write_text("a source, not served")
    pair.say(PAGE)

    code, told, _ = await pair.compare(
        *pair.urls, "--frontend", "built", "--only", "file *", "--jobs", "4"
    )

    assert code == 0, told
    asked = {line for line in pair.node.asked if "mine" in line}
    assert asked >= {"GET /mine.js", "HEAD /mine.js", "POST /mine.js"}
    assert "GET /mine.jsx" not in asked


async def test_an_install_is_changed_by_a_tenant_of_its_own(pair: Pair) -> None:
    for service in (pair.node, pair.bff):
        service.says["/installed"] = Said(204)
    pair.say(PAGE)

    code, _, _ = await pair.compare(*pair.urls, "--lifecycle", "--key-host-port", _free_port())

    installs = [
        orjson.loads(service.bodies[service.asked.index("POST /installed")])
        for service in (pair.node, pair.bff)
    ]
    assert code == 0
    assert installs[0]["clientKey"] != installs[1]["clientKey"]
    assert all(install["baseUrl"].endswith(".atlassian.net/wiki") for install in installs)


@pytest.mark.parametrize("away", ["node", "bff"])
async def test_a_service_that_is_away_is_one_line_with_a_mend(pair: Pair, away: str) -> None:
    getattr(pair, away).url = nobodys_url()

    code, out, err = await pair.compare(*pair.urls)

    assert (code, out, err.count("\n")) == (1, "", 1)
    title = "the Node app" if away == "node" else "this service"
    assert err.startswith(f"{title} at http://127.0.0.1:")
    assert "is it running" in err


async def test_what_is_no_service_is_one_line_too(pair: Pair) -> None:
    pair.bff.says[DESCRIPTOR] = Said(200, b"<html>")

    code, _, err = await pair.compare(*pair.urls)

    assert code == 1
    assert "is the URL its base URL?" in err


async def test_a_key_host_without_a_port_is_one_line(pair: Pair) -> None:
    port = pair.node.url.rpartition(":")[2]

    code, _, err = await pair.compare(*pair.urls, "--lifecycle", "--key-host-port", port)

    assert code == 1
    assert err == (
        f"127.0.0.1:{port} cannot be had for the key host: choose another --key-host-port, and "
        "start both services with it.\n"
    )


async def test_a_database_that_cannot_be_used_is_one_line(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pair.folder / "odd.sqlite").write_bytes(b"no database at all, but a file of some length")
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{pair.folder}/odd.sqlite")

    code, _, err = await pair.compare(*pair.urls)

    assert code == 1
    assert err == (
        "The database file is not a SQLite database: look at DATABASE_URL, or give --client-key "
        "and --shared-secret-file.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("", "--node and --bff are wanted, or --replay in place of --node"),
        ("--node http://a", "--node and --bff are wanted"),
        ("--node a --bff http://b", "--node wants an http or https URL"),
        ("--node http://a --bff http://b --record x", "--record wants --node and no --bff"),
        ("--bff http://b --record x", "--record wants --node and no --bff"),
        ("--node http://a --bff http://b --replay mine.toml", "--replay wants --bff and no --node"),
        ("--bff http://b --replay mine.toml --record x", "--record and --replay exclude"),
        ("--node http://a --bff http://b --client-key k", "go together"),
        ("--node http://a --bff http://b --lifecycle --tenant k", "a tenant of its own"),
        ("--node http://a --bff http://b --known mine.toml", "mine.toml may hold [[known]]"),
        ("--node http://a --bff http://b --requests known.toml", "known.toml may hold [[request]]"),
        ("--bff http://b --replay mine.toml", "mine.toml is no recording of bff compare"),
        ("--requests mine.toml --node http://a --bff http://b", 'two requests are called "my'),
    ],
)
async def test_bad_usage_is_one_line_and_two(pair: Pair, arguments: str, complaint: str) -> None:
    code, out, err = await pair.compare(*arguments.split())

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("bff compare: ")
    assert complaint in err
    assert err.endswith("See bff compare --help.\n")


async def test_an_empty_secret_is_bad_usage(pair: Pair) -> None:
    (pair.folder / "secret").write_text("\n")

    code, _, err = await pair.compare(*pair.urls, *TENANT)

    assert code == 2
    assert "--shared-secret-file is empty" in err


def _free_port() -> str:
    return nobodys_url().rpartition(":")[2]
