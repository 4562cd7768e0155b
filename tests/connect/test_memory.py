from hypothesis import given
from hypothesis import strategies as st

from bff.connect.memory import LOOKS_MOST, RememberedTokens, fingerprint
from bff.connect.tokens import Verified
from bff.records import Caller, Tenant

NOW = 1_800_000_000
TOKEN = fingerprint("a.b.c")


def verified(expires: float = NOW + 180) -> Verified:
    return Verified(Caller("site", "user", "user", None, "t:", "u:"), expires, "context-qsh")


def tenant(*secrets: str) -> Tenant:
    return Tenant("site", "https://site.atlassian.net", "app", secrets, {})


def test_a_token_is_remembered_until_it_expires() -> None:
    memory = RememberedTokens()
    memory.remember(TOKEN, verified(), secret="shh")

    while_it_lasts = memory.recall(TOKEN, NOW + 179)
    afterwards = memory.recall(TOKEN, NOW + 180)

    assert while_it_lasts is not None
    assert while_it_lasts.verified == verified()
    assert afterwards is None
    assert len(memory) == 0


def test_a_token_nobody_brought_is_not_known() -> None:
    assert RememberedTokens().recall(TOKEN, NOW) is None


def test_it_counts_only_while_the_tenant_has_the_secret_that_signed_it() -> None:
    memory = RememberedTokens()
    memory.remember(TOKEN, verified(), secret="shh")

    known = memory.recall(TOKEN, NOW)

    assert known is not None
    assert known.is_of(tenant("newer", "shh"))
    assert not known.is_of(tenant("newer"))
    assert not known.is_of(tenant())


def test_a_token_can_be_forgotten_also_twice() -> None:
    memory = RememberedTokens()
    memory.remember(TOKEN, verified(), secret="shh")

    memory.forget(TOKEN)
    memory.forget(TOKEN)

    assert memory.recall(TOKEN, NOW) is None


def test_the_one_not_used_for_longest_goes_first() -> None:
    memory = RememberedTokens(2)
    first, second, third = (fingerprint(text) for text in "123")
    memory.remember(first, verified(), secret="shh")
    memory.remember(second, verified(), secret="shh")
    memory.recall(first, NOW)

    memory.remember(third, verified(), secret="shh")

    known = [memory.recall(token, NOW) is not None for token in (first, second, third)]
    assert known == [True, False, True]


@given(st.lists(st.text(max_size=2), max_size=30))
def test_it_never_holds_more_than_it_may(texts: list[str]) -> None:
    memory = RememberedTokens(5)

    for text in texts:
        memory.remember(fingerprint(text), verified(), secret="shh")

    assert len(memory) == min(5, len(set(texts)))


def test_neither_tokens_nor_secrets_can_be_printed() -> None:
    memory = RememberedTokens()
    memory.remember(TOKEN, verified(), secret="shh")

    printed = repr(memory.recall(TOKEN, NOW))

    assert "shh" not in printed
    assert fingerprint("shh").hex() not in printed
    assert repr(fingerprint("shh")) not in printed


def test_storage_is_asked_again_about_a_tenant_once_a_second() -> None:
    memory = RememberedTokens()

    asked = [memory.may_look_again("site", NOW + second) for second in (0, 0, 1, 1, 2)]

    assert asked == [True, False, True, False, True]
    assert memory.may_look_again("other", NOW + 2)


def test_a_clock_that_was_set_back_does_not_stop_it() -> None:
    memory = RememberedTokens()
    memory.may_look_again("site", NOW)

    assert memory.may_look_again("site", NOW - 3600)


def test_made_up_tenants_do_not_fill_the_memory_of_looks() -> None:
    memory = RememberedTokens()
    for number in range(LOOKS_MOST + 1):
        memory.may_look_again(str(number), NOW)

    assert memory.may_look_again("0", NOW)
    assert not memory.may_look_again(str(LOOKS_MOST), NOW)
