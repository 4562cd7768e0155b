"""Our clock beside upstream's: tokens have no leeway at their end."""

from collections.abc import Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime

from bff.cli.checks.asking import Seen
from bff.cli.checks.findings import Finding, failed, ok, warning

_NOTED_S, _MOST_S = 5.0, 60.0


def judge_clock(seen: Seen) -> Iterator[Finding]:
    """Nothing where *seen* does not say what time it was."""
    try:
        theirs = parsedate_to_datetime(seen.date)
    except ValueError:
        return
    ahead = (seen.came - theirs.astimezone(UTC)).total_seconds()
    said = f"{abs(ahead):.0f} s {'ahead' if ahead > 0 else 'behind'}"
    if abs(ahead) <= _NOTED_S:
        yield ok("clock", "agrees with upstream")
    elif abs(ahead) <= _MOST_S:
        yield warning("clock", f"{said}: tokens may be refused; let the machine keep time by NTP")
    else:
        yield failed("clock", f"{said}: tokens are refused; let the machine keep time by NTP")
