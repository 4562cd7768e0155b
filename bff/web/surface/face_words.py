"""What the faces have in common: who may enter, what every answer carries, and every error, read
off the tables that the dialects write errors by.
"""

from collections import defaultdict
from collections.abc import Mapping

from bff.dialects.anthropic_messages import errors as anthropic
from bff.dialects.openai_chat import errors as openai
from bff.errors import Kind
from bff.web.surface.words import TEXT, Json, enum, json_answer, maybe, obj, ref, said

ANSWERED = (
    "x-upstream-via",
    "x-aig-log-id",
    "x-cache",
    "x-model-used",
    "x-stream-mode",
    "x-ignored-params",
    "x-proxy-latency-ms",
    "x-content-toxicity",
)
STANDING = {
    "openai": (
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
    ),
    "anthropic": (
        "request-id",
        "anthropic-ratelimit-requests-limit",
        "anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-requests-reset",
    ),
}
_REFUSED = ("x-should-retry", "retry-after")
_BILLING = 402

SECURITY: Json = {
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "`Authorization: Bearer` and a key of `bff keys create`.",
    },
    "apiKeyHeader": {
        "type": "apiKey",
        "in": "header",
        "name": "x-api-key",
        "description": "The same key as `x-api-key`, where a client sends it so.",
    },
    "connectHeader": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Authorization: JWT ` and a token of an Atlassian Connect installation.",
    },
    "connectQuery": {
        "type": "apiKey",
        "in": "query",
        "name": "jwt",
        "description": "The same token in the query, as `jwt`.",
    },
    "forge": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A Forge invocation token, where the add-on has a Forge app.",
    },
    "signedInstall": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`JWT` and, behind a blank, Atlassian's RS256 token for this very call.",
    },
    "adminToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "`ADMIN_TOKEN`; not needed on the machine itself.",
    },
}

HEADERS: Json = {
    name: {"description": description, "schema": TEXT}
    for name, description in {
        "x-request-id": "The caller's own where it is sane, else ours; every log line has it.",
        "request-id": "The same, under the name that Anthropic's SDKs read.",
        "x-upstream-via": "`gateway` or `direct`: the way the answer came.",
        "x-aig-log-id": "The gateway's id of the call.",
        "x-cache": "`HIT` or `MISS`, where the gateway says so.",
        "x-model-used": "The model that answered, where it is not simply the one asked for.",
        "x-stream-mode": "Of a stream: `native`, `translated` or `simulated`.",
        "x-ignored-params": "What was asked for and this vendor cannot be told.",
        "x-proxy-latency-ms": "Of an answer in one piece: milliseconds since the request's head.",
        "x-content-toxicity": "`true`, where the vendor itself judged its answer toxic.",
        "x-should-retry": "`false`: asking again will not help. The vendors' SDKs heed it.",
        "retry-after": "Seconds to wait before asking again.",
        "x-ratelimit-limit-requests": "How many requests a minute this key may begin.",
        "x-ratelimit-remaining-requests": "How many it still may.",
        "x-ratelimit-reset-requests": "How long until all of them again, as in `1m30s`.",
        "anthropic-ratelimit-requests-limit": "How many requests a minute this key may begin.",
        "anthropic-ratelimit-requests-remaining": "How many it still may.",
        "anthropic-ratelimit-requests-reset": "When all of them again, RFC 3339.",
        "x-acpt": "A fresh token of the same session.",
        "ETag": "Names this version of it.",
        "Location": "Where it is.",
    }.items()
}

SCHEMAS: Json = {
    "OpenAIError": obj(
        {
            "error": obj(
                {
                    "message": TEXT,
                    "type": said(
                        TEXT, "Ours: " + ", ".join(sorted({r.type for r in openai.ROWS.values()}))
                    ),
                    "param": maybe(said(TEXT, "Where in the body, as in `messages[2].role`.")),
                    "code": maybe(TEXT),
                    "suggestion": said(TEXT, "One thing to do about it."),
                    "request_id": TEXT,
                },
                *("message", "type", "param", "code"),
            )
        },
        "error",
        description="An error of the OpenAI face. Where OpenAI itself refused, its own words.",
        examples=[
            {
                "error": {
                    "message": "The API key is missing or is not valid.",
                    "type": openai.ROWS[Kind.CALLER_AUTH].type,
                    "param": None,
                    "code": openai.ROWS[Kind.CALLER_AUTH].code,
                    "suggestion": openai.ROWS[Kind.CALLER_AUTH].suggestion,
                    "request_id": "req_0123456789abcdef01234567",
                }
            }
        ],
    ),
    "AnthropicError": obj(
        {
            "type": enum("error"),
            "error": obj({"type": TEXT, "message": TEXT}, "type", "message"),
            "request_id": maybe(TEXT),
        },
        *("type", "error"),
        description="An error of the Anthropic face. Where Anthropic refused, its own words.",
        examples=[
            {
                "type": "error",
                "error": {
                    "type": anthropic.ROWS[Kind.CALLER_AUTH][1],
                    "message": "The API key is missing or is not valid.",
                },
                "request_id": "req_0123456789abcdef01234567",
            }
        ],
    ),
}
_ENVELOPE = {"openai": "OpenAIError", "anthropic": "AnthropicError"}


def errors(face: str) -> Json:
    """The answers of *face* (`openai`, `anthropic`) that are errors, by status."""
    return {
        status: {"$ref": f"#/components/responses/{_ENVELOPE[face]}-{status}"}
        for status in _write_errors(face)
    }


def _write_errors(face: str) -> Json:
    found: defaultdict[int, list[str]] = defaultdict(list)
    for kind, meaning in MEANINGS.items():
        status, word = _row(face, kind)
        found[status].append(f"`{word}`: {meaning}.")
    found[_BILLING].append(f"`{_billing(face)}`: the gateway's account has no budget left.")
    headers = (*_REFUSED, *STANDING[face])
    schema = ref(_ENVELOPE[face])
    told = {
        str(status): json_answer(" ".join(meanings), schema, headers=headers)
        for status, meanings in sorted(found.items())
    }
    whose = {"openai": "OpenAI", "anthropic": "Anthropic"}[face]
    native = f"Any other status is {whose}'s own refusal of the question, as it was said."
    return {**told, "default": json_answer(native, schema, headers=headers)}


def _row(face: str, kind: Kind) -> tuple[int, str]:
    """Status, and the word a program tells the error by."""
    if face == "anthropic":
        return anthropic.ROWS[kind]
    row = openai.ROWS[kind]
    return row.status, row.code or row.type


def _billing(face: str) -> str:
    return "billing_error" if face == "anthropic" else str(openai.ROWS[Kind.BUDGET].code)


MEANINGS: Mapping[Kind, str] = {
    Kind.BAD_REQUEST: "the body cannot be read, or the model refused it",
    Kind.INVALID: "a field of the body is refused",
    Kind.MEDIA_TYPE: "the body is packed or spelled in a way that is not read",
    Kind.CALLER_AUTH: "the key is missing or not valid",
    Kind.CALLER_FORBIDDEN: "the key is not for this model",
    Kind.NOT_FOUND: "there is no such model",
    Kind.TOO_LARGE: "the body is too large",
    Kind.SLOW_BODY: "the body took too long to arrive",
    Kind.CONTEXT_LENGTH: "the conversation is too long for the model",
    Kind.CONTENT_POLICY: "a content policy declined it",
    Kind.OWN_RATE_LIMIT: "too many requests, or too many streams at a time",
    Kind.BUDGET: "no budget is left",
    Kind.UPSTREAM_RATE_LIMIT: "the vendor is asked too often",
    Kind.UPSTREAM_AUTH: "the vendor refuses our own key",
    Kind.OVERLOADED: "the vendor is overloaded",
    Kind.UPSTREAM: "the vendor failed",
    Kind.TIMEOUT: "the answer took too long",
    Kind.CONNECTION: "the vendor cannot be reached",
    Kind.SHUTTING_DOWN: "the service is restarting",
    Kind.INTERNAL: "something went wrong here",
}

RESPONSES: Json = {
    f"{envelope}-{status}": told
    for face, envelope in _ENVELOPE.items()
    for status, told in _write_errors(face).items()
}
