"""What OpenAI says of a question is kept for who asked it; what it says of us is not."""

from typing import Any

import orjson
import pytest

from bff.dialects.openai_chat import NAME, read_refusal
from bff.errors import Said

ERROR = {
    "message": "Invalid value: 'x'. Supported values are: 'a' and 'b'.",
    "type": "invalid_request_error",
    "param": "messages[0].role",
    "code": "invalid_value",
}


def kept(status: int, **more: Any) -> Said | None:
    return read_refusal(status, orjson.dumps({"error": ERROR | more})).original


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_its_words_about_the_question_are_kept(status: int) -> None:
    data = orjson.dumps({"error": ERROR})

    assert read_refusal(status, data).original == Said(NAME, status, data)
    assert kept(status, code="context_length_exceeded", param=None) is not None


@pytest.mark.parametrize("status", [302, 401, 402, 403, 409, 429, 500, 503])
def test_its_words_under_other_statuses_are_about_us(status: int) -> None:
    assert kept(status) is None


@pytest.mark.parametrize(
    "more",
    [
        {"code": "insufficient_quota"},
        {"code": "invalid_api_key"},
        {"code": "rate_limit_exceeded"},
        {"message": "Your organization must be verified to stream this model."},
        {"message": "Project `proj_Abc123` does not have access to model `m`."},
        {"message": "Rate limit for org-AbCdEf12."},
        {"message": "Incorrect API key provided: sk-abc***xyz."},
        {"message": "Visit your account's billing."},
        {"message": "The API deployment on https://ours.openai.azure.com does not exist."},
        {"message": "x" * 4001},
        {"message": ""},
        {"message": None},
        {"param": ["n"]},
        {"code": 5},
    ],
)
def test_its_words_about_our_account_or_of_no_form_are_not_kept(more: dict[str, Any]) -> None:
    assert kept(400, **more) is None


@pytest.mark.parametrize("data", [b"", b"<html>", b"[]", b"{}", b'{"error":"x"}', b'{"error":[]}'])
def test_what_is_no_error_object_is_not_kept(data: bytes) -> None:
    assert read_refusal(400, data).original is None
