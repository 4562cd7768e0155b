"""Who set tokens aside: this process by name, and which of its host's others are no more."""

import os
import secrets
import socket
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

_HOST_MOST = 200  # characters; the column has 255


def this_process() -> str:
    """`host:pid:nonce`: another process that gets our number later is still another."""
    return f"{socket.gethostname()[:_HOST_MOST]}:{os.getpid()}:{_nonce(os.getpid())}"


def gone(holders: Iterable[str], me: str, is_running: Callable[[int], bool]) -> list[str]:
    """Those of *holders* that were processes of *me*'s host and are no more."""
    host, pid, _ = me.rsplit(":", 2)
    found = []
    for holder in holders:
        parts = holder.rsplit(":", 2)
        if len(parts) < 3 or parts[0] != host or not parts[1].isdecimal() or holder == me:
            continue
        if parts[1] == pid or not is_running(int(parts[1])):
            found.append(holder)
    return found


def is_running(pid: int) -> bool:
    """Where we cannot ask, it is: its lease will tell."""
    if sys.platform == "win32":  # pragma: no cover - a signal 0 would end it there
        return True
    try:
        os.kill(pid, 0)
    except (OverflowError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return not _is_dead(pid)


def _is_dead(pid: int) -> bool:
    """A killed process keeps its number until its parent has looked: orphans for a second or for
    ever. Only Linux tells us; elsewhere the lease does.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return stat.rpartition(b")")[2].split()[:1] in ([b"Z"], [b"X"])  # a name may hold a ")"


@cache
def _nonce(pid: int) -> str:
    """One a process: a fork has a number of its own, and so a nonce."""
    return secrets.token_hex(8)
