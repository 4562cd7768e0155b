"""Who shares whose streams, and how many there are."""

import pytest

from bff.policy.concurrency import Share, Streams, share_of
from bff.records import ApiKey, Caller


def caller(
    account_id: str | None = "ada", *, site: str = "site", key: ApiKey | None = None
) -> Caller:
    return Caller(site, account_id, account_id, None, "tenant-tag", "user-tag", key=key)


def key(streams: int | None = None) -> ApiKey:
    return ApiKey("k1", "n8n", "key:k1", streams=streams)


@pytest.mark.parametrize(
    ("who", "per_user", "per_key", "most"),
    [
        pytest.param(caller(), 5, 100, 5, id="a user"),
        pytest.param(caller(), None, 100, None, id="a user where it is off"),
        pytest.param(caller(key=key()), 5, 100, 100, id="a key"),
        pytest.param(caller(key=key()), 5, None, None, id="a key where it is off"),
        pytest.param(caller(key=key(3)), 5, 100, 3, id="a key with a number of its own"),
        pytest.param(caller(key=key(3)), 5, None, 3, id="and where it is off"),
        pytest.param(caller(None), 5, 100, 100, id="visitors together"),
    ],
)
def test_how_many_a_caller_may_have_open(
    who: Caller, per_user: int | None, per_key: int | None, most: int | None
) -> None:
    assert share_of(who, per_user=per_user, per_key=per_key).most == most


def test_nobody_shares_with_somebody_else() -> None:
    callers = [
        caller(),
        caller("bob"),
        caller(site="other"),
        caller(None),
        caller(None, site="other"),
        caller(key=key()),
        caller(key=ApiKey("k2", "n8n", "key:k2")),
    ]

    holders = {share_of(who, per_user=5, per_key=5).holder for who in callers}

    assert len(holders) == len(callers)


def test_a_key_has_one_share_whoever_it_asks_for() -> None:
    first, second = (share_of(caller(who, key=key()), per_user=1, per_key=1) for who in "ab")

    assert first == second


def test_one_more_than_the_share_is_not_opened_until_one_is_closed() -> None:
    streams, share = Streams(), Share("ada", 2)

    assert [streams.open(share) for _ in range(3)] == [True, True, False]
    streams.close(share)
    assert [streams.open(share) for _ in range(2)] == [True, False]


def test_another_holder_has_its_own() -> None:
    streams = Streams()

    assert streams.open(Share("ada", 1))
    assert streams.open(Share("bob", 1))


def test_any_number_may_be_open_where_there_is_no_limit() -> None:
    streams = Streams()

    assert all(streams.open(Share("ada", None)) for _ in range(1000))


def test_who_has_none_open_is_not_remembered() -> None:
    streams = Streams()
    for number in range(100):
        assert streams.open(Share(number, 1))
        assert not streams.open(Share(number, 1))
        streams.close(Share(number, 1))

    assert len(streams) == 0
