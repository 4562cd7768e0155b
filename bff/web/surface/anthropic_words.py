"""`POST /v1/messages` and `count_tokens`, also below `/anthropic`, described.

Source: contract api-faces.md §3.
"""

from typing import Any

from bff.web.surface.face_words import ANSWERED, STANDING, errors
from bff.web.surface.openai_words import MODEL
from bff.web.surface.words import (
    ANY_OBJECT,
    COUNT,
    FLAG,
    NAME,
    TEXT,
    TOKENS,
    Json,
    answered,
    enum,
    in_header,
    in_query,
    json_answer,
    json_body,
    list_of,
    maybe,
    number,
    obj,
    one_of,
    operation,
    other_than,
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
_SYSTEM = maybe(one_of(TEXT, list_of(obj({"type": said({}, "`text`."), "text": TEXT}, "text"))))
_TOOLS = maybe(
    list_of(
        one_of(
            obj(
                {
                    "type": maybe(enum("custom")),
                    "name": NAME,
                    "description": maybe(TEXT),
                    "input_schema": maybe(said(ANY_OBJECT, "A JSON schema.")),
                },
                "name",
            ),
            obj({"type": said(other_than("custom"), "What Anthropic alone has.")}, "type"),
        )
    )
)
_PARAMETERS = (
    in_header("anthropic-version", TEXT, "Any, or none; passed on to Anthropic."),
    in_header("anthropic-beta", TEXT, "Passed on to Anthropic, and read by nobody else."),
    in_query("beta", TEXT, "Passed on to Anthropic."),
)
_MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "openai/gpt-4o",
    "content": [{"type": "text", "text": "Hello."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 9, "output_tokens": 2},
}

_TEXT_BLOCK = obj({"type": enum("text"), "text": TEXT}, "type", "text")
_BLOCKS = ("text", "image", "document", "tool_use", "tool_result", "thinking")


def _turn(role: str, block: str = "") -> Json:
    """Of *role*, who alone may say a *block*."""
    blocks = one_of(ref("Block"), ref(block)) if block else ref("Block")
    return obj({"role": enum(role), "content": one_of(TEXT, list_of(blocks))}, "role", "content")


SCHEMAS: Json = {
    "MessageRequest": obj(
        {
            "model": MODEL,
            "max_tokens": COUNT,
            "messages": _TURNS,
            "system": _SYSTEM,
            "stream": maybe(FLAG),
            "temperature": maybe(number(0, 2)),
            "top_p": maybe(number(0, 1)),
            "stop_sequences": maybe(list_of(TEXT)),
            "tools": _TOOLS,
            "tool_choice": maybe(
                one_of(
                    obj({"type": enum("auto", "any", "none")}, "type"),
                    obj({"type": enum("tool"), "name": NAME}, "type", "name"),
                )
            ),
            "metadata": maybe(obj({"user_id": maybe(TEXT)})),
        },
        *("model", "max_tokens", "messages"),
        description="Anthropic gets the body as it came, but for the model's name; of what another "
        "vendor has no words for, what is asked of the answer is named in `x-ignored-params`.",
    ),
    "MessageTurn": one_of(
        _turn("user", "ResultBlock"), _turn("assistant", "CallBlock"), _turn("system")
    ),
    "CallBlock": obj(
        {"type": enum("tool_use"), "id": NAME, "name": NAME, "input": maybe(ANY_OBJECT)},
        *("type", "id", "name"),
    ),
    "ResultBlock": obj(
        {
            "type": enum("tool_result"),
            "tool_use_id": said(NAME, "Of a `tool_use` in the message before."),
            "content": maybe(one_of(TEXT, list_of(ref("Block")))),
            "is_error": maybe(FLAG),
        },
        *("type", "tool_use_id"),
    ),
    "Block": one_of(
        _TEXT_BLOCK,
        obj({"type": enum("image", "document"), "source": ref("Source")}, "type", "source"),
        obj(
            {"type": enum("thinking"), "thinking": TEXT, "signature": maybe(TEXT)},
            *("type", "thinking"),
        ),
        obj({"type": said(other_than(*_BLOCKS), "What Anthropic alone has.")}, "type"),
    ),
    "Source": one_of(
        obj(
            {
                "type": enum("base64"),
                "media_type": {"type": "string", "pattern": r"^[\w.+-]+/[\w.+-]+$"},
                "data": NAME,
            },
            *("type", "media_type", "data"),
        ),
        obj(
            {"type": enum("url"), "url": {"type": "string", "pattern": "^https?://"}}, "type", "url"
        ),
        obj({"type": enum("text"), "data": TEXT}, "type", "data"),
        obj({"type": said({"not": {"enum": ["base64", "url", "text"]}}, "Anthropic's own.")}),
    ),
    "Message": obj(
        {
            "id": NAME,
            "type": enum("message"),
            "role": enum("assistant"),
            "model": said(NAME, "As it was asked for, or as Anthropic names it."),
            "content": list_of(ref("ToldBlock")),
            "stop_reason": maybe(TEXT),
            "stop_sequence": maybe(TEXT),
            "usage": ref("MessageUsage"),
        },
        *("id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"),
    ),
    "ToldBlock": one_of(
        obj({"type": enum("text"), "text": TEXT}, "type", "text"),
        obj(
            {"type": enum("tool_use"), "id": NAME, "name": NAME, "input": ANY_OBJECT},
            *("type", "id", "name", "input"),
        ),
        obj({"type": said(other_than("text", "tool_use"), "As Anthropic said it.")}, "type"),
    ),
    "MessageUsage": obj(
        {"input_tokens": TOKENS, "output_tokens": TOKENS}, "input_tokens", "output_tokens"
    ),
    "CountRequest": obj(
        {"model": MODEL, "messages": _TURNS, "system": _SYSTEM, "tools": _TOOLS},
        *("model", "messages"),
    ),
    "TokenCount": obj(
        {"input_tokens": said(TOKENS, "Anthropic's own count; of other models an estimate.")},
        "input_tokens",
    ),
    "MessageStart": obj({"type": enum("message_start"), "message": ref("Message")}, "message"),
    "BlockStart": obj(
        {
            "type": enum("content_block_start"),
            "index": TOKENS,
            "content_block": ref("ToldBlock"),
        },
        *("type", "index", "content_block"),
    ),
    "BlockDelta": obj(
        {
            "type": enum("content_block_delta"),
            "index": TOKENS,
            "delta": one_of(
                obj({"type": enum("text_delta"), "text": TEXT}, "type", "text"),
                obj(
                    {"type": enum("input_json_delta"), "partial_json": TEXT},
                    *("type", "partial_json"),
                ),
                obj({"type": other_than("text_delta", "input_json_delta")}, "type"),
            ),
        },
        *("type", "index", "delta"),
    ),
    "BlockStop": obj({"type": enum("content_block_stop"), "index": TOKENS}, "type", "index"),
    "MessageDelta": obj(
        {
            "type": enum("message_delta"),
            "delta": obj({"stop_reason": maybe(TEXT), "stop_sequence": maybe(TEXT)}, "stop_reason"),
            "usage": obj({"output_tokens": TOKENS}, "output_tokens"),
        },
        *("type", "delta", "usage"),
    ),
    "MessageStop": obj({"type": enum("message_stop")}, "type"),
    "Ping": obj({"type": enum("ping")}, "type"),
}
_EVENTS = {
    "message_start": "MessageStart",
    "content_block_start": "BlockStart",
    "content_block_delta": "BlockDelta",
    "content_block_stop": "BlockStop",
    "message_delta": "MessageDelta",
    "message_stop": "MessageStop",
    "ping": "Ping",
    "error": "AnthropicError",
}
_STREAM = (
    "Frames `event: <type>` and `data: {...}`: `message_start`, then per block "
    "`content_block_start`, its deltas and `content_block_stop`, then `message_delta` with the "
    "stop reason and the usage, last `message_stop`. `ping` keeps the line alive. A failure after "
    "the 200 is `event: error`, and the end."
)
_FRAMES = (
    "event: content_block_delta\n"
    'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello."}}'
    "\n\n"
    "event: content_block_stop\n"
    'data: {"type":"content_block_stop","index":0}\n\n'
    "event: message_delta\n"
    'data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},'
    '"usage":{"output_tokens":2}}\n\n'
    "event: message_stop\n"
    'data: {"type":"message_stop"}\n\n'
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
            "200": answered(
                "The answer.",
                ref("Message"),
                example=_MESSAGE,
                stream=stream_of(_STREAM, _EVENTS, _FRAMES),
                headers=(*ANSWERED, *STANDING["anthropic"]),
            ),
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
            "200": json_answer(
                "The count.",
                ref("TokenCount"),
                headers=STANDING["anthropic"],
                example={"input_tokens": 9},
            ),
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
