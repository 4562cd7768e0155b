"""`POST /v1/messages` and `count_tokens`, also below `/anthropic`, described.

Source: contract api-faces.md §3.
"""

from typing import Any

from bff.web.surface.face_words import ANSWERED, errors
from bff.web.surface.words import (
    ANY_OBJECT,
    COUNT,
    FLAG,
    TEXT,
    TOKENS,
    Json,
    enum,
    in_header,
    in_query,
    json_answer,
    json_body,
    list_of,
    maybe,
    obj,
    one_of,
    operation,
    ref,
    said,
    stream_of,
)

_ENTRY = ("apiKey", "apiKeyHeader")
_ASKED = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "Say hello"}]}
_QUESTION = {**_ASKED, "max_tokens": 500}
_TOOL = {
    "name": "get_weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}
_TURNS = list_of(ref("MessageTurn"), minItems=1)
_SYSTEM = maybe(one_of(TEXT, list_of(obj({"type": enum("text"), "text": TEXT}, "type", "text"))))
_TOOLS = maybe(list_of(obj({"type": maybe(TEXT), "name": TEXT, "input_schema": ANY_OBJECT})))
_PARAMETERS = (
    in_header("anthropic-version", TEXT, "Any, or none; passed on to Anthropic."),
    in_header("anthropic-beta", TEXT, "Passed on to Anthropic, and read by nobody else."),
    in_query("beta", TEXT, "Passed on to Anthropic."),
)

SCHEMAS: Json = {
    "MessageTurn": obj(
        {
            "role": enum("user", "assistant", "system"),
            "content": one_of(TEXT, list_of(obj({"type": TEXT}, "type"))),
        },
        "role",
        "content",
    ),
    "MessageRequest": obj(
        {
            "model": {"type": "string", "minLength": 1},
            "max_tokens": COUNT,
            "messages": _TURNS,
            "system": _SYSTEM,
            "stream": maybe(FLAG),
            "temperature": maybe({"type": "number", "minimum": 0, "maximum": 2}),
            "top_p": maybe({"type": "number", "minimum": 0, "maximum": 1}),
            "stop_sequences": maybe(list_of(TEXT)),
            "tools": _TOOLS,
            "tool_choice": maybe(obj({"type": enum("auto", "any", "tool", "none")}, "type")),
            "metadata": maybe(obj({"user_id": maybe(TEXT)})),
        },
        *("model", "max_tokens", "messages"),
        description="Anthropic gets the body as it came, but for the model's name; what another "
        "vendor has no words for is named in `x-ignored-params`.",
    ),
    "Message": obj(
        {
            "id": TEXT,
            "type": enum("message"),
            "role": enum("assistant"),
            "model": TEXT,
            "content": list_of(obj({"type": TEXT}, "type")),
            "stop_reason": maybe(TEXT),
            "stop_sequence": maybe(TEXT),
            "usage": obj(
                {"input_tokens": TOKENS, "output_tokens": TOKENS},
                *("input_tokens", "output_tokens"),
            ),
        },
        *("id", "type", "role", "model", "content", "stop_reason", "usage"),
    ),
    "CountRequest": obj(
        {
            "model": {"type": "string", "minLength": 1},
            "messages": _TURNS,
            "system": _SYSTEM,
            "tools": _TOOLS,
        },
        *("model", "messages"),
    ),
    "TokenCount": obj(
        {"input_tokens": said(TOKENS, "Anthropic's own count; of other models an estimate.")},
        "input_tokens",
    ),
}

_STREAM = (
    "Frames `event: <type>` and `data: {...}`: `message_start`, then per block "
    "`content_block_start`, its deltas and `content_block_stop`, then `message_delta` with the "
    "stop reason and the usage, last `message_stop`. `ping` keeps the line alive. A failure after "
    "the 200 is `event: error`, and the end."
)


def _message(mount: str) -> Json:
    return operation(
        id_=f"create{mount}Message",
        group="Anthropic face",
        summary="Any model, in Anthropic's words",
        security=_ENTRY,
        parameters=_PARAMETERS,
        body=json_body(
            ref("MessageRequest"),
            {
                "whole": _QUESTION,
                "streamed": {**_QUESTION, "stream": True},
                "tool": {**_QUESTION, "tools": [_TOOL], "tool_choice": {"type": "any"}},
            },
        ),
        answers={
            "200": {
                **json_answer("The answer.", ref("Message"), headers=ANSWERED),
                "content": {
                    "application/json": {"schema": ref("Message")},
                    **stream_of(
                        _STREAM,
                        "event: content_block_delta\n"
                        'data: {"type":"content_block_delta","index":0,'
                        '"delta":{"type":"text_delta","text":"Hello"}}\n\n',
                    ),
                },
            },
            **errors("anthropic"),
        },
    )


def _count(mount: str) -> Json:
    return operation(
        id_=f"count{mount}Tokens",
        group="Anthropic face",
        summary="How many tokens a question has",
        security=_ENTRY,
        parameters=_PARAMETERS,
        body=json_body(ref("CountRequest"), {"count": _ASKED}),
        answers={
            "200": json_answer("The count.", ref("TokenCount")),
            **errors("anthropic"),
        },
    )


def _paths() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for prefix, mount in (("/v1", ""), ("/anthropic/v1", "Mounted")):
        found[f"{prefix}/messages"] = {"post": _message(mount)}
        found[f"{prefix}/messages/count_tokens"] = {"post": _count(mount)}
    return found


PATHS: Json = _paths()
