"""`bff check`: one line for each thing that must be right, with its mend; exit 1 when one is not.

It asks, it changes nothing: no file is made, no token or prompt is spent. Source: operations.md.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import click

from bff import __version__
from bff.connect.forge import read_keys
from bff.dialects import cloudflare
from bff.dialects.json_text import read_json
from bff.errors import Problem, Sign
from bff.settings import Settings, UpstreamPlan, WrongSetting, read_settings
from bff.store.db import Database, open_database, reason_of
from bff.store.duplicates import count_duplicates
from bff.store.migrate import schema_state
from bff.store.url import read_database_url
from bff.wiring import connect_facts

LOOK_S = 10.0  # for one look
ANSWER_S = 8.0  # for one HTTP answer
_BODY_MOST = 256 * 1024
_ATLASSIAN_PORTS = (None, 80, 443, 8080)  # node-bff.md §8
_SKEW_NOTED_S, _SKEW_MOST_S = 5.0, 60.0  # tokens have no leeway at their end


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. *said* holds the mend where one is needed."""

    state: State
    about: str
    said: str

    def __str__(self) -> str:
        return f"{self.state:<8}{self.about}: {self.said}"


@dataclass(frozen=True, slots=True)
class Seen:
    """An HTTP answer, or why there was none (*status* 0, *why* goes on after a name)."""

    status: int
    why: str = ""
    content_type: str = ""
    date: str = ""
    body: bytes = b""


def ok(about: str, said: str) -> Finding:
    return Finding(State.OK, about, said)


def warning(about: str, said: str) -> Finding:
    return Finding(State.WARNING, about, said)


def failed(about: str, said: str) -> Finding:
    return Finding(State.FAILED, about, said)


@click.command("check")
@click.option("--offline", is_flag=True, help="Leave out what needs the network.")
def command(offline: bool) -> None:
    """Look at everything the service needs, and say how to mend what is not right.

    One line each: ok, warning or failed. Exit 1 when one failed.

    \b
    Examples:
      bff check
      bff check --offline
    """
    if asyncio.run(_report(offline)):
        click.get_current_context().exit(1)


async def _report(offline: bool) -> bool:
    """Prints what is found as it is found; whether something failed."""
    bad = False
    async for finding in look(offline=offline):
        click.echo(str(finding))
        bad = bad or finding.state is State.FAILED
    return bad


async def look(*, offline: bool) -> AsyncIterator[Finding]:
    """Every finding, in the order of what depends on what."""
    settings, findings = _look_at_settings()
    for finding in findings:
        yield finding
    if settings is None:
        return
    looks = [_look_at_descriptor(settings), _look_at_database(settings)]
    if offline:
        looks.insert(0, _look_at_address(settings, None))
        for each in looks:
            async for finding in _bounded(each):
                yield finding
        return
    timeout = aiohttp.ClientTimeout(total=ANSWER_S)
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as web:
        looks.insert(0, _look_at_address(settings, web))
        looks += [_look_at_upstream(settings, web), _look_at_forge(settings, web)]
        for each in looks:
            async for finding in _bounded(each):
                yield finding


async def _bounded(findings: AsyncIterator[Finding]) -> AsyncIterator[Finding]:
    """One look, for so long and no longer."""
    try:
        while True:
            async with asyncio.timeout(LOOK_S):
                finding = await anext(findings, None)
            if finding is None:
                return
            yield finding
    except TimeoutError:
        yield failed("check", f"a look did not end within {LOOK_S:.0f} s; run it again")


def _look_at_settings() -> tuple[Settings | None, list[Finding]]:
    try:
        settings = read_settings()
    except WrongSetting as wrong:
        findings = [failed("settings", line) for line in wrong.lines]
        try:
            return read_settings(upstream_needed=False), findings
        except WrongSetting:
            return None, findings
    lines = [line for line in settings.warnings() if not line.startswith("AC_LOCAL_BASE_URL is n")]
    return settings, [warning("settings", line) for line in lines] or [
        ok("settings", f"{settings.app_env}, {settings.chat_model}")
    ]


async def _look_at_address(
    settings: Settings, web: aiohttp.ClientSession | None
) -> AsyncIterator[Finding]:
    about, url = "public URL", settings.base_url
    if settings.ac_local_base_url is None and not settings.development:
        yield failed(about, "not set: set AC_LOCAL_BASE_URL to the public https address")
    elif urlsplit(url).port not in _ATLASSIAN_PORTS and not settings.development:
        yield warning(about, f"{url}: Atlassian fetches from ports 80, 443 and 8080 only")
    elif web is None or settings.ac_local_base_url is None:
        yield ok(about, url)
    else:
        seen = await _ask(web, f"{url.rstrip('/')}/atlassian-connect.json")
        yield _judge_address(url, seen, _app_key(settings))


def _judge_address(url: str, seen: Seen, expected_key: str | None) -> Finding:
    about = "public URL"
    if not seen.status:
        return warning(about, f"{url} {seen.why}: start the service, or look at the router")
    if seen.status != 200:
        return warning(
            about, f"{url} answers {seen.status} for the descriptor: is it this service?"
        )
    there = _object(seen.body)
    if expected_key is not None and there.get("key") != expected_key:
        return failed(about, f"{url} serves another add-on: look at AC_LOCAL_BASE_URL")
    if there.get("baseUrl") != url:
        return warning(about, f"{url} serves a descriptor with another base URL: restart it")
    return ok(about, f"{url} serves the descriptor")


def _app_key(settings: Settings) -> str | None:
    """The add-on's key, if the descriptor can be read."""
    try:
        return connect_facts(settings).app_key
    except WrongSetting:
        return None


async def _look_at_descriptor(settings: Settings) -> AsyncIterator[Finding]:
    about, path = "descriptor", settings.connect_descriptor
    try:
        facts = connect_facts(settings)
    except WrongSetting as wrong:
        yield failed(about, str(wrong))
    else:
        migrations = _object(facts.descriptor).get("apiMigrations")
        if not (isinstance(migrations, dict) and migrations.get("signed-install")):
            yield failed(about, f"{path} lacks apiMigrations.signed-install: add it")
        else:
            yield ok(about, f"{facts.app_key}")


async def _look_at_database(settings: Settings) -> AsyncIterator[Finding]:
    missing = _missing_file(settings.database_url)
    if missing is not None:
        yield missing
        return
    async with open_database(settings.database_url) as db:
        try:
            async for finding in _look_into(db):
                yield finding
        except Problem as problem:
            yield failed("database", f"the database {reason_of(problem)}: look at DATABASE_URL")


def _missing_file(database_url: str) -> Finding | None:
    """A SQLite file that is not there yet: opening it would make it."""
    url = read_database_url(database_url)
    path = Path(url.place)
    if url.dialect != "sqlite" or path.exists():
        return None
    if path.parent.is_dir():
        return ok("database", f"SQLite, {path}: made at the first start")
    return failed("database", f"the directory of {path} does not exist: make it")


async def _look_into(db: Database) -> AsyncIterator[Finding]:
    async with db.reading() as connection:
        await connection.exec_driver_sql("SELECT 1")
    yield ok("database", f"SQLite {sqlite3.sqlite_version}" if _embedded(db) else "PostgreSQL")
    state = await schema_state(db)
    if state.ahead:
        yield failed(
            "migrations", f"{state.current} is newer than this release, which knows {state.head}"
        )
    elif not state.behind:
        yield ok("migrations", f"{state.head}")
    elif _embedded(db):
        yield ok("migrations", f"bff serve brings the file to {state.head}")
    else:
        yield failed("migrations", f"the schema is behind {state.head}: run bff migrate")
    if state.behind:
        return
    duplicates = await count_duplicates(db)
    if duplicates.surplus:
        yield warning("tenants", f"{duplicates.surplus} duplicate rows: run bff migrate")
    if duplicates.undecided:
        said = f"{duplicates.undecided} have different secrets in several rows: each is tried"
        yield warning("tenants", f"{said}, and the next install leaves one")
    if not (duplicates.surplus or duplicates.undecided):
        yield ok("tenants", "one row each")


def _embedded(db: Database) -> bool:
    return db.dialect == "sqlite"


async def _look_at_upstream(
    settings: Settings, web: aiohttp.ClientSession
) -> AsyncIterator[Finding]:
    plan = settings.upstream()
    if plan.api_key is None and plan.gateway_token is None:
        return  # the settings have been told so
    seen = await _ask_upstream(web, plan, plan.base_url)
    if plan.is_gateway:
        finding = _judge_gateway(seen, plan)
        yield finding
        if finding.state is State.OK:
            yield _judge_key(seen, plan)
        elif plan.fallback_base_url is not None:
            around = await _ask_upstream(web, plan, plan.fallback_base_url)
            yield _judge_key(around, plan)
            seen = seen if seen.status else around
        else:
            yield warning("provider key", "not looked at: mend the gateway first")
    else:
        yield ok("gateway", "none is used")
        yield _judge_key(seen, plan)
    for finding in _judge_clock(seen):
        yield finding


async def _ask_upstream(web: aiohttp.ClientSession, plan: UpstreamPlan, base: str) -> Seen:
    headers = {"cf-aig-skip-cache": "true"} if base == plan.base_url and plan.is_gateway else {}
    if headers and plan.gateway_token is not None:
        headers["cf-aig-authorization"] = f"Bearer {plan.gateway_token.get_secret_value()}"
    if plan.api_key is not None:
        headers["Authorization"] = f"Bearer {plan.api_key.get_secret_value()}"
    return await _ask(web, f"{base}/models", headers)


def _judge_gateway(seen: Seen, plan: UpstreamPlan) -> Finding:
    about = "gateway"
    if not seen.status:
        return failed(about, f"it {seen.why}: look at OPENAI_BASEURL and GATEWAY_URL")
    code = _gateway_code(seen.body)
    if code in (2040, 2047):
        return ok(about, "it answers")  # about the key it stores
    if code == 2001:
        ids = "CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_GATEWAY_ID"
        return failed(about, f"there is none of that name (2001): look at {ids}")
    if code == 2009 and plan.gateway_token is None:
        return failed(about, "it wants a token (2009): set CLOUDFLARE_GATEWAY_TOKEN")
    if code == 2009:
        return failed(about, "it refuses the token (2009): look at CLOUDFLARE_GATEWAY_TOKEN")
    if code is not None:
        return failed(about, f"it refuses with code {code}: look at its settings at Cloudflare")
    refusal = cloudflare.read_refusal(seen.status, seen.content_type, seen.body)
    if refusal is not None and refusal.sign in (Sign.EDGE, Sign.EDGE_REFUSED):
        return failed(about, f"Cloudflare's edge answers {seen.status}: try again later")
    return ok(about, "it answers")


def _judge_key(seen: Seen, plan: UpstreamPlan) -> Finding:
    about, name = "provider key", "OPENAI_API_KEY"
    if plan.api_key is None:
        name = "the key stored at the gateway"
    if not seen.status:
        return failed(about, f"the upstream {seen.why}: look at OPENAI_BASEURL")
    if 200 <= seen.status < 300:
        return ok(about, "it is accepted")
    if seen.status == 401 or _gateway_code(seen.body) in (2040, 2047):
        return failed(about, f"it is refused: look at {name}")
    if seen.status == 403:
        return warning(about, f"it may not list models (403): look at the rights of {name}")
    if seen.status == 429:
        return warning(about, "its limit or its budget is used up (429)")
    if 300 <= seen.status < 400:
        return failed(about, f"the upstream answers {seen.status}: look at OPENAI_BASEURL")
    return warning(about, f"not known: the upstream answers {seen.status} for its list of models")


async def _look_at_forge(settings: Settings, web: aiohttp.ClientSession) -> AsyncIterator[Finding]:
    if settings.forge_app_id is None:
        return
    seen = await _ask(web, settings.forge_jwks_url)
    if seen.status == 200 and read_keys(_object(seen.body)):
        yield ok("Forge keys", "their host has them")
    else:
        why = seen.why or f"answers {seen.status} without a key"
        yield failed("Forge keys", f"their host {why}: look at FORGE_JWKS_URL")


def _judge_clock(seen: Seen) -> Iterator[Finding]:
    try:
        theirs = parsedate_to_datetime(seen.date)
    except ValueError:
        return
    ahead = (datetime.now(UTC) - theirs.astimezone(UTC)).total_seconds()
    said = f"{abs(ahead):.0f} s {'ahead' if ahead > 0 else 'behind'}"
    if abs(ahead) <= _SKEW_NOTED_S:
        yield ok("clock", "agrees with upstream")
    elif abs(ahead) <= _SKEW_MOST_S:
        yield warning("clock", f"{said}: tokens may be refused; let the machine keep time by NTP")
    else:
        yield failed("clock", f"{said}: tokens are refused; let the machine keep time by NTP")


async def _ask(web: aiohttp.ClientSession, url: str, headers: dict[str, str] | None = None) -> Seen:
    sent = {"User-Agent": f"gptdock-bff/{__version__}", "Accept": "application/json"}
    try:
        async with web.get(url, headers=sent | (headers or {}), allow_redirects=False) as answer:
            body = bytearray()
            while len(body) < _BODY_MOST and (piece := await answer.content.readany()):
                body += piece
            date = answer.headers.get("Date", "")
            return Seen(answer.status, "", answer.content_type, date, bytes(body))
    except TimeoutError:
        return Seen(0, f"does not answer within {ANSWER_S:.0f} s")
    except aiohttp.ClientConnectorCertificateError:
        return Seen(0, "has a certificate we do not trust")
    except aiohttp.ClientConnectorDNSError:
        return Seen(0, "has a name that is not known")
    except aiohttp.ClientConnectorError:
        return Seen(0, "refuses connections")
    except aiohttp.ClientError:
        return Seen(0, "breaks off instead of answering")


def _gateway_code(body: bytes) -> int | None:
    """The internal code of the gateway's own error (gateway.md §5); None when it is not one."""
    value = _object(body)
    listed = value.get("error")
    if value.get("name") != "AiGatewayError" or not isinstance(listed, list):
        return None
    code = value.get("internalCode")
    return code if isinstance(code, int) else 0


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = read_json(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
