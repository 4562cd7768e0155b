"""`bff check`: one line for each thing that must be right, with its mend; exit 1 when one is not.

It asks, it changes nothing: no file is made, no token or prompt is spent. What it looks at stands
in checks/, a file for each thing. Source: operations.md.
"""

import asyncio
from collections.abc import AsyncIterator

import click

from bff.cli.checks.asking import Asker, Way, open_session
from bff.cli.checks.clock import judge_clock
from bff.cli.checks.database import look_at_database
from bff.cli.checks.findings import Finding, State, failed, ok, warning
from bff.cli.checks.place import look_at_address, look_at_descriptor
from bff.cli.checks.vendors import look_at_vendors
from bff.connect.forge import read_keys
from bff.settings import Settings, WrongSetting, read_settings

LOOK_S = 10.0  # for one look


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
    here = [look_at_descriptor(settings), look_at_database(settings)]
    if offline:
        for each in (look_at_address(settings, None), *here):
            async for finding in _bounded(each):
                yield finding
        return
    async with open_session() as session:
        upstream, others = Asker(session), Asker(session)
        for each in (
            look_at_address(settings, others),
            *here,
            *look_at_vendors(settings, upstream),
            _look_at_clock(upstream),
            _look_at_forge(settings, others),
        ):
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


async def _look_at_clock(asker: Asker) -> AsyncIterator[Finding]:
    """Beside that of whoever answered first; nothing where nobody did."""
    if asker.dated is not None:
        for finding in judge_clock(asker.dated):
            yield finding


async def _look_at_forge(settings: Settings, asker: Asker) -> AsyncIterator[Finding]:
    if settings.forge_app_id is None:
        return
    seen = await asker.ask(Way(settings.forge_jwks_url))
    if seen.status == 200 and read_keys(seen.value):
        yield ok("Forge keys", "their host has them")
    else:
        why = seen.why or f"answers {seen.status} without a key"
        yield failed("Forge keys", f"their host {why}: look at FORGE_JWKS_URL")
