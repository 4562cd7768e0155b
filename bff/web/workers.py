"""Several processes behind one listening socket: the parent binds, forks, watches, replaces.

The parent runs no loop and no request. It ends when its workers have ended. POSIX only.
Source: operations.md (WEB_CONCURRENCY), api-faces.md §8 (SIGTERM to all processes, then SIGKILL).
"""

import os
import select
import signal
import socket
import sys
import time  # noqa: TID251 - the parent has no loop whose clock it could ask
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import structlog

from bff.web.server import ONE_SIGNAL_S

CANNOT_START = 3  # a worker's exit code that says: another one would fail in the same way
_HEALTHY_S = 10.0  # who lived that long did not die of starting
_LONGEST_PAUSE_S = 30.0
_ASKED_TO_STOP = (signal.SIGTERM, signal.SIGINT)
_log = structlog.get_logger("bff.server")


def supervise(
    work: Callable[[int], int],
    *,
    workers: int,
    listener: socket.socket,
    patience_s: float,
    buried: Callable[[int], None] = lambda _pid: None,
) -> int:
    """Runs *work* in *workers* processes until SIGTERM or SIGINT; gives the exit code.

    *work* gets a file descriptor that is at its end when the parent is gone, and returns its exit
    code. *patience_s* is how long it may take to stop. *buried* is told each process that ended.
    """
    with _caught_signals() as signals:
        pack = _Pack(work, buried)
        code = _watch(pack, signals, workers)
        listener.close()
        _stop(pack, signals, patience_s)
    return code


def _watch(pack: "_Pack", signals: "_Signals", workers: int) -> int:
    """Keeps as many at work as asked for, until one cannot start or a signal asks to stop."""
    while True:
        wait_s = pack.fill(workers)
        if signals.wait(wait_s) & set(_ASKED_TO_STOP):
            return 0
        if CANNOT_START in pack.bury():
            return 1


def _stop(pack: "_Pack", signals: "_Signals", patience_s: float) -> None:
    pack.tell(signal.SIGTERM)
    first, patience = time.monotonic(), patience_s
    while pack.pids:
        left = first + patience - time.monotonic()
        if left <= 0:
            pack.tell(signal.SIGKILL)
        again = signals.wait(max(left, 0.1)) & set(_ASKED_TO_STOP)
        if again and time.monotonic() - first > ONE_SIGNAL_S:
            patience = 0.0
        pack.bury()


class _Pack:
    """The workers that live, and when the next may be born."""

    def __init__(self, work: Callable[[int], int], buried: Callable[[int], None]) -> None:
        self._work, self._buried = work, buried
        self._ends_with_us, self._alive = os.pipe()
        self._born: dict[int, float] = {}
        self._pause_s = 0.0
        self._next_birth = 0.0

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(self._born)

    def fill(self, workers: int) -> float | None:
        """Starts who is missing and due; seconds until the next is due, None if all are there."""
        while len(self._born) < workers:
            left = self._next_birth - time.monotonic()
            if left > 0:
                return left
            self._start()
        return None

    def tell(self, number: signal.Signals) -> None:
        for pid in self.pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def bury(self) -> list[int]:
        """The exit codes of those who have ended. Who dies young makes the next one wait longer."""
        codes = []
        for pid in self.pids:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                continue
            lived_s = time.monotonic() - self._born.pop(pid)
            codes.append(os.waitstatus_to_exitcode(status))
            self._buried(pid)
            if codes[-1]:
                _log.error("worker.died", pid=pid, code=codes[-1], lived_s=round(lived_s, 1))
            grown = (
                0.0 if lived_s >= _HEALTHY_S else min(self._pause_s * 2 or 0.5, _LONGEST_PAUSE_S)
            )
            self._pause_s = grown
            self._next_birth = time.monotonic() + grown
        return codes

    def _start(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            self._born[pid] = time.monotonic()
        else:
            self._live()

    def _live(self) -> None:
        """The child: never returns into the parent's code."""
        code = 1
        try:
            os.close(self._alive)
            signal.set_wakeup_fd(-1)
            for number in (*_ASKED_TO_STOP, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            code = self._work(self._ends_with_us)
        except BaseException as error:  # noqa: BLE001 - whatever it was, this process ends here
            _log.critical("worker.crashed", exc_info=error)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)


class _Signals:
    """Signals as bytes on a socket, so that waiting for one and for time is the same wait."""

    def __init__(self, receiver: socket.socket) -> None:
        self._receiver = receiver

    def wait(self, seconds: float | None) -> set[int]:
        """What was caught, waiting for it at most *seconds*; None waits for as long as it takes."""
        select.select([self._receiver], [], [], seconds)
        try:
            return set(self._receiver.recv(4096))
        except BlockingIOError:
            return set()


@contextmanager
def _caught_signals() -> Iterator[_Signals]:
    receiver, sender = socket.socketpair()
    receiver.setblocking(False)
    sender.setblocking(False)
    numbers = (*_ASKED_TO_STOP, signal.SIGCHLD)
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    fd = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    try:
        yield _Signals(receiver)
    finally:
        signal.set_wakeup_fd(fd)
        for number, handler in before.items():
            signal.signal(number, handler)
        receiver.close()
        sender.close()
