"""Salesforce's Models API, the vendor half: our request, its token and feedback out; its answers,
tokens and errors in. It knows no tools, no pictures and no streams. Source: providers.md §4.
"""

from bff.dialects.salesforce.answers import read_reply
from bff.dialects.salesforce.asking import (
    NAME,
    Endpoint,
    characters,
    write_feedback,
    write_request,
)
from bff.dialects.salesforce.refusals import not_an_answer, read_refusal
from bff.dialects.salesforce.token import (
    Token,
    read_token,
    read_token_refusal,
    write_token_request,
)

__all__ = [
    "NAME",
    "Endpoint",
    "Token",
    "characters",
    "not_an_answer",
    "read_refusal",
    "read_reply",
    "read_token",
    "read_token_refusal",
    "write_feedback",
    "write_request",
    "write_token_request",
]
