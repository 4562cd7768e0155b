import hashlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.policy import api_keys
from bff.telemetry import logs

CHANCE = st.binary(min_size=api_keys.KEY_BYTES, max_size=api_keys.KEY_BYTES)
KEY = api_keys.write_key(bytes(range(32)))


@given(CHANCE, CHANCE)
def test_every_key_has_our_shape_and_chance_of_its_own(one: bytes, other: bytes) -> None:
    key = api_keys.write_key(one)

    assert api_keys.is_ours(key)
    assert (key == api_keys.write_key(other)) == (one == other)
    assert key.isascii()
    assert len(key) == 50


@given(st.text() | st.builds(lambda tail: api_keys.PREFIX + tail, st.text()))
def test_any_text_is_judged_by_its_shape_alone(text: str) -> None:
    tail = text.removeprefix(api_keys.PREFIX)
    letters = string.ascii_letters + string.digits + "-_"
    shaped = text != tail and len(tail) == 43 and all(letter in letters for letter in tail)

    assert api_keys.is_ours(text) == shaped


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sk-bff-",
        KEY[:-1],
        KEY + "A",
        KEY + "\n",
        " " + KEY,
        KEY[:-1] + "é",
        KEY[:-1] + "=",
        KEY.upper(),
    ],
)
def test_what_is_nearly_a_key_is_none(text: str) -> None:
    assert not api_keys.is_ours(text)


@given(st.binary(min_size=api_keys.ID_BYTES, max_size=api_keys.ID_BYTES))
def test_an_id_is_short_and_can_be_picked_with_a_double_click(chance: bytes) -> None:
    key_id = api_keys.write_id(chance)

    assert key_id.startswith("key_")
    assert len(key_id) == 16
    assert key_id.isidentifier()
    assert logs.mask(key_id) == key_id
    assert api_keys.own_tenant(key_id) == f"key:{key_id}"


def test_only_the_beginning_of_a_key_is_ever_shown() -> None:
    assert api_keys.beginning_of(KEY) == "sk-bff-AAEC…"


def test_a_key_is_stored_as_sha_256() -> None:
    key_hash = api_keys.hash_of(KEY)

    assert key_hash == hashlib.sha256(KEY.encode()).hexdigest()
    assert api_keys.is_same(key_hash, api_keys.hash_of(KEY))
    assert not api_keys.is_same(key_hash, api_keys.hash_of(KEY + "x"))


@pytest.mark.parametrize(
    ("patterns", "names", "allowed"),
    [
        ((), ("anything",), True),
        (("openai/*",), ("openai/gpt-4o",), True),
        (("openai/*",), ("gpt-4o", "openai/gpt-4o"), True),
        (("openai/*",), ("gpt-4o",), False),
        (("openai/*",), ("anthropic/claude-sonnet-4-5", "claude-sonnet-4-5"), False),
        (("openai/*", "claude-*"), ("claude-sonnet-4-5",), True),
        (("openai/gpt-4o",), ("openai/gpt-4o-mini",), False),
        (("openai/gpt-4o",), ("OpenAI/gpt-4o",), False),
        (("*",), ("anything/at/all",), True),
        (("openai/gpt-?",), ("openai/gpt-5",), True),
        (("openai/*",), (), False),
    ],
)
def test_a_key_may_name_what_one_of_its_patterns_covers(
    patterns: tuple[str, ...], names: tuple[str, ...], allowed: bool
) -> None:
    assert api_keys.allows(patterns, *names) is allowed
