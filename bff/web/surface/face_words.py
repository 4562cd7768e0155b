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
    "X-Upstream-Via",
    "X-Aig-Log-Id",
    "X-Cache",
    "X-Model-Used",
    "X-Stream-Mode",
    "X-Ignored-Params",
)
_REFUSED = ("X-Should-Retry", "Retry-After")
_BILLING = 402  # the gateway's own account, on either face

SECURITY: Json = {
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "`Authorization: Bearer ` and a key of `bff keys create`.",
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
        "description": "`JWT ` and Atlassian's RS256 token for this very call.",
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
        "X-Request-Id": "The caller's own where it is sane, else ours; every log line has it.",
        "X-Upstream-Via": "`gateway` or `direct`: the way the answer came.",
        "X-Aig-Log-Id": "The gateway's id of the call.",
        "X-Cache": "`HIT` or `MISS`, where the gateway says so.",
        "X-Model-Used": "The model that answered, where it is not simply the one asked for.",
        "X-Stream-Mode": "`native`, `translated` or `simulated`.",
        "X-Ignored-Params": "What was asked for and this vendor cannot be told.",
        "X-Should-Retry": "`false`: asking again will not help. The vendors' SDKs heed it.",
        "Retry-After": "Seconds to wait before asking again.",
        "Allow": "The methods that the path answers to.",
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
                    "type": enum(*sorted({row.type for row in openai.ROWS.values()})),
                    "param": maybe(said(TEXT, "Where in the body, as in `messages[2].role`.")),
                    "code": maybe(TEXT),
                    "suggestion": said(TEXT, "One thing to do about it."),
                    "request_id": TEXT,
                },
                *("message", "type", "param", "code"),
            )
        },
        "error",
    ),
    "AnthropicError": obj(
        {
            "type": enum("error"),
            "error": obj({"type": TEXT, "message": TEXT}, "type", "message"),
            "request_id": TEXT,
        },
        *("type", "error"),
    ),
}
_SCHEMA = {"openai": "OpenAIError", "anthropic": "AnthropicError"}


def errors(face: str) -> Json:
    """The answers of *face* (`openai`, `anthropic`) that are errors, by status."""
    return {
        str(status): json_answer(_meaning(kinds), ref(_SCHEMA[face]), headers=_REFUSED)
        for status, kinds in sorted(_statuses(face).items())
    }


def _statuses(face: str) -> Mapping[int, list[Kind]]:
    found: defaultdict[int, list[Kind]] = defaultdict(list)
    for kind in Kind:
        row = openai.ROWS[kind].status if face == "openai" else anthropic.ROWS[kind][0]
        found[row].append(kind)
    found[_BILLING].append(Kind.BUDGET)
    return found


def _meaning(kinds: list[Kind]) -> str:
    return "; ".join(_MEANINGS[kind] for kind in kinds) + "."


_MEANINGS: Mapping[Kind, str] = {
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
