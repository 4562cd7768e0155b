import asyncio

import pytest

from bff.errors import Kind, Problem
from bff.records import Tenant
from bff.store import remembered
from bff.store.remembered import STRANGERS_AT_ONCE, Remembered
from tests.support.clock import FakeClock


def tenant(secret: str) -> Tenant:
    return Tenant("site", "https://x.atlassian.net", "app", (secret,), {})


OLD, NEW = tenant("old"), tenant("new")


class Storage:
    """Storage that answers what it is told, when it is told, if it is told to wait."""

    def __init__(self) -> None:
        self.rows: dict[str, Tenant] = {"site": OLD}
        self.away = False
        self.refuses: set[str] = set()
        self.at_once = self.most_at_once = 0
        self.asked = 0
        self.someone_asks = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def look_up(self, client_key: str) -> Tenant | None:
        self.asked += 1
        self.someone_asks.set()
        row = self.rows.get(client_key)
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        await self.may_answer.wait()
        self.at_once -= 1
        if self.away or client_key in self.refuses:
            raise Problem(Kind.INTERNAL, "Storage is not available.")
        return row

    def hold(self) -> None:
        self.may_answer.clear()
        self.someone_asks.clear()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def storage() -> Storage:
    return Storage()


@pytest.fixture
def memory(storage: Storage, clock: FakeClock) -> Remembered[Tenant]:
    return Remembered(
        storage.look_up,
        is_away=lambda _: storage.away,
        now=clock.now,
        fresh_s=5.0,
        stale_s=3600.0,
        away_s=5.0,
    )


async def test_what_is_fresh_is_not_asked_again(memory, storage, clock) -> None:
    for _ in range(3):
        assert await memory.find("site") is OLD
    clock.time = 4.9
    assert await memory.find("site") is OLD
    assert storage.asked == 1

    clock.time = 5.0
    storage.rows["site"] = NEW

    assert await memory.find("site") is NEW
    assert storage.asked == 2


async def test_a_stranger_is_asked_about_again_after_a_second(memory, storage, clock) -> None:
    for _ in range(3):
        assert await memory.find("stranger") is None
    assert storage.asked == 1

    clock.time = 1.0
    storage.rows["stranger"] = NEW

    assert await memory.find("stranger") is NEW


async def test_who_asks_at_the_same_time_shares_one_lookup(memory, storage) -> None:
    storage.hold()
    asking = [asyncio.ensure_future(memory.find("site")) for _ in range(10)]
    await storage.someone_asks.wait()

    storage.may_answer.set()

    assert await asyncio.gather(*asking) == [OLD] * 10
    assert storage.asked == 1


async def test_when_the_asker_leaves_the_next_one_asks(memory, storage) -> None:
    storage.hold()
    first = asyncio.ensure_future(memory.find("site"))
    second = asyncio.ensure_future(memory.find("site"))
    await storage.someone_asks.wait()
    storage.someone_asks.clear()

    first.cancel()
    await storage.someone_asks.wait()
    storage.may_answer.set()

    assert await second is OLD
    assert first.cancelled()
    assert len(asyncio.all_tasks()) == 1


async def test_asking_afresh_never_takes_an_answer_from_before_the_question(
    memory, storage
) -> None:
    storage.hold()
    before = asyncio.ensure_future(memory.find("site"))
    await storage.someone_asks.wait()
    storage.rows["site"] = NEW
    afresh = [asyncio.ensure_future(memory.find_fresh("site")) for _ in range(5)]
    await asyncio.wait([*afresh, before], timeout=0)

    storage.may_answer.set()

    assert await asyncio.gather(*afresh) == [NEW] * 5
    assert await before is OLD
    assert storage.asked == 2
    assert await memory.find("site") is NEW


async def test_a_slow_lookup_does_not_undo_what_was_written_meanwhile(memory, storage) -> None:
    storage.hold()
    slow = asyncio.ensure_future(memory.find("site"))
    await storage.someone_asks.wait()

    memory.learn("site", NEW)
    storage.may_answer.set()

    assert await slow is NEW
    assert await memory.find("site") is NEW


async def test_while_storage_is_away_the_last_known_tenant_is_found(memory, storage, clock) -> None:
    await memory.find("site")
    storage.away = True
    clock.time = 10.0

    assert await memory.find("site") is OLD
    assert await memory.find_fresh("site") is OLD


async def test_while_storage_is_away_one_in_a_while_waits_for_it(memory, storage, clock) -> None:
    await memory.find("site")
    storage.away = True
    clock.time = 10.0
    for _ in range(5):
        await memory.find("site")
    assert storage.asked == 2

    clock.time = 15.0
    storage.away, storage.rows["site"] = False, NEW

    assert await memory.find("site") is NEW


async def test_the_last_known_is_believed_for_an_hour_only(memory, storage, clock) -> None:
    await memory.find("site")
    storage.away = True
    clock.time = 3600.0

    with pytest.raises(Problem, match="not available"):
        await memory.find("site")


async def test_while_storage_is_away_a_stranger_is_a_problem_for_all_who_ask(
    memory, storage
) -> None:
    storage.away = True
    storage.hold()
    asking = [asyncio.ensure_future(memory.find("stranger")) for _ in range(3)]
    await storage.someone_asks.wait()

    storage.may_answer.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)

    assert [type(answer) for answer in answers] == [Problem] * 3
    assert len({id(answer) for answer in answers}) == 3
    assert storage.asked == 1


async def test_a_known_stranger_is_not_an_answer_once_storage_is_away(
    memory, storage, clock
) -> None:
    await memory.find("stranger")
    storage.away = True
    clock.time = 2.0

    with pytest.raises(Problem):
        await memory.find("stranger")


async def test_what_is_doubted_is_asked_again_but_kept_for_bad_times(memory, storage) -> None:
    await memory.find("site")
    memory.doubt("site")
    memory.doubt("stranger")
    storage.away = True

    assert await memory.find("site") is OLD
    assert storage.asked == 2


async def test_a_tenant_that_is_gone_is_forgotten(memory, storage, clock) -> None:
    await memory.find("site")
    del storage.rows["site"]
    clock.time = 6.0

    assert await memory.find("site") is None

    storage.away = True
    clock.time = 8.0
    with pytest.raises(Problem):
        await memory.find("site")


async def test_strangers_do_not_push_tenants_out_and_memory_is_bounded(
    memory, storage, monkeypatch
) -> None:
    monkeypatch.setattr(remembered, "STRANGERS_MOST", 10)
    monkeypatch.setattr(remembered, "KNOWN_MOST", 2)
    await memory.find("site")
    for number in range(50):
        await memory.find(f"stranger {number}")
    await memory.find("site")
    assert storage.asked == 51
    await memory.find("stranger 39")
    assert storage.asked == 52

    storage.rows.update(second=NEW, third=NEW)
    await memory.find("second")
    await memory.find("site")  # asked for last but one: "second" goes
    await memory.find("third")
    await memory.find("site")
    assert storage.asked == 54

    await memory.find("second")
    assert storage.asked == 55


async def test_a_refused_question_does_not_make_old_secrets_count_again(
    memory: Remembered[Tenant], storage: Storage, clock: FakeClock
) -> None:
    """Somebody asks for a name storage refuses, and a tenant is gone meanwhile."""
    await memory.find("site")
    storage.refuses.add("odd name")
    clock.time += 6
    with pytest.raises(Problem):
        await memory.find("odd name")

    del storage.rows["site"]

    assert await memory.find("site") is None


async def test_strangers_wait_for_each_other_and_tenants_for_none_of_them(
    memory: Remembered[Tenant], storage: Storage, clock: FakeClock
) -> None:
    await memory.find("site")
    clock.time += 6
    storage.hold()
    async with asyncio.TaskGroup() as tasks:
        for number in range(50):
            tasks.create_task(memory.find(f"stranger {number}"))
        await storage.someone_asks.wait()
        known = tasks.create_task(memory.find("site"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        under_way = storage.at_once
        storage.may_answer.set()

    assert known.result() == OLD
    assert under_way <= STRANGERS_AT_ONCE + 1
    assert storage.most_at_once <= STRANGERS_AT_ONCE + 1
