"""Counts shared by the worker processes of one port, so that each shows the sum of all.

prometheus-client decides where it counts when it is imported; so this comes before that, in the
parent. Source: prometheus-client, "Multiprocess Mode (e.g. Gunicorn)".
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


@contextmanager
def shared_counts() -> Iterator[Callable[[int], None]]:
    """Yields what is to be called with the id of each process that has ended."""
    with tempfile.TemporaryDirectory(prefix="bff-counts-") as folder:
        os.environ[_VARIABLE] = folder  # noqa: TID251 - the library's own, read by nobody else
        from prometheus_client import multiprocess  # noqa: PLC0415 - see above

        yield lambda pid: multiprocess.mark_process_dead(pid, folder)  # type: ignore[no-untyped-call]  # untyped
