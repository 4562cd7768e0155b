"""The add-on's place in the world: its descriptor, and the address that Atlassian will use."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from bff.cli.checks.asking import Asker, Seen, Way, read_object
from bff.cli.checks.findings import Finding, failed, ok, warning
from bff.settings import Settings, WrongSetting
from bff.wiring import connect_facts

_ATLASSIAN_PORTS = (None, 80, 443, 8080)  # node-bff.md §8


async def look_at_address(settings: Settings, asker: Asker | None) -> AsyncIterator[Finding]:
    """Without an *asker* the address is only read."""
    about, url = "public URL", settings.base_url
    if settings.ac_local_base_url is None and not settings.development:
        yield failed(about, "not set: set AC_LOCAL_BASE_URL to the public https address")
    elif urlsplit(url).port not in _ATLASSIAN_PORTS and not settings.development:
        yield warning(about, f"{url}: Atlassian fetches from ports 80, 443 and 8080 only")
    elif asker is None or settings.ac_local_base_url is None:
        yield ok(about, url)
    else:
        seen = await asker.ask(Way(f"{url.rstrip('/')}/atlassian-connect.json"))
        yield _judge_address(url, seen, _app_key(settings))


def _judge_address(url: str, seen: Seen, expected_key: str | None) -> Finding:
    about = "public URL"
    if not seen.status:
        return warning(about, f"{url} {seen.why}: start the service, or look at the router")
    if seen.status != 200:
        return warning(
            about, f"{url} answers {seen.status} for the descriptor: is it this service?"
        )
    there = seen.value
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


async def look_at_descriptor(settings: Settings) -> AsyncIterator[Finding]:
    about, path = "descriptor", settings.connect_descriptor
    try:
        facts = connect_facts(settings)
    except WrongSetting as wrong:
        yield failed(about, str(wrong))
    else:
        migrations = read_object(facts.descriptor).get("apiMigrations")
        if not (isinstance(migrations, dict) and migrations.get("signed-install")):
            yield failed(about, f"{path} lacks apiMigrations.signed-install: add it")
        else:
            yield ok(about, f"{facts.app_key}")
