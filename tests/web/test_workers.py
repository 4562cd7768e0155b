"""The parent is a process of its own here: forking the test runner would fork its threads' locks."""

import signal
import subprocess
import sys
import textwrap
from contextlib import contextmanager

import pytest

PARENT = """
import os, signal, socket, sys, threading
from bff.web import workers

def say(*words):
    sys.stdout.write(" ".join(map(str, words)) + "\\n")
    sys.stdout.flush()

def obey():
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    say("born", os.getpid())
    while not stop:
        signal.pause()
    say("stopped", os.getpid())
    return 0

listener = socket.create_server(("127.0.0.1", 0))
"""


@contextmanager
def _parent(script: str):
    """Runs *script* after the lines above; whatever happens, nobody is left behind."""
    process = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", PARENT + textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _read(process, word: str) -> str:
    """The next line that begins with *word*, without it."""
    for line in process.stdout:
        if line.startswith(word):
            return line.removeprefix(word).strip()
    pytest.fail(f"no line {word!r}")


OBEDIENT = """
sys.exit(workers.supervise(lambda _fd: obey(), workers=2, listener=listener, patience_s=20))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_passed_on_and_the_end_of_all_awaited(number) -> None:
    with _parent(OBEDIENT) as process:
        born = {_read(process, "born"), _read(process, "born")}

        process.send_signal(number)

        assert {_read(process, "stopped"), _read(process, "stopped")} == born
        assert process.wait() == 0


def test_a_worker_that_dies_is_replaced() -> None:
    script = """
    def buried(pid):
        say("buried", pid)

    sys.exit(workers.supervise(
        lambda _fd: obey(), workers=1, listener=listener, patience_s=20, buried=buried
    ))
    """
    with _parent(script) as process:
        first = _read(process, "born")
        subprocess.run(["kill", "-9", first], check=True)  # noqa: S603, S607 - a process of this test

        assert _read(process, "buried") == first
        assert _read(process, "born") != first
        process.terminate()
        assert process.wait() == 0


def test_a_worker_that_crashes_is_replaced_after_a_longer_and_longer_pause() -> None:
    script = """
    class Clock:
        now = 0.0
    pauses = []
    workers.time.monotonic = lambda: Clock.now
    real = workers._Signals.wait

    def wait(self, seconds):
        if seconds is None:
            return real(self, seconds)
        pauses.append(seconds)
        Clock.now += seconds
        if len(pauses) == 9:
            say("pauses", *pauses)
            return {signal.SIGTERM}
        return set()

    workers._Signals.wait = wait

    def crash(_fd):
        raise ValueError

    sys.stderr = open(os.devnull, "w")
    sys.exit(workers.supervise(crash, workers=1, listener=listener, patience_s=20))
    """
    with _parent(script) as process:
        pauses = [float(word) for word in _read(process, "pauses").split()]

        assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
        assert process.wait() == 0


def test_a_worker_that_cannot_start_ends_them_all() -> None:
    script = """
    sys.exit(workers.supervise(
        lambda _fd: workers.CANNOT_START, workers=3, listener=listener, patience_s=20
    ))
    """
    with _parent(script) as process:
        assert process.wait() == 1


def test_who_does_not_stop_in_time_is_killed() -> None:
    script = """
    def deaf(_fd):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        say("born", os.getpid())
        while True:
            signal.pause()

    sys.exit(workers.supervise(deaf, workers=2, listener=listener, patience_s=0.2))
    """
    with _parent(script) as process:
        _read(process, "born")
        _read(process, "born")

        process.terminate()

        assert process.wait() == 0


def test_a_second_signal_kills_at_once() -> None:
    script = """
    workers.ONE_SIGNAL_S = 0.0

    def deaf(_fd):
        signal.signal(signal.SIGTERM, lambda *_: say("heard"))
        say("born", os.getpid())
        while True:
            signal.pause()

    sys.exit(workers.supervise(deaf, workers=1, listener=listener, patience_s=1000))
    """
    with _parent(script) as process:
        _read(process, "born")
        process.terminate()
        _read(process, "heard")

        process.terminate()

        assert process.wait() == 0


def test_a_worker_sees_that_its_parent_is_gone() -> None:
    script = """
    def wait_for_the_end(fd):
        say("born", os.getpid())
        os.read(fd, 1)
        say("orphaned", os.getpid())
        return 0

    workers.supervise(wait_for_the_end, workers=2, listener=listener, patience_s=20)
    """
    with _parent(script) as process:
        born = {_read(process, "born"), _read(process, "born")}

        process.kill()

        assert {_read(process, "orphaned"), _read(process, "orphaned")} == born
