"""An answer whose head the pulse is writing at the very moment it is complete."""

import asyncio
from types import SimpleNamespace
from typing import Any

from bff.policy.pace import Pace
from bff.web.live import LiveStream


class Transport:
    """A line that takes everything."""

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0


class SlowHead:
    """A response whose head takes until it is let go."""

    def __init__(self) -> None:
        self.begun, self.may_go_on = asyncio.Event(), asyncio.Event()
        self.said: list[bytes] = []

    async def open(self, early: bool) -> Any:
        self.begun.set()
        await self.may_go_on.wait()
        return self

    async def write(self, data: bytes) -> None:
        self.said.append(data)

    async def write_eof(self) -> None:
        self.said.append(b"<end>")


def due_now(head: SlowHead) -> LiveStream:
    pace = Pace(asyncio.get_running_loop().time(), commit_s=0.0)
    request: Any = SimpleNamespace(transport=Transport())
    return LiveStream(request, heartbeat=b"beat", pace=pace, open_response=head.open)


async def test_an_answer_that_comes_while_its_head_is_written_is_given_behind_it() -> None:
    head = SlowHead()
    live = due_now(head)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(live.beat())
        await head.begun.wait()
        forgoing = tasks.create_task(live.forgo())
        head.may_go_on.set()

    assert forgoing.result() is False
    await live.finish(b"answer")
    assert head.said == [b"beat", b"answer", b"<end>"]


async def test_no_beat_follows_an_end_that_waited_for_the_head() -> None:
    head = SlowHead()
    live = due_now(head)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(live.beat())
        await head.begun.wait()
        tasks.create_task(live.finish(b"answer"))
        await asyncio.sleep(0)
        head.may_go_on.set()

    assert head.said == [b"answer", b"<end>"]


async def test_what_is_given_another_way_is_not_begun_here() -> None:
    head = SlowHead()
    live = due_now(head)

    assert await live.forgo() is True
    await live.beat()

    assert not head.begun.is_set()
    assert not live.committed
