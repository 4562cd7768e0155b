"""The catalogue on a clock that moves when told to: when lists are read, and what is kept of them."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from bff.chat.models import ListedModel
from bff.engine.catalogue import Catalogue
from bff.errors import Kind, Problem
from bff.policy.routing import Rules
from tests.support.clock import FakeClock

BUSY = Problem(Kind.OVERLOADED, "busy")


class Vendor:
    """Tells one of *says* after the other, then nothing for ever; `over` says so."""

    def __init__(self, *says: list[str] | Problem) -> None:
        self._says = list(says)
        self.deadlines: list[float] = []
        self.over = asyncio.Event()

    async def list_models(self, *, deadline: float) -> Sequence[ListedModel]:
        self.deadlines.append(deadline)
        if not self._says:
            self.over.set()
            await asyncio.Event().wait()
        said = self._says.pop(0)
        if isinstance(said, Problem):
            raise said
        return [ListedModel(name) for name in said]


class Kept:
    """A catalogue of OpenAI's and what it waited for."""

    def __init__(self, *says: list[str] | Problem, every_s: float = 3600.0, **more: Any) -> None:
        self.clock, self.vendor = FakeClock(), Vendor(*says)
        self.failures: list[tuple[str, Kind]] = []
        self.catalogue = Catalogue(
            {"openai": self.vendor},
            rules=Rules(aliases={"fast": "openai/o3"}),
            configured={"openai"},
            named=["openai/gpt-4o"],
            every_s=every_s,
            clock=self.clock,
            dice=lambda: 0.5,
            note_failure=lambda vendor, problem: self.failures.append((vendor, problem.kind)),
            **more,
        )

    @property
    def ids(self) -> list[str]:
        return [model.id for model in self.catalogue.models()]

    async def until_over(self) -> None:
        async with self.catalogue.kept_fresh():
            await self.vendor.over.wait()


async def test_before_any_list_was_read_the_settings_models_are_listed() -> None:
    kept = Kept(["o1"])

    assert kept.ids == ["fast", "openai/gpt-4o"]
    assert kept.vendor.deadlines == []


async def test_lists_are_read_soon_after_the_start_and_then_every_so_often() -> None:
    kept = Kept(["o1"], ["o1", "gpt-5"])

    await kept.until_over()

    assert kept.clock.slept == pytest.approx([1.0, 3600.0, 3600.0])
    assert kept.ids == ["fast", "openai/gpt-4o", "openai/gpt-5", "openai/o1"]
    assert kept.failures == []


async def test_a_list_that_cannot_be_read_is_read_again_sooner_and_the_last_good_one_kept() -> None:
    kept = Kept(["o1"], BUSY, BUSY, ["gpt-5"])

    await kept.until_over()

    assert kept.clock.slept == pytest.approx([1.0, 3600.0, 15.0, 30.0, 3600.0])
    assert kept.failures == [("openai", Kind.OVERLOADED)] * 2


async def test_after_a_failure_the_last_good_list_stands() -> None:
    kept = Kept(["o1"], BUSY, [])

    looks = [await kept.catalogue.look("openai") for _ in range(3)]

    assert looks == [True, False, True]
    assert kept.ids == ["fast", "openai/gpt-4o", "openai/o1"]


async def test_a_model_that_is_listed_no_more_is_gone() -> None:
    kept = Kept(["o1"], ["gpt-5"])

    await kept.catalogue.look("openai")
    before = kept.catalogue.find("o1")
    await kept.catalogue.look("openai")

    assert before is not None
    assert kept.catalogue.find("o1") is None
    assert kept.catalogue.find("gpt-5") == kept.catalogue.find("openai/gpt-5") is not None


async def test_a_look_has_a_deadline_on_the_clock() -> None:
    kept = Kept(["o1"])

    await kept.until_over()

    assert kept.vendor.deadlines[0] == pytest.approx(31.0)


async def test_with_0_seconds_no_list_is_ever_read() -> None:
    kept = Kept(["o1"], every_s=0)

    async with kept.catalogue.kept_fresh():
        await _a_few_turns()

    assert kept.clock.slept == []
    assert kept.vendor.deadlines == []


async def test_one_vendor_that_hangs_keeps_no_other_from_being_read() -> None:
    silent, other = Vendor(), Vendor(["claude-3"])
    catalogue = Catalogue(
        {"openai": silent, "anthropic": other},
        rules=Rules(),
        configured={"openai", "anthropic"},
        named=[],
        every_s=60,
        clock=FakeClock(),
        dice=lambda: 0.5,
        note_failure=lambda *_: None,
    )

    async with catalogue.kept_fresh():
        await other.over.wait()

    assert silent.over.is_set()
    assert [model.id for model in catalogue.models()] == ["anthropic/claude-3"]


async def test_who_leaves_waits_for_no_list() -> None:
    kept = Kept()

    async with asyncio.timeout(5):
        await kept.until_over()


async def _a_few_turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)
