"""`bff serve`: the production server, one process or several. Source: operations.md."""

import socket
from collections.abc import Callable
from contextlib import ExitStack

import click
import structlog

from bff.cli import Failure
from bff.errors import Problem
from bff.settings import Settings, read_settings
from bff.store.db import DatabaseError, reason_of
from bff.telemetry import logs
from bff.telemetry.shared import shared_counts

_log = structlog.get_logger("bff.server")
_TO_BURY_S = 4.0  # after the grace: last words, connections, the database


@click.command("serve")
@click.option("--host", help="Address to listen on, instead of HOST.")
@click.option("--port", type=click.IntRange(0, 65535), help="Instead of PORT; 0 picks a free one.")
@click.option("--workers", type=click.IntRange(1, 64), help="Instead of WEB_CONCURRENCY.")
def command(host: str | None, port: int | None, workers: int | None) -> None:
    """Run the service until SIGTERM or SIGINT, which lets running streams end first.

    \b
    Example:
      OPENAI_API_KEY=… AC_LOCAL_BASE_URL=https://bff.example.com bff serve --port 3000
    """
    asked = {"host": host, "port": port, "web_concurrency": workers}
    given = {name: value for name, value in asked.items() if value is not None}
    # Most of the house is imported further down: where counts are shared must be known before.
    settings = read_settings().model_copy(update=given)
    logs.configure(settings.log_level, settings.log_format)
    with ExitStack() as stack:
        buried = None
        if settings.web_concurrency > 1:
            buried = stack.enter_context(shared_counts())
        listener = stack.enter_context(_bound(settings))
        settings = settings.model_copy(update={"port": listener.getsockname()[1]})
        for line in settings.warnings():
            _log.warning("setting.disappoints", says=line)
        if buried is None:
            _serve_in_one(settings, listener, announce=_announcing(workers=1))
        else:
            _serve_in_several(settings, listener, buried)


def _bound(settings: Settings) -> socket.socket:
    from bff.web.server import bind  # noqa: PLC0415 - see command

    try:
        return bind(settings.host, settings.port)
    except OSError as error:
        raise Failure(
            f"Cannot listen on port {settings.port} of {settings.host}: {_reason(error)}. "
            "Stop what uses it, or set PORT and HOST."
        ) from error


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).partition(" (")[0]


def _serve_in_one(
    settings: Settings,
    listener: socket.socket,
    *,
    announce: Callable[[str], None],
    parent: int | None = None,
) -> None:
    from bff.web.server import run, serve  # noqa: PLC0415 - see command
    from bff.wiring import build_app  # noqa: PLC0415 - see command

    serving = serve(
        build_app(settings),
        sock=listener,
        grace_s=settings.shutdown_grace_seconds,
        line_bytes=settings.max_line_bytes,
        stall_s=settings.client_stall_seconds,
        announce=announce,
        parent=parent,
    )
    try:
        run(serving)
    except Problem as problem:
        if isinstance(problem.__cause__, DatabaseError):
            line = f"The database {reason_of(problem)}. Look at DATABASE_URL."
            raise Failure(line) from problem
        raise


def _serve_in_several(
    settings: Settings, listener: socket.socket, buried: Callable[[int], None]
) -> None:
    from bff.web.server import address  # noqa: PLC0415 - see command
    from bff.web.workers import CANNOT_START, supervise  # noqa: PLC0415 - see command
    from bff.wiring import build_app  # noqa: PLC0415 - loaded once for all workers

    build_app(settings)  # what is wrong with the settings is said here, before anybody works

    def work(parent: int) -> int:
        ready: list[str] = []
        try:
            _serve_in_one(settings, listener, announce=ready.append, parent=parent)
        except Exception as error:
            if ready:
                raise
            says = str(error) if isinstance(error, Failure | Problem) else None
            _log.critical("worker.cannot_start", says=says, exc_info=error)
            return CANNOT_START
        return 0

    _announcing(workers=settings.web_concurrency)(address(listener))
    code = supervise(
        work,
        workers=settings.web_concurrency,
        listener=listener,
        patience_s=settings.shutdown_grace_seconds + _TO_BURY_S,
        buried=buried,
    )
    if code:
        raise Failure("A worker cannot start; the log says why.")


def _announcing(*, workers: int) -> Callable[[str], None]:
    def announce(url: str) -> None:
        _log.info("server.listening", url=url, workers=workers)

    return announce
