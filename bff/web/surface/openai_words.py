"""`POST /v1/chat/completions`, described. Source: contract api-faces.md §2."""

from bff.web.surface.face_words import ANSWERED, STANDING, errors
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

ENTRY = ("apiKey", "apiKeyHeader", "connectHeader", "connectQuery", "forge")
MODEL = said(NAME, "An alias, or `provider/model`, or the vendor's own name of it.")
LIMIT = maybe(one_of(COUNT, said({"const": -1}, "As if it were missing.")))
PICTURE_URL: Json = {
    "type": "string",
    "pattern": "^(https?://|data:)",
    "description": "An https URL, or a data URL.",
}
CHOICES = ("auto", "none", "required")
FORMATS = one_of(
    obj({"type": enum("text", "json_object")}, "type"),
    obj({"type": enum("json_schema"), "json_schema": ref("NamedSchema")}, "type", "json_schema"),
)
_FINISHES = ("stop", "length", "tool_calls", "content_filter", "function_call")
_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
_CHAT = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "Say hello"}]}
_HEAD = {"id": "chatcmpl-1", "created": 1760000000, "model": "openai/gpt-4o"}
_USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}

SCHEMAS: Json = {
    "ChatCompletionRequest": obj(
        {
            "model": MODEL,
            "messages": list_of(ref("ChatTurn"), minItems=1),
            "stream": maybe(said(FLAG, "Alone decides whether the answer is a stream.")),
            "stream_options": maybe(
                said(obj({"include_usage": maybe(FLAG)}), "Only with `stream: true`.")
            ),
            "max_completion_tokens": LIMIT,
            "max_tokens": said(LIMIT, "The former name; `max_completion_tokens` wins."),
            "temperature": maybe(number(0, 2)),
            "top_p": maybe(number(0, 1)),
            "n": maybe(said(COUNT, "More than 1 where the vendor can.")),
            "stop": maybe(one_of(TEXT, list_of(TEXT))),
            "tools": maybe(list_of(ref("ChatTool"))),
            "tool_choice": maybe(one_of(enum(*CHOICES), ref("ChatToolChoice"))),
            "parallel_tool_calls": maybe(FLAG),
            "functions": maybe(
                said(list_of(ref("Function")), "As tools were called before; so is the answer.")
            ),
            "response_format": maybe(FORMATS),
            "reasoning_effort": maybe(TEXT),
            "user": maybe(TEXT),
            "safety_identifier": maybe(TEXT),
        },
        "model",
        "messages",
        description="Fields beside these are passed on to OpenAI, and to others not: those are "
        "named in `x-ignored-params`.",
    ),
    "ChatTurn": one_of(
        obj(
            {
                "role": enum("developer", "system", "user"),
                "content": maybe(ref("ChatContent")),
                "name": maybe(TEXT),
            },
            "role",
        ),
        obj(
            {
                "role": enum("assistant"),
                "content": maybe(ref("ChatContent")),
                "refusal": maybe(TEXT),
                "tool_calls": maybe(list_of(ref("MadeCall"))),
            },
            "role",
        ),
        obj(
            {
                "role": enum("tool"),
                "content": maybe(ref("ChatContent")),
                "tool_call_id": said(NAME, "The call that this is the result of."),
            },
            *("role", "tool_call_id"),
            description="Every call of a turn must be answered before anyone else speaks.",
        ),
        obj({"role": enum("function"), "content": maybe(ref("ChatContent"))}, "role"),
    ),
    "ChatContent": one_of(TEXT, list_of(ref("ChatPart"))),
    "ChatPart": one_of(
        obj({"type": enum("text"), "text": TEXT}, "type", "text"),
        obj(
            {
                "type": enum("image_url"),
                "image_url": obj({"url": PICTURE_URL, "detail": maybe(TEXT)}, "url"),
            },
            "type",
            "image_url",
        ),
        obj(
            {
                "type": enum("file"),
                "file": obj({"file_data": maybe(TEXT), "filename": said({}, "A text.")}),
            },
            "type",
            "file",
        ),
        obj({"type": enum("input_audio"), "input_audio": ANY_OBJECT}, "type", "input_audio"),
        obj({"type": enum("refusal"), "refusal": TEXT}, "type", "refusal"),
    ),
    "MadeCall": one_of(
        obj(
            {
                "id": NAME,
                "type": enum("function"),
                "function": obj(
                    {"name": NAME, "arguments": maybe(one_of(TEXT, ANY_OBJECT))}, "name"
                ),
            },
            "id",
            "function",
        ),
        obj(
            {
                "id": NAME,
                "type": enum("custom"),
                "custom": obj({"name": NAME, "input": TEXT}, "name", "input"),
            },
            *("id", "type", "custom"),
        ),
    ),
    "Function": obj(
        {
            "name": NAME,
            "description": maybe(TEXT),
            "parameters": maybe(said(ANY_OBJECT, "A JSON schema.")),
            "strict": maybe(FLAG),
        },
        "name",
    ),
    "ChatTool": one_of(
        obj({"type": enum("function"), "function": ref("Function")}, "type", "function"),
        obj({"type": said(other_than("function"), "What OpenAI alone has.")}, "type"),
    ),
    "ChatToolChoice": one_of(
        obj(
            {"type": enum("function"), "function": obj({"name": NAME}, "name")},
            "type",
            "function",
        ),
        obj({"type": other_than("function")}, "type"),
    ),
    "NamedSchema": obj(
        {"name": maybe(TEXT), "schema": maybe(ANY_OBJECT), "strict": maybe(FLAG)},
        description="A JSON schema that the answer follows.",
    ),
    "ChatCompletion": obj(
        {
            "id": NAME,
            "object": enum("chat.completion"),
            "created": TOKENS,
            "model": said(NAME, "As it was asked for, or as OpenAI names it."),
            "choices": list_of(
                obj(
                    {
                        "index": TOKENS,
                        "message": obj(
                            {
                                "role": enum("assistant"),
                                "content": maybe(TEXT),
                                "refusal": maybe(TEXT),
                                "tool_calls": list_of(ref("ToolCall"), minItems=1),
                            },
                            "role",
                            "content",
                        ),
                        "finish_reason": enum(*_FINISHES),
                    },
                    *("index", "message", "finish_reason"),
                ),
                minItems=1,
            ),
            "usage": ref("ChatUsage"),
        },
        *("id", "object", "created", "model", "choices", "usage"),
    ),
    "ToolCall": obj(
        {
            "id": NAME,
            "type": enum("function", "custom"),
            "function": obj(
                {"name": NAME, "arguments": said(TEXT, "JSON, as text.")}, "name", "arguments"
            ),
        },
        *("id", "type"),
    ),
    "ChatUsage": obj(
        {"prompt_tokens": TOKENS, "completion_tokens": TOKENS, "total_tokens": TOKENS},
        *("prompt_tokens", "completion_tokens", "total_tokens"),
    ),
    "ChatCompletionChunk": obj(
        {
            "id": NAME,
            "object": enum("chat.completion.chunk"),
            "created": TOKENS,
            "model": NAME,
            "choices": list_of(
                obj(
                    {
                        "index": TOKENS,
                        "delta": obj(
                            {
                                "role": enum("assistant"),
                                "content": maybe(TEXT),
                                "tool_calls": list_of(obj({"index": TOKENS}, "index")),
                            }
                        ),
                        "finish_reason": maybe(enum(*_FINISHES)),
                    },
                    "index",
                    "delta",
                )
            ),
            "usage": maybe(ref("ChatUsage")),
        },
        *("id", "object", "created", "model", "choices"),
    ),
    "ChatFrame": one_of(ref("ChatCompletionChunk"), ref("OpenAIError")),
}

_STREAM = (
    "`data:` frames, each one chunk of JSON in ASCII: first the role, then deltas, then one with a "
    "`finish_reason`; with `stream_options.include_usage` one with the usage and no choice; last "
    "`data: [DONE]`. Comments keep the line alive. A failure after the 200 is a frame "
    '`data: {"error":{...}}` before `[DONE]`.'
)
_FRAMES = "".join(
    'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1760000000,'
    f'"model":"openai/gpt-4o","choices":[{{"index":0,"delta":{delta},"finish_reason":{end}}}]}}\n\n'
    for delta, end in (
        ('{"role":"assistant","content":""}', "null"),
        ('{"content":"Hello."}', "null"),
        ("{}", '"stop"'),
    )
)

PATHS: Json = {
    "/v1/chat/completions": {
        "post": operation(
            id_="createChatCompletion",
            group="OpenAI face",
            summary="Any model, in OpenAI's words",
            security=ENTRY,
            body=json_body(
                ref("ChatCompletionRequest"),
                {
                    "whole": _CHAT,
                    "streamed": {
                        **_CHAT,
                        "stream": True,
                        "stream_options": {"include_usage": True},
                    },
                    "tool": {**_CHAT, "tools": [_TOOL], "tool_choice": "required"},
                },
            ),
            answers={
                "200": answered(
                    "The answer.",
                    ref("ChatCompletion"),
                    example={
                        **_HEAD,
                        "object": "chat.completion",
                        "choices": [
                            {
                                "index": 0,
                                "message": {
                                    "role": "assistant",
                                    "content": "Hello.",
                                    "refusal": None,
                                },
                                "logprobs": None,
                                "finish_reason": "stop",
                            }
                        ],
                        "usage": _USAGE,
                    },
                    stream=stream_of(
                        _STREAM, {"": "ChatFrame"}, _FRAMES + "data: [DONE]\n\n", end="[DONE]"
                    ),
                    headers=(*ANSWERED, *STANDING["openai"]),
                ),
                **errors("openai"),
            },
        )
    },
}
