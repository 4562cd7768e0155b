"""A Problem on the way to who asked for a response. Before the stream it has the status, envelope
and headers of chat completions, for the SDKs are the same; inside it two events say it.

Source: contract api-faces.md §2 "Errors" and "/v1/responses".
"""

from collections.abc import Mapping
from typing import Any

from bff.dialects.openai_chat.errors import error_object, write_error, write_unknown_url
from bff.dialects.refusal_words import sentence_of
from bff.errors import Kind, Problem

__all__ = ["unsupported", "write_error", "write_event", "write_failure", "write_unknown_url"]

_SERVER, _PROMPT, _RATE = "server_error", "invalid_prompt", "rate_limit_exceeded"
# A response fails with a code of a closed list: these three are the only ones that fit.
FAILURES: Mapping[Kind, str] = {
    **dict.fromkeys(Kind, _SERVER),
    Kind.BAD_REQUEST: _PROMPT,
    Kind.INVALID: _PROMPT,
    Kind.TOO_LARGE: _PROMPT,
    Kind.CONTEXT_LENGTH: _PROMPT,
    Kind.CONTENT_POLICY: _PROMPT,
    Kind.OWN_RATE_LIMIT: _RATE,
    Kind.BUDGET: _RATE,
    Kind.UPSTREAM_RATE_LIMIT: _RATE,
}


def unsupported(at: str, public: str) -> Problem:
    """What OpenAI could do and this face does not: refused by the code that OpenAI uses."""
    problem = Problem(Kind.INVALID, public, at=at)
    problem.code = "unsupported_parameter"
    return problem


def write_event(problem: Problem, request_id: str) -> dict[str, Any]:
    """The fields of an `error` event, but for its type and number."""
    said = error_object(problem, request_id)["error"]
    return {name: value for name, value in said.items() if name != "type"}


def write_failure(problem: Problem) -> dict[str, str]:
    """The `error` of a response that failed."""
    return {"code": FAILURES[problem.kind], "message": sentence_of(problem)}
