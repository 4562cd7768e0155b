"""The wire, for simulators only: answers written piece by piece, resets, silence, queued faults.

Not an aiohttp handler's ordinary manners: here connections are broken on purpose.
"""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NoReturn

import orjson
from aiohttp import web

from bff.simulators.faults import Fault, WrongFaultError, read_fault
from bff.simulators.stage import Act, Deed, Pause

EVENT_STREAM = "text/event-stream; charset=utf-8"
_LINGER_NOT = struct.pack("ii", 1, 0)  # SO_LINGER on, zero seconds: close() resets
_GARBAGE = b"THIS/1.1 is no status line\r\n\r\n"


@dataclass(slots=True)
class Written:
    """How much has been handed to the network."""

    frames: int = 0
    bytes: int = 0


async def wait(seconds: float) -> None:
    """The simulators' only clock: delays are part of what they simulate."""
    await asyncio.sleep(seconds)  # noqa: TID251 - a simulated delay is real time


async def hang() -> NoReturn:
    """Silence until the client has gone, which cancels the handler."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError("nobody answers a silence")  # pragma: no cover


class Line:
    """The answering side of one request."""

    def __init__(self, request: web.Request, written: Written) -> None:
        self._request, self._written = request, written
        self._response: web.StreamResponse | None = None
        self.broken = False  # by us, so that nobody hung up

    @property
    def begun(self) -> bool:
        return self._response is not None

    @property
    def blocked(self) -> bool:
        """Whether the network takes no more: the reader does not read."""
        protocol = self._request.protocol
        return protocol is not None and protocol.writing_paused

    async def break_before_headers(self, fault: Fault) -> None:
        """What *fault* has happen before there is an answer; it may never come back."""
        if fault.delay_ms:
            await wait(fault.delay_ms / 1000)
        if fault.hang:
            await hang()
        if fault.reset:
            await self.reset()
        if fault.garbage:
            await self.garbage()

    async def begin(self, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Sends the headers now."""
        self._response = web.StreamResponse(status=status, headers=headers)
        await self._response.prepare(self._request)

    async def play(self, acts: Iterable[Act]) -> None:
        for act in acts:
            await self.act(act)

    async def act(self, act: Act) -> None:
        match act:
            case bytes():
                await self.write(act)
                await wait(0)  # a write of its own, and others get their turn
            case Pause():
                await wait(act.seconds)
            case Deed.HANG:
                await hang()
            case Deed.CUT:
                await self.reset()
            case Deed.END:
                await self.end()

    async def write(self, data: bytes) -> None:
        """Returns when the network has taken it: a reader who does not read is waited for."""
        assert self._response is not None, "headers come first"  # noqa: S101 - a rule of this file
        await self._response.write(data)
        self._written.frames += 1
        self._written.bytes += len(data)

    async def end(self) -> web.StreamResponse:
        assert self._response is not None, "headers come first"  # noqa: S101 - a rule of this file
        await self._response.write_eof()
        return self._response

    async def reset(self) -> NoReturn:
        """RST, after what was written has left. Does not come back."""
        transport = await self._flushed()
        if transport is not None:
            taken: socket.socket = transport.get_extra_info("socket")
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
            transport.abort()
        await hang()

    async def garbage(self) -> NoReturn:
        """Bytes that are not HTTP, then the end of the connection."""
        transport = await self._flushed()
        if transport is not None:
            transport.write(_GARBAGE)
            transport.close()
        await hang()

    async def _flushed(self) -> asyncio.Transport | None:
        self.broken = True
        transport = self._request.transport
        while transport is not None and transport.get_write_buffer_size():
            await wait(0)
            transport = self._request.transport
        return transport


class FaultQueue(deque[Fault]):
    """Faults for the next requests, one each; tests append, everybody else uses HTTP."""

    def take(self) -> Fault | None:
        return self.popleft() if self else None

    def routes(self) -> Iterable[web.RouteDef]:
        return (
            web.get("/_faults", self._show),
            web.post("/_faults", self._add),
            web.delete("/_faults", self._forget),
        )

    async def _show(self, _: web.Request) -> web.Response:
        return web.json_response([str(fault) for fault in self])

    async def _add(self, request: web.Request) -> web.Response:
        """The body is one text or a list of texts; an empty text lets one request pass."""
        try:
            said = orjson.loads(await request.read())
            texts = [said] if isinstance(said, str) else said
            self.extend([read_fault(text) for text in texts])
        except (ValueError, TypeError, AttributeError) as error:
            reason = (
                str(error) if isinstance(error, WrongFaultError) else "A list of texts is wanted."
            )
            return web.json_response({"error": reason}, status=400)
        return web.json_response([str(fault) for fault in self], status=201)

    async def _forget(self, _: web.Request) -> web.Response:
        self.clear()
        return web.Response(status=204)
