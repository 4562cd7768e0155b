"""A vendor with a list of its models, which costs nothing to read: OpenAI and Anthropic.

A name that is not on the list may still be another name of one that is: it is asked for by itself.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

from bff.cli.checks.asking import Asker, Way
from bff.cli.checks.findings import Finding
from bff.cli.checks.models import Named, in_path, judge_models
from bff.cli.checks.ways import Called, Ways, Working, judge_key, look_at_ways, through_gateway

_ANTHROPIC_VERSION = "2023-06-01"


def openai_way(base: str, key: str | None, *, token: str | None = None, gateway: bool) -> Way:
    """*base* is what `/models` follows."""
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return Way(f"{base}/models", {**headers, **(through_gateway(token) if gateway else {})})


def anthropic_way(base: str, key: str | None, *, token: str | None = None, gateway: bool) -> Way:
    """*base* is what `/v1/models` follows."""
    headers = {"anthropic-version": _ANTHROPIC_VERSION} | (
        {} if key is None else {"x-api-key": key}
    )
    return Way(f"{base}/v1/models", {**headers, **(through_gateway(token) if gateway else {})})


async def look_at_list(
    asker: Asker, called: Called, ways: Ways, named: Named, *, key_sent: bool
) -> AsyncIterator[Finding]:
    """*key_sent*: false where the gateway stores the key."""
    working = Working()
    judge = partial(judge_key, called=called, key_sent=key_sent)
    async for finding in look_at_ways(asker, called, ways, working, judge):
        yield finding
    listed = working.seen.value.get("data")
    if working.way is None or not isinstance(listed, list):
        return
    names = {model.get("id") for model in listed if isinstance(model, dict)}
    missing, unsure = [], []
    for model in named:
        if model in names:
            continue
        own = replace(working.way, url=f"{working.way.url}/{in_path(model)}")
        seen = await asker.ask(own)
        if seen.status == 404:
            missing.append(model)
        elif not seen.good:
            unsure.append(model)
    for finding in judge_models(called.vendor, named, missing=missing, unsure=unsure):
        yield finding
