"""The HTTP server round the application: sockets, limits, and an end that loses no stream.

The demo, the tests, the bench and `bff serve` run this one, so all of them run the same limits.
Processes are bff.web.workers' business. Source: api-faces.md §8, node-bff.md §2 (request line).
"""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus

import structlog
from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from bff.errors import Kind, Problem
from bff.web.middleware import new_request_id
from bff.web.services import SERVICES

NAME = "bff"
KEEPALIVE_S = 95.0  # above the 90 s a router keeps its side, or it would ask a closing connection
LINE_BYTES = 16 * 2**10  # the token travels in the query
STALL_S = 60.0  # a client that takes nothing for so long is cut (api-faces.md §1)
LAST_WORDS_S = 2.0  # for streams that were told to end, and once more to let connections close
_BACKLOG = 1024
_BESIDE = 256  # a request line is a URL, a method and a version; a header line has a name
ONE_SIGNAL_S = 1.0  # hosts signal a whole group and parents pass it on: that is one signal
_log = structlog.get_logger("bff.server")


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 picks a free one. Raises OSError."""
    if ":" in host:
        return socket.create_server(
            (host, port),
            family=socket.AF_INET6,
            backlog=_BACKLOG,
            dualstack_ipv6=host == "::" and socket.has_dualstack_ipv6(),
        )
    return socket.create_server((host, port), backlog=_BACKLOG)


def address(listener: socket.socket) -> str:
    """The base URL a client on this machine can use."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@asynccontextmanager
async def open_server(
    app: web.Application,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    sock: socket.socket | None = None,
    keepalive_s: float = KEEPALIVE_S,
    line_bytes: int = LINE_BYTES,
    stall_s: float = STALL_S,
    grace_s: float = 0.0,
) -> AsyncIterator[str]:
    """Serves *app* while inside, on *sock* if given; yields the base URL. Who takes nothing of its
    answer for *stall_s* is cut.

    Leaving drains: nothing new is accepted, what runs may end within *grace_s*, then what is left
    of the streams says so in its last words. Raises what the start of *app* raises, and OSError.
    """
    runner = web.AppRunner(
        app,
        handler_cancellation=True,  # a reader who leaves stops the work
        shutdown_timeout=LAST_WORDS_S / 4,
    )
    work = _Work()
    app.on_response_prepare.append(work.sign)
    listener = sock or bind(host, port)
    _cut_after(listener, stall_s)
    try:
        await runner.setup()
        server = runner.server
        assert server is not None  # noqa: S101 - it is there once the runner is set up
        work.count(server)
        options = _Options(keepalive_s, line_bytes + _BESIDE)
        listening = await asyncio.get_running_loop().create_server(
            lambda: _Connection(server, options), sock=listener, backlog=_BACKLOG
        )
        try:
            yield address(listener)
        finally:
            listening.close()
            await _drain(app, work, grace_s)
    finally:
        await runner.cleanup()
        listener.close()


async def serve(
    app: web.Application,
    *,
    sock: socket.socket,
    grace_s: float,
    line_bytes: int = LINE_BYTES,
    stall_s: float = STALL_S,
    announce: Callable[[str], None],
    parent: int | None = None,
) -> None:
    """Until SIGTERM or SIGINT; a second one ends the process at once.

    *parent* is a file descriptor that is at its end when the parent has died: then it is over
    too. With a parent a second signal is the parent's to act on.
    """
    loop = asyncio.get_running_loop()
    signals = _Signals(patient=parent is not None)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signals.caught)
    if parent is not None:
        loop.add_reader(parent, signals.stop.set)
    try:
        async with open_server(
            app, sock=sock, line_bytes=line_bytes, stall_s=stall_s, grace_s=grace_s
        ) as url:
            announce(url)
            await signals.stop.wait()
            if parent is not None:
                loop.remove_reader(parent)
            _log.info("server.draining", grace_s=grace_s, streams=app[SERVICES].streams.open_count)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
    _log.info("server.stopped")


def run(main: Coroutine[None, None, None]) -> None:
    """Runs *main* on the fastest loop this machine has."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(main)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - there is none for Windows
    except ImportError:
        return None
    return uvloop.new_event_loop


def _cut_after(listener: socket.socket, seconds: float) -> None:
    """Has the kernel cut every connection of *listener* whose client takes nothing for *seconds*:
    aiohttp would wait for it for ever, holding the answer. Streams are watched beside it (live.py),
    where a kernel has no such timer.
    """
    timer = getattr(socket, "TCP_USER_TIMEOUT", None)  # RFC 5482; Linux has it
    if timer is not None and listener.family in (socket.AF_INET, socket.AF_INET6):
        listener.setsockopt(socket.IPPROTO_TCP, timer, max(1, round(seconds * 1000)))


async def _drain(app: web.Application, work: "_Work", grace_s: float) -> None:
    work.draining = True
    services = app.get(SERVICES)
    if services is not None:
        services.streams.draining = True
    if await work.ends_within(grace_s):
        return
    _log.warning("server.grace_over", requests=work.running)
    if services is not None:
        services.streams.end_all(Problem(Kind.SHUTTING_DOWN, "The service is restarting."))
        await work.ends_within(LAST_WORDS_S)


class _Work:
    """The requests being answered, counted round the application.

    aiohttp's own shutdown stops reading from connections at once, which would starve a request
    whose body is still on its way; so what is at work is waited for before that.
    """

    def __init__(self) -> None:
        self.draining = False
        self.running = 0
        self._none = asyncio.Event()
        self._none.set()

    def count(self, server: web.Server) -> None:
        """From now on, what *server* answers."""
        self._handle = server.request_handler
        server.request_handler = self._counted

    async def sign(self, _request: web.Request, response: web.StreamResponse) -> None:
        """Our name without a version; while draining, that this was the connection's last."""
        response.headers["Server"] = NAME
        if self.draining:
            response.force_close()
            response.headers["Connection"] = "close"

    async def ends_within(self, seconds: float) -> bool:
        """Whether there was a moment without any work."""
        try:
            async with asyncio.timeout(seconds):
                await self._none.wait()
        except TimeoutError:
            return False
        return True

    async def _counted(self, request: web.BaseRequest) -> web.StreamResponse:
        self.running += 1
        self._none.clear()
        try:
            return await self._handle(request)
        finally:
            self.running -= 1
            if not self.running:
                self._none.set()


@dataclass(frozen=True, slots=True)
class _Options:
    keepalive_s: float
    line_bytes: int


class _Connection(web.RequestHandler):
    """aiohttp's connection, saying nothing of itself and nothing of what it could not read.

    What is packed it leaves so: aiohttp would unpack the body of a caller who was refused, too, and
    answer nobody else meanwhile.
    """

    __slots__ = ()
    leaves_packed = True  # read by bff.web.body

    def __init__(self, server: web.Server, options: _Options) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # None is none: its lines hold URLs, and tokens
            keepalive_timeout=options.keepalive_s,
            auto_decompress=False,
            max_line_size=options.line_bytes,
            max_field_size=options.line_bytes,
        )

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """aiohttp's words for a bad request repeat what it read, a token perhaps."""
        response: web.StreamResponse
        if status == HTTPStatus.BAD_REQUEST:
            request_id = new_request_id()
            response = _write_unreadable(exc, request_id)
            _log.info(
                "request.unreadable",
                request_id=request_id,
                status=response.status,
                error=type(exc).__name__,
            )
        else:
            response = super().handle_error(request, status, exc, message)
        response.headers["Server"] = NAME
        return response


def _write_unreadable(error: BaseException | None, request_id: str) -> web.Response:
    """In the one form that both OpenAI's and Anthropic's callers read: of a request that cannot be
    read nobody knows whose path it was for.
    """
    status, code, message = 400, None, "The request cannot be read."
    if isinstance(error, LineTooLong):
        status, code = 431, "headers_too_large"
        message = "The request line or one of its headers is too long."
    told = {"type": "invalid_request_error", "message": message, "param": None, "code": code}
    response = web.json_response(
        {"type": "error", "error": told, "request_id": request_id},
        status=status,
        headers={"X-Request-Id": request_id, "Request-Id": request_id, "X-Should-Retry": "false"},
    )
    response.force_close()
    return response


class _Signals:
    """The first signal asks to stop. A later one means it, unless the parent has the say."""

    def __init__(self, *, patient: bool) -> None:
        self.stop = asyncio.Event()
        self._patient = patient
        self._now = asyncio.get_running_loop().time
        self._first: float | None = None

    def caught(self) -> None:
        self.stop.set()
        if self._first is None:
            self._first = self._now()
        elif not self._patient and self._now() - self._first > ONE_SIGNAL_S:
            os._exit(1)
