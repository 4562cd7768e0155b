"""The sentence that a caller is told of a failure, in whatever dialect its face speaks.

Source: contract providers.md §6.6 ("Messages that reach callers").
"""

from bff.dialects.json_text import read_json
from bff.errors import Kind, Problem

_ABOUT_THE_QUESTION = frozenset(
    {
        Kind.BAD_REQUEST,
        Kind.CONTENT_POLICY,
        Kind.CONTEXT_LENGTH,
        Kind.NOT_FOUND,
        Kind.TOO_LARGE,
    }
)
_LONGEST = 4000  # characters


def sentence_of(problem: Problem) -> str:
    """The vendor's own where it is about the question and may be told, else ours. Both OpenAI and
    Anthropic say it in the same place of their error.
    """
    said = problem.original
    if said is None or problem.kind not in _ABOUT_THE_QUESTION:
        return problem.public
    value = read_json(said.body)  # as its reader did
    error = value.get("error") if isinstance(value, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    if not isinstance(message, str) or not 0 < len(message) <= _LONGEST:
        return problem.public
    return message
