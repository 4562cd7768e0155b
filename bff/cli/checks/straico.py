"""Straico: its key and its coins, and the models' names. Source: providers.md §5."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from bff.cli.checks.asking import Asker, Seen, Way
from bff.cli.checks.findings import Finding, failed, ok, warning
from bff.cli.checks.models import Named, judge_models
from bff.cli.checks.ways import Called, Ways, Working, judge_key, look_at_ways

CALLED = Called("Straico", "STRAICO_API_KEY", "STRAICO_BASE_URL")


async def look_at_straico(
    asker: Asker, *, base_url: str, key: str, endpoint: str, named: Named
) -> AsyncIterator[Finding]:
    """*endpoint* is the setting's: the older ones have an older list."""
    headers = {"Authorization": f"Bearer {key}"}
    working = Working()
    judge = partial(judge_key, called=CALLED)
    ways = Ways(direct=Way(f"{base_url}/v0/user", headers))
    async for finding in look_at_ways(asker, CALLED, ways, working, judge):
        yield finding
    if working.way is None:
        return
    for finding in _judge_coins(working.seen):
        yield finding
    version = "v2" if endpoint == "chat" else "v1"
    names = _names(await asker.ask(Way(f"{base_url}/{version}/models", headers)))
    unsure = [] if names else list(named)
    missing = [model for model in named if names and model not in names]
    for finding in judge_models("Straico", named, missing=missing, unsure=unsure):
        yield finding


def _judge_coins(seen: Seen) -> list[Finding]:
    account = seen.value.get("data")
    coins = account.get("coins") if isinstance(account, dict) else None
    if not isinstance(coins, int | float):
        return [failed("Straico coins", "it tells of no account: look at STRAICO_BASE_URL")]
    if coins <= 0:
        return [warning("Straico coins", "none is left: buy some, or nothing is answered")]
    return [ok("Straico coins", f"{coins:,.0f} left")]


def _names(seen: Seen) -> set[Any]:
    """Of either list; empty where there is none."""
    listed = seen.value.get("data")
    if isinstance(listed, dict):
        listed = listed.get("chat")
    if not seen.good or not isinstance(listed, list):
        return set()
    models = [model for model in listed if isinstance(model, dict)]
    return {model.get("model") or model.get("id") for model in models}
