"""The ways to one vendor: through the gateway, and directly. Which of them works, and if not, why.

Not what a vendor has to offer: that is the vendor's own file. Source: gateway.md §2, §5.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from bff.cli.checks.asking import Asker, Seen, Way
from bff.cli.checks.findings import Finding, State, failed, ok, warning
from bff.dialects import cloudflare
from bff.errors import Sign

_STORED_KEY = (2040, 2047)  # about the key that the gateway stores


Judge = Callable[[Seen], Finding]  # of the vendor's answer, the gateway's own left out


@dataclass(frozen=True, slots=True)
class Called:
    """How a vendor and its settings are called in what is said: *key* and *address* are variables,
    *gateway* those that say where the gateway is, *around* the way past it.
    """

    vendor: str
    key: str
    address: str
    gateway: str = "GATEWAY_URL"
    around: str = ""


@dataclass(frozen=True, slots=True)
class Ways:
    """What is asked on each way, where there is one. *token_sent* to the gateway."""

    through: Way | None = None
    direct: Way | None = None
    token_sent: bool = False


@dataclass(slots=True)
class Working:
    """The way that works and its answer, once they are known."""

    way: Way | None = None
    seen: Seen = field(default_factory=lambda: Seen(0))


def through_gateway(token: str | None) -> Mapping[str, str]:
    """The headers that only the gateway reads."""
    headers = {"cf-aig-skip-cache": "true"}
    return headers if token is None else {**headers, "cf-aig-authorization": f"Bearer {token}"}


async def look_at_ways(
    asker: Asker, called: Called, ways: Ways, working: Working, judge: Judge
) -> AsyncIterator[Finding]:
    """The gateway first; behind one that is wrong the key is tried directly. *working* is filled
    in where *judge* finds nothing to complain of.
    """

    async def judged(way: Way) -> Finding:
        seen = await asker.ask(way)
        finding = judge(seen)
        if finding.state is State.OK:
            working.way, working.seen = way, seen
        return finding

    if ways.through is not None:
        finding = judge_gateway(await asker.ask(ways.through), called, token_sent=ways.token_sent)
        yield finding
        if finding.state is State.OK:
            yield await judged(ways.through)
            if working.way is not None and ways.direct is not None:
                yield _judge_way_around(judge(await asker.ask(ways.direct)), called)
            return
    if ways.direct is not None:
        yield await judged(ways.direct)
    else:
        yield warning(f"{called.vendor} key", "not looked at: mend the gateway first")


def judge_gateway(seen: Seen, called: Called, *, token_sent: bool) -> Finding:
    about = "gateway"
    if not seen.status:
        return failed(about, f"it {seen.why}: look at {called.gateway}")
    code = gateway_code(seen)
    if code in _STORED_KEY:
        return ok(about, "it answers")
    if code == 2001:
        ids = "CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_GATEWAY_ID"
        return failed(about, f"there is none of that name (2001): look at {ids}")
    if code == 2009:
        said = "refuses the token (2009): look at" if token_sent else "wants a token (2009): set"
        return failed(about, f"it {said} CLOUDFLARE_GATEWAY_TOKEN")
    if code is not None:
        return failed(about, f"it refuses with code {code}: look at its settings at Cloudflare")
    refusal = cloudflare.read_refusal(seen.status, seen.content_type, seen.body)
    if refusal is not None and refusal.sign in (Sign.EDGE, Sign.EDGE_REFUSED):
        return failed(about, f"Cloudflare's edge answers {seen.status}: try again later")
    return ok(about, "it answers")


def judge_key(seen: Seen, called: Called, *, key_sent: bool = True) -> Finding:
    """Of an answer that costs nothing. Without a key of ours (*key_sent*) the gateway stores it."""
    about = f"{called.vendor} key"
    name = called.key if key_sent else "the key stored at the gateway"
    if not seen.status:
        return failed(about, f"the upstream {seen.why}: look at {called.address}")
    if seen.good:
        return ok(about, "it is accepted")
    if seen.status == 401 or gateway_code(seen) in _STORED_KEY:
        return failed(about, f"it is refused: look at {name}")
    if seen.status == 403:
        return warning(about, f"it may not list models (403): look at the rights of {name}")
    if seen.status == 429:
        return warning(about, "its limit or its budget is used up (429)")
    if 300 <= seen.status < 400:
        return failed(about, f"the upstream answers {seen.status}: look at {called.address}")
    return warning(about, f"not known: the upstream answers {seen.status} to a first question")


def _judge_way_around(finding: Finding, called: Called) -> Finding:
    """Nobody is served by it now, so nothing of it is a failure."""
    about = f"{called.vendor} directly"
    if finding.state is State.OK:
        return ok(about, "it answers, should the gateway fail")
    why = finding.said.partition(":")[0]
    return warning(about, f"{why}: look at {called.around or called.address}")


def gateway_code(seen: Seen) -> int | None:
    """The internal code of the gateway's own error (gateway.md §5); None when it is not one."""
    value = seen.value
    if value.get("name") != "AiGatewayError" or not isinstance(value.get("error"), list):
        return None
    code = value.get("internalCode")
    return code if isinstance(code, int) else 0
