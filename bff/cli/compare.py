"""`bff compare`: the Node app and this service asked the same, every difference side by side.

What is sent, what may differ and why are data files of bff/compare. Source: operations.md.
"""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

from bff.cli import Failure
from bff.compare import report
from bff.compare.choosing import Choice, Wishes, choose, recorded
from bff.compare.judging import Verdict, judge, unused
from bff.compare.known import Known, read_known
from bff.compare.lifecycle import called_by_a_new_tenant, new_signing, open_key_host
from bff.compare.outcome import Outcome
from bff.compare.recording import Recording, read_recording, without_words, write_recording
from bff.compare.requests import Request, read_requests, refuse_twins, requests_for_files
from bff.compare.rows import WrongFile
from bff.compare.running import Away, Side, called_by, find_side, run
from bff.compare.sending import open_sender
from bff.dialects.json_text import write_ascii
from bff.errors import Problem
from bff.settings import Settings, read_settings
from bff.store.db import open_database, reason_of
from bff.store.newest import find_tenant
from bff.store.url import read_database_url
from bff.web.frontend import TREES, find_file
from bff.wiring import SystemClock

NODE, BFF = "the Node app", "this service"
FILES_MOST = 300  # of a frontend
_OWN = files("bff.compare")
_A_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The command line, read."""

    node: str | None
    bff: str | None
    record: Path | None
    replay: Path | None
    only: tuple[str, ...]
    more_requests: tuple[Path, ...]
    more_known: tuple[Path, ...]
    tenant: str | None
    client_key: str | None
    shared_secret_file: Any
    frontend: Path | None
    lifecycle: bool
    key_host: str
    key_host_port: int
    upstream: bool
    any_words: bool
    faults: bool
    risky: bool
    limit_s: float
    jobs: int
    everything: bool
    as_json: bool


@click.command("compare")
@click.option("--node", metavar="URL", help="The Node app.")
@click.option("--bff", metavar="URL", help="This service.")
@click.option(
    "--record",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Ask the Node app alone and keep what it answers in this file; no secret is in it.",
)
@click.option("--replay", type=_A_FILE, help="Compare with such a file instead of the Node app.")
@click.option("--only", metavar="PATTERN", multiple=True, help="Only requests of that name.")
@click.option("--requests", "more_requests", type=_A_FILE, multiple=True, help="More requests.")
@click.option("--known", "more_known", type=_A_FILE, multiple=True, help="More known differences.")
@click.option("--tenant", metavar="KEY", help="A tenant of DATABASE_URL; else its newest one.")
@click.option("--client-key", metavar="KEY", help="A tenant by key and secret, not DATABASE_URL's.")
@click.option(
    "--shared-secret-file", type=click.File("r"), help="Where that secret stands; - is stdin."
)
@click.option(
    "--frontend",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Ask for each file of this frontend too.  [default: FRONTEND_DIR]",
)
@click.option(
    "--lifecycle",
    is_flag=True,
    help="Install a throw-away tenant on both, use it and let it go. Both must have been started "
    "with the key host below as CONNECT_KEYS_CDN_URL or CONNECT_INSTALL_KEYS_URL.",
)
@click.option("--key-host", metavar="HOST", default="127.0.0.1", show_default=True)
@click.option("--key-host-port", type=click.IntRange(1, 65535), default=8766, show_default=True)
@click.option("--no-upstream", is_flag=True, help="Ask no model: nothing that costs money.")
@click.option("--any-words", is_flag=True, help="A model's words may differ (real ones do).")
@click.option("--faults", is_flag=True, help="Let the upstream fail; it must be `bff simulate`.")
@click.option("--risky", is_flag=True, help="Also what may end the Node app's process.")
@click.option(
    "--limit", "limit_s", type=click.FloatRange(0.1, 600), default=10, show_default=True,
    metavar="SECONDS", help="How long to wait for an answer.",
)  # fmt: skip
@click.option(
    "--jobs", type=click.IntRange(1, 50), default=1, show_default=True,
    help="Requests at a time; above STREAMS_PER_USER this service refuses some.",
)  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="Known differences side by side too.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def command(no_upstream: bool, **given: Any) -> None:
    """Ask the Node app and this service the same, and show what differs.

    Status, headers, body and streams are compared, for every route, kind of token and sort of bad
    body. What is known to differ and wanted so is listed with its reason. Exit 1 on any other
    difference.

    Tokens are made with a tenant's secret, read from DATABASE_URL or given. Installs are changed
    with --lifecycle only.

    \b
    Examples:
      bff compare --node http://localhost:3001 --bff http://localhost:3000 --no-upstream
      bff compare --node https://old.example --record node.json
      bff compare --replay node.json --bff http://localhost:3000
    """
    asked = Asked(upstream=not no_upstream, **given)
    _refuse_what_does_not_fit(asked)
    try:
        clean = asyncio.run(_compare(asked))
    except WrongFile as wrong:
        raise click.UsageError(str(wrong)) from wrong
    except Away as away:
        raise Failure(str(away)) from away
    if not clean:
        click.get_current_context().exit(1)


def _refuse_what_does_not_fit(asked: Asked) -> None:
    if asked.record and asked.replay:
        raise click.UsageError("--record and --replay exclude each other.")
    if asked.record and (asked.bff or not asked.node):
        raise click.UsageError("--record wants --node and no --bff.")
    if asked.replay and (asked.node or not asked.bff):
        raise click.UsageError("--replay wants --bff and no --node.")
    if not (asked.record or asked.replay or (asked.node and asked.bff)):
        raise click.UsageError("--node and --bff are wanted, or --replay in place of --node.")
    if bool(asked.client_key) != bool(asked.shared_secret_file):
        raise click.UsageError("--client-key and --shared-secret-file go together.")
    if asked.lifecycle and (asked.client_key or asked.tenant):
        raise click.UsageError("--lifecycle makes a tenant of its own.")
    for name, url in (("--node", asked.node), ("--bff", asked.bff)):
        if url and not url.startswith(("http://", "https://")):
            raise click.UsageError(f"{name} wants an http or https URL.")


async def _compare(asked: Asked) -> bool:
    """Whether there is no unknown difference."""
    settings = read_settings(upstream_needed=False)
    requests, known = _read_requests(asked, settings), _read_known(asked)
    recording = (
        read_recording(asked.replay.read_bytes(), asked.replay.name) if asked.replay else None
    )
    if recording is not None and asked.any_words:
        recording = without_words(recording)
    async with _open_sides(asked, settings, any_words=bool(recording and recording.any_words)) as (
        sides,
        signed,
    ):
        wishes = Wishes(
            only=asked.only or ("*",),
            upstream=asked.upstream,
            faults=asked.faults,
            risky=asked.risky,
            lifecycle=asked.lifecycle,
            has_tenant=signed,
        )
        choice = choose(requests, wishes)
        if asked.record:
            await _record(sides[0], choice, asked)
            return True
        if recording is not None:
            held = recorded(choice.requests, recording.outcomes)
            choice = Choice(held.requests, choice.left_out + held.left_out)
        verdicts = await _judge_all(sides, recording, choice, known, asked)
    return _print(verdicts, known, choice.left_out, asked)


def _read_requests(asked: Asked, settings: Settings) -> tuple[Request, ...]:
    """The set, the administrator's own, and the frontend's files. Raises WrongFile."""
    own = read_requests((_OWN / "requests.toml").read_text("utf-8"), "requests.toml")
    more = [
        request
        for path in asked.more_requests
        for request in read_requests(path.read_text("utf-8"), path.name)
    ]
    frontend = asked.frontend or settings.frontend_dir
    paths = [] if frontend is None else list(_paths_of(frontend))
    requests = (*own, *more, *requests_for_files(paths[:FILES_MOST]))
    refuse_twins(requests, "the requests")
    return requests


def _paths_of(frontend: Path) -> list[str]:
    """What is served of a built frontend, by its path from the root."""
    trees = tuple((at, (frontend / below).resolve()) for at, below in TREES)
    found = (
        f"{at}/{file.relative_to(root).as_posix()}"
        for at, root in trees
        for file in sorted(root.rglob("*"))
        if file.is_file()
    )
    return [path for path in found if path.isascii() and find_file(trees, path) is not None]


def _read_known(asked: Asked) -> tuple[Known, ...]:
    name = "known_differences.toml"
    own = read_known((_OWN / name).read_text("utf-8"), name)
    more = [
        row for path in asked.more_known for row in read_known(path.read_text("utf-8"), path.name)
    ]
    return (*more, *own)


# -- who is asked, and by whom ---------------------------------------------------------------------


@asynccontextmanager
async def _open_sides(
    asked: Asked, settings: Settings, *, any_words: bool
) -> AsyncIterator[tuple[list[Side], bool]]:
    """The services there are to ask, and whether there is a tenant to ask as."""
    async with AsyncExitStack() as stack:
        sender = await stack.enter_async_context(open_sender(asked.jobs))
        sides = [
            await find_side(
                title,
                url,
                sender,
                SystemClock().sleep,
                limit_s=asked.limit_s,
                any_words=asked.any_words or any_words,
            )
            for title, url in ((NODE, asked.node), (BFF, asked.bff))
            if url
        ]
        if asked.lifecycle:
            signing = new_signing()
            try:
                await stack.enter_async_context(
                    open_key_host(signing, asked.key_host, asked.key_host_port)
                )
            except OSError as error:
                raise Failure(
                    f"{asked.key_host}:{asked.key_host_port} cannot be had for the key host: "
                    "choose another --key-host-port, and start both services with it."
                ) from error
            yield [called_by_a_new_tenant(side, signing) for side in sides], True
            return
        tenant = await _find_tenant(asked, settings)
        yield [called_by(side, *tenant) for side in sides] if tenant else sides, bool(tenant)


async def _find_tenant(asked: Asked, settings: Settings) -> tuple[str, str] | None:
    """A client key and its secret: the given one, or one that is stored."""
    if asked.client_key:
        secret = asked.shared_secret_file.read().strip()
        if not secret:
            raise click.UsageError("--shared-secret-file is empty.")
        return asked.client_key, secret
    if _would_be_made(settings.database_url):
        return None
    async with open_database(settings.database_url) as db:
        try:
            tenant = await find_tenant(db, asked.tenant)
        except Problem as problem:
            raise Failure(
                f"The database {reason_of(problem)}: look at DATABASE_URL, or give --client-key "
                "and --shared-secret-file."
            ) from problem
    if tenant is None and asked.tenant:
        raise Failure(f"The database has no tenant {asked.tenant} with a secret.")
    return None if tenant is None else (tenant.client_key, tenant.secrets[0])


def _would_be_made(database_url: str) -> bool:
    """Whether it is a SQLite file that is not there: opening it makes it."""
    url = read_database_url(database_url)
    return url.dialect == "sqlite" and not Path(url.place).exists()


# -- asking ----------------------------------------------------------------------------------------


async def _record(node: Side, choice: Choice, asked: Asked) -> None:
    assert asked.record is not None  # noqa: S101 - looked at before
    with _Progress(len(choice.requests)) as progress:

        async def ask(request: Request) -> tuple[str, Outcome]:
            outcome = await node.ask(request)
            progress.step(request.name)
            return request.name, outcome

        pairs = [pair async for pair in run(choice.requests, ask, asked.jobs)]
    outcomes = dict(pairs)
    asked.record.write_bytes(write_recording(Recording(outcomes, node.any_words)))
    for reason in choice.left_out:
        click.echo(f"Not sent: {reason}.")
    click.echo(f"{len(outcomes)} answers of {node.url} are in {asked.record}.")


async def _judge_all(
    sides: Sequence[Side],
    recording: Recording | None,
    choice: Choice,
    known: Sequence[Known],
    asked: Asked,
) -> list[Verdict]:
    with _Progress(len(choice.requests)) as progress:

        async def ask(request: Request) -> Verdict:
            if recording is None:
                node, bff = await sides[0].ask(request), await sides[1].ask(request)
            else:
                node, bff = recording.outcomes[request.name], await sides[0].ask(request)
            progress.step(request.name)
            return judge(request, node, bff, known)

        return [verdict async for verdict in run(choice.requests, ask, asked.jobs)]


class _Progress:
    """One line on a terminal's stderr, rewritten; elsewhere nothing."""

    def __init__(self, total: int) -> None:
        self._total, self._done = total, 0
        self._shown = sys.stderr.isatty()

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._write("")

    def step(self, name: str) -> None:
        self._done += 1
        self._write(f"{self._done}/{self._total} {name}"[:78])

    def _write(self, line: str) -> None:
        if self._shown:
            click.echo(f"\r\x1b[K{line}", nl=False, err=True)


# -- telling ---------------------------------------------------------------------------------------


def _print(
    verdicts: Sequence[Verdict], known: Sequence[Known], left_out: Sequence[str], asked: Asked
) -> bool:
    rows = [] if asked.only else unused(known, verdicts)
    clean = not report.count(verdicts).different
    if asked.as_json:
        click.echo(write_ascii(report.as_json(verdicts, rows, left_out)).decode())
        return clean
    terminal = sys.stdout.isatty()
    paper = report.open_paper(_terminal_width(), colours=terminal)
    shown = [
        verdict for verdict in verdicts if verdict.unknown or (asked.everything and verdict.found)
    ]
    blocks = [
        *(report.side_by_side(verdict, paper, everything=asked.everything) for verdict in shown),
        *report.known_by_reason(verdicts, paper),
        report.unused_rows(rows, paper),
        report.summary(verdicts, left_out, paper),
    ]
    click.echo("\n\n".join("\n".join(block) for block in blocks if block))
    return clean


def _terminal_width() -> int:
    """Of the terminal, or what COLUMNS says."""
    return shutil.get_terminal_size((100, 24)).columns
