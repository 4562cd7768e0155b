"""A Problem in OpenAI's words: a status, an error object, and what to do about it.

Source: contract providers.md §6.6, api-faces.md §2 "Errors"; operations.md (gateway refusals).
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bff.dialects.asking_again import write_headers
from bff.dialects.json_text import read_json, write_ascii
from bff.dialects.openai_chat.names import NAME
from bff.dialects.refusal_words import sentence_of
from bff.errors import Kind, Problem, Sign

_REQUEST, _SERVER, _RATE = "invalid_request_error", "server_error", "rate_limit_error"


class _Row(NamedTuple):
    status: int
    type: str
    code: str | None
    suggestion: str


ROWS: Mapping[Kind, _Row] = {
    Kind.BAD_REQUEST: _Row(400, _REQUEST, None, "Correct the request and send it again."),
    Kind.INVALID: _Row(400, _REQUEST, None, "Correct the field named in param."),
    Kind.MEDIA_TYPE: _Row(
        415, _REQUEST, "unsupported_media_type", "Send the body as application/json."
    ),
    Kind.CALLER_AUTH: _Row(
        401, _REQUEST, "invalid_api_key", "Send a valid key as Authorization: Bearer or x-api-key."
    ),
    Kind.CALLER_FORBIDDEN: _Row(
        403, "permission_error", "forbidden", "Ask your administrator for access."
    ),
    Kind.NOT_FOUND: _Row(404, _REQUEST, "model_not_found", "Choose a model listed by /v1/models."),
    Kind.TOO_LARGE: _Row(413, _REQUEST, "request_too_large", "Send less in one request."),
    Kind.SLOW_BODY: _Row(408, _REQUEST, "request_timeout", "Send the whole body without a pause."),
    Kind.CONTEXT_LENGTH: _Row(
        400, _REQUEST, "context_length_exceeded", "Shorten the conversation, or send fewer tools."
    ),
    Kind.CONTENT_POLICY: _Row(400, _REQUEST, "content_filter", "Word the request differently."),
    Kind.OWN_RATE_LIMIT: _Row(
        429, _RATE, "rate_limit_exceeded", "Wait as long as retry-after says, then try again."
    ),
    Kind.BUDGET: _Row(
        429, "insufficient_quota", "insufficient_quota", "Ask your administrator for more quota."
    ),
    Kind.UPSTREAM_RATE_LIMIT: _Row(
        429, _RATE, "rate_limit_exceeded", "Wait a moment, then try again."
    ),
    Kind.UPSTREAM_AUTH: _Row(
        502, _SERVER, "upstream_auth", "Tell your administrator; your own key is not at fault."
    ),
    Kind.OVERLOADED: _Row(503, _SERVER, "overloaded", "Try again later, or choose another model."),
    Kind.UPSTREAM: _Row(502, _SERVER, "upstream_error", "Try again, or choose another model."),
    Kind.TIMEOUT: _Row(504, _SERVER, "timeout", "Use stream: true, or ask for a shorter answer."),
    Kind.CONNECTION: _Row(
        502, _SERVER, "connection_error", "Try again later, or choose another model."
    ),
    Kind.SHUTTING_DOWN: _Row(503, _SERVER, "shutting_down", "Try again in a second."),
    Kind.INTERNAL: _Row(500, _SERVER, "internal_error", "Tell your administrator the request_id."),
}
_UNKNOWN_URL = _Row(
    404,
    _REQUEST,
    "unknown_url",
    "Use a base URL that ends in /v1, and no second /v1 behind it. /docs shows what there is.",
)
_WRONG_METHOD = _Row(405, _REQUEST, "method_not_allowed", "Use the method that the URL answers to.")


def write_error(problem: Problem, request_id: str) -> tuple[int, bytes, dict[str, str]]:
    """Status, JSON body, and the headers that say whether to ask again."""
    status = ROWS[problem.kind].status
    if problem.sign is Sign.GATEWAY_BILLING:
        status = 402  # the account in between is empty, not the caller's quota
    return status, write_ascii(error_object(problem, request_id)), write_headers(problem)


def write_unknown_url(
    request_id: str, *, methods: Sequence[str] = ()
) -> tuple[int, bytes, dict[str, str]]:
    """The same for a path we do not serve, or serve to other *methods* only."""
    row, problem = _UNKNOWN_URL, Problem(Kind.NOT_FOUND, "There is nothing at this URL.")
    if methods:
        row = _WRONG_METHOD
        problem = Problem(Kind.NOT_FOUND, f"This URL answers to {' and '.join(methods)} only.")
    return row.status, write_ascii(_error(row, problem, request_id)), write_headers(problem)


def error_object(problem: Problem, request_id: str) -> dict[str, Any]:
    """`{"error": {...}}`, as it also stands in a stream; with what OpenAI itself said of the
    question, where it did.
    """
    told = _error(ROWS[problem.kind], problem, request_id)
    said = problem.original
    if said is not None and said.dialect == NAME:
        theirs = read_json(said.body)["error"]
        told["error"] |= {name: theirs.get(name) for name in ("param", "code")}
        told["error"]["type"] = theirs.get("type") or told["error"]["type"]
    return told


def _error(row: _Row, problem: Problem, request_id: str) -> dict[str, Any]:
    if problem.kind is Kind.INVALID and not problem.at:  # it is the body that is no object
        row = ROWS[Kind.BAD_REQUEST]
    return {
        "error": {
            "message": _message(problem),
            "type": row.type,
            "param": problem.at or None,
            "code": problem.code or row.code,
            "suggestion": row.suggestion,
            "request_id": request_id,
        }
    }


def _message(problem: Problem) -> str:
    """With its place in front where a field is refused: many a client shows the sentence alone."""
    sentence = sentence_of(problem)
    return f"{problem.at}: {sentence}" if problem.kind is Kind.INVALID and problem.at else sentence
