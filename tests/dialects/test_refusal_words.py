"""Whose sentence a caller is told of a failure: the vendor's, where it is about the question."""

import json
from typing import Any

import pytest

from bff.dialects.refusal_words import sentence_of
from bff.errors import Kind, Problem, Said


def sentence(kind: Kind, value: Any) -> str:
    problem = Problem(kind, "Ours.")
    problem.original = Said("a_dialect", 400, json.dumps(value).encode())
    return sentence_of(problem)


def test_without_a_word_of_the_vendors_it_is_ours() -> None:
    assert sentence_of(Problem(Kind.BAD_REQUEST, "Ours.")) == "Ours."


@pytest.mark.parametrize("kind", Kind)
def test_only_what_is_about_the_question_is_the_vendors(kind: Kind) -> None:
    theirs = kind in {
        Kind.BAD_REQUEST,
        Kind.CONTENT_POLICY,
        Kind.CONTEXT_LENGTH,
        Kind.NOT_FOUND,
        Kind.TOO_LARGE,
    }

    assert sentence(kind, {"error": {"message": "Théirs."}}) == ("Théirs." if theirs else "Ours.")


@pytest.mark.parametrize(
    "value",
    [
        5,
        [],
        {},
        {"error": "text"},
        {"error": {}},
        {"error": {"message": ""}},
        {"error": {"message": 5}},
        {"error": {"message": "x" * 4001}},
    ],
)
def test_what_has_no_sentence_to_tell_is_told_in_ours(value: Any) -> None:
    assert sentence(Kind.BAD_REQUEST, value) == "Ours."
