"""The text form of faults, and where it may stand."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.simulators.faults import (
    MEANINGS,
    NO_FAULTS,
    Fault,
    Faults,
    WrongFaultError,
    find_faults,
    forms,
    last_question,
    plain_model,
    plain_question,
    read_fault,
    read_faults,
    write_fault,
    write_faults,
)

_NUMBERS = st.none() | st.integers(0, 10**9)
_KINDS = {
    bool: st.booleans(),
    int | None: _NUMBERS,
    float | None: st.none() | st.floats(0, 10**9),
    str: st.from_regex(r"[A-Za-z0-9_.\-]*", fullmatch=True),
}
FAULTS = st.builds(Fault, **{field.name: _KINDS[field.type] for field in fields(Fault)})


@given(fault=FAULTS)
def test_a_written_fault_is_read_as_the_same(fault: Fault) -> None:
    assert read_fault(write_fault(fault)) == fault


@given(faults=st.builds(Faults, FAULTS, FAULTS))
def test_each_party_reads_its_own_of_a_common_text(faults: Faults) -> None:
    assert read_faults(write_faults(faults)) == faults


def test_the_gateways_error_is_a_key_of_its_own() -> None:
    faults = read_faults("gateway=2003, gateway-delay-ms=5, words=7")

    assert faults.gateway == Fault(code="2003", delay_ms=5)
    assert faults.provider == Fault(words=7)
    assert write_faults(faults) == "words=7,gateway=2003,gateway-delay-ms=5"


def test_refuse_is_another_word_for_reset() -> None:
    assert read_fault("refuse") == Fault(reset=True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("statsu=429", "There is no fault called 'statsu'."),
        ("gateway-statsu=1", "There is no fault called 'statsu'."),
        ("status", "status needs a value: status=..."),
        ("status=", "status needs a value: status=..."),
        ("status=many", "status=many is not a number."),
        ("words=1.5", "words=1.5 is not a number."),
        ("words=-1", "words=-1 is out of range."),
        ("retry-after=nan", "retry-after=nan is out of range."),
        ("hang=3", "hang takes no value."),
        ("code=two words", "code=two words is not one word."),
    ],
)
def test_a_wrong_text_says_what_is_wrong(text: str, reason: str) -> None:
    with pytest.raises(WrongFaultError) as caught:
        read_faults(text)

    assert str(caught.value) == reason


def test_every_fault_has_a_meaning_and_a_form() -> None:
    assert {field.name.replace("_", "-") for field in fields(Fault)} == set(MEANINGS)
    assert dict(forms())["cut-after=N"] == MEANINGS["cut-after"]
    assert dict(forms())["burst"] == MEANINGS["burst"]


def test_a_header_comes_before_the_model_and_the_model_before_the_question() -> None:
    everywhere = {"model": "gpt-4o!words=2", "question": "Hi [[simulate: words=3]]"}

    assert find_faults(header="words=1", **everywhere).provider.words == 1
    assert find_faults(header=None, **everywhere).provider.words == 2
    assert find_faults(header=None, **everywhere | {"model": "gpt-4o"}).provider.words == 3
    assert find_faults(header=None, model="gpt-4o", question="Hi [[wiki]]") == NO_FAULTS


def test_models_and_questions_can_be_had_without_their_faults() -> None:
    assert plain_model("gpt-4o!status=500") == "gpt-4o"
    assert plain_question("Hi [[simulate: cut-after=3]] there") == "Hi there"
    assert plain_question("[[simulate: hang]]") == ""


def test_the_last_question_is_the_last_user_message_in_either_form() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "image_url"}, {"type": "text", "text": "b"}]
    asked = [{"role": "user", "content": "x"}, {"role": "user", "content": parts}]

    assert last_question([*asked, {"role": "assistant", "content": "y"}]) == "a\nb"
    assert last_question([{"role": "system", "content": "x"}, 7]) == ""
    assert last_question(None) == ""
