"""Straico, the vendor half: our request out, its completions and errors in; three endpoints and one
result. It knows no streams, no tools and no JSON mode. Source: providers.md §5.
"""

from bff.dialects.straico.answers import read_reply
from bff.dialects.straico.asking import NAME, Endpoint, write_request
from bff.dialects.straico.refusals import not_an_answer, read_refusal

__all__ = [
    "NAME",
    "Endpoint",
    "not_an_answer",
    "read_refusal",
    "read_reply",
    "write_request",
]
