"""What stands in place of what must not be shown, and comes back where it is sent."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.compare.masks import Names
from tests.support.tokens import hs256

NAMES = Names(
    {"client key": "key-of-the-site", "secret": "hush/hush", "base url": "https://a.example"},
    (("base url", "http://127.0.0.1:3000"),),
)
TEXTS = st.text(st.sampled_from("abc <>&/.\"'é"), max_size=20)


def test_names_are_put_in_where_they_stand() -> None:
    assert NAMES.put_in('{"k":"<client key>","s":"<secret>","x":"<other>"}') == (
        '{"k":"key-of-the-site","s":"hush/hush","x":"<other>"}'
    )


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("for key-of-the-site.", "for <client key>."),
        ("at https://a.example/x and http://127.0.0.1:3000", "at <base url>/x and <base url>"),
        (r'{"s":"hush\/hush"}', '{"s":"<secret>"}'),
        ('{"iat":1800000000,"exp": 1800000180}', '{"iat":<moment>,"exp": <moment>}'),
        ("&quot;exp&quot;:1800000180}", "&quot;exp&quot;:<moment>}"),
        ("expires 1800000180", "expires 1800000180"),
    ],
)
def test_values_are_taken_out_however_they_are_spelled(text: str, masked: str) -> None:
    assert NAMES.take_out(text) == masked


def test_a_token_is_taken_out_whole_and_without_its_signature() -> None:
    token = hs256({"iss": "x"}, "secret")

    assert NAMES.take_out(f"input: {token}!") == "input: <token>!"
    assert NAMES.take_out(f"input: {token.rpartition('.')[0]} with") == "input: <token> with"


def test_every_text_of_a_json_value_is_masked() -> None:
    value = {"hush/hush": ["key-of-the-site", 1, None, {"a": "https://a.example"}]}

    assert NAMES.take_out_of(value) == {
        "<secret>": ["<client key>", 1, None, {"a": "<base url>"}],
    }


def test_a_value_that_holds_another_is_found_first_and_an_empty_one_never() -> None:
    names = Names({"short": "abcd", "long": "abcdefgh", "empty": "", "tiny": "a"})

    assert names.take_out("abcdefgh abcd a") == "<long> <short> a"


@given(TEXTS, TEXTS)
def test_no_secret_is_left_and_nothing_is_masked_twice(before: str, after: str) -> None:
    for secret in ("hush/hush", html.escape("a&b<secret>")):
        names = Names({"it": html.unescape(secret)})
        once = names.take_out(f"{before}{secret}{after}")
        assert secret not in once
        assert names.take_out(once) == once


def test_they_are_never_printed() -> None:
    assert "hush" not in repr(NAMES)
