"""`POST /v1/chat/completions`, `POST /v1/responses`, described. Source: api-faces.md §2."""

from bff.web.surface.face_words import ANSWERED, errors
from bff.web.surface.words import (
    ANY_OBJECT,
    COUNT,
    FLAG,
    TEXT,
    TOKENS,
    Json,
    enum,
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

_ENTRY = ("apiKey", "connectHeader", "connectQuery", "forge")
_TEMPERATURE = maybe({"type": "number", "minimum": 0, "maximum": 2})
_TOP_P = maybe({"type": "number", "minimum": 0, "maximum": 1})
_LIMIT = maybe(said({"type": "integer", "minimum": -1}, "At least 1; -1 counts as missing."))
_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
_CHAT = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "Say hello"}]}
_RESPONSE = {"model": "openai/gpt-4o", "input": "Say hello"}

SCHEMAS: Json = {
    "ChatPart": one_of(
        obj({"type": enum("text"), "text": TEXT}, "type", "text"),
        obj(
            {
                "type": enum("image_url"),
                "image_url": one_of(TEXT, obj({"url": TEXT, "detail": TEXT}, "url")),
            },
            "type",
            "image_url",
        ),
        obj({"type": enum("file"), "file": ANY_OBJECT}, "type", "file"),
        obj({"type": enum("input_audio", "refusal")}, "type"),
    ),
    "ToolCall": obj(
        {
            "id": TEXT,
            "type": enum("function"),
            "function": obj({"name": TEXT, "arguments": TEXT}, "name", "arguments"),
        },
        "id",
        "function",
    ),
    "ChatTurn": obj(
        {
            "role": enum("developer", "system", "user", "assistant", "tool", "function"),
            "content": maybe(one_of(TEXT, list_of(ref("ChatPart")))),
            "name": TEXT,
            "tool_calls": maybe(list_of(ref("ToolCall"))),
            "tool_call_id": said(TEXT, "With `tool`: the call that this is the result of."),
        },
        "role",
    ),
    "ChatCompletionRequest": obj(
        {
            "model": said(
                {"type": "string", "minLength": 1},
                "An alias, or `provider/model`, or the vendor's own name of it.",
            ),
            "messages": list_of(ref("ChatTurn"), minItems=1),
            "stream": maybe(said(FLAG, "Alone decides whether the answer is a stream.")),
            "stream_options": maybe(
                said(obj({"include_usage": maybe(FLAG)}), "Only with `stream: true`.")
            ),
            "max_completion_tokens": _LIMIT,
            "max_tokens": _LIMIT,
            "temperature": _TEMPERATURE,
            "top_p": _TOP_P,
            "n": maybe(said(COUNT, "More than 1 where the vendor can.")),
            "stop": maybe(one_of(TEXT, list_of(TEXT))),
            "tools": maybe(list_of(obj({"type": TEXT, "function": ANY_OBJECT}, "type"))),
            "tool_choice": maybe(one_of(enum("auto", "none", "required"), ANY_OBJECT)),
            "parallel_tool_calls": maybe(FLAG),
            "response_format": maybe(
                obj({"type": enum("text", "json_object", "json_schema")}, "type")
            ),
            "reasoning_effort": maybe(TEXT),
            "user": maybe(TEXT),
        },
        "model",
        "messages",
        description="Fields beside these are passed on to OpenAI, and to others not: those are "
        "named in `x-ignored-params`.",
    ),
    "ChatUsage": obj(
        {"prompt_tokens": TOKENS, "completion_tokens": TOKENS, "total_tokens": TOKENS},
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
    ),
    "ChatCompletion": obj(
        {
            "id": TEXT,
            "object": enum("chat.completion"),
            "created": {"type": "integer"},
            "model": TEXT,
            "choices": list_of(
                obj(
                    {
                        "index": {"type": "integer"},
                        "message": obj(
                            {
                                "role": enum("assistant"),
                                "content": maybe(TEXT),
                                "tool_calls": list_of(ref("ToolCall")),
                            },
                            "role",
                            "content",
                        ),
                        "finish_reason": enum(
                            "stop", "length", "tool_calls", "content_filter", "function_call"
                        ),
                    },
                    "index",
                    "message",
                    "finish_reason",
                )
            ),
            "usage": ref("ChatUsage"),
        },
        *("id", "object", "created", "model", "choices", "usage"),
    ),
    "ResponseRequest": obj(
        {
            "model": {"type": "string", "minLength": 1},
            "input": said(
                one_of(TEXT, list_of(ANY_OBJECT)),
                "A text; or messages, `function_call`s and `function_call_output`s.",
            ),
            "instructions": maybe(TEXT),
            "stream": maybe(FLAG),
            "max_output_tokens": _LIMIT,
            "temperature": _TEMPERATURE,
            "top_p": _TOP_P,
            "tools": maybe(
                list_of(
                    obj(
                        {
                            "type": enum("function"),
                            "name": TEXT,
                            "description": maybe(TEXT),
                            "parameters": maybe(ANY_OBJECT),
                            "strict": maybe(FLAG),
                        },
                        "type",
                        "name",
                    )
                )
            ),
            "tool_choice": maybe(one_of(enum("auto", "none", "required"), ANY_OBJECT)),
            "parallel_tool_calls": maybe(FLAG),
            "text": maybe(obj({"format": maybe(ANY_OBJECT)})),
            "reasoning": maybe(obj({"effort": maybe(TEXT)})),
            "metadata": maybe(ANY_OBJECT),
            "store": maybe(said(FLAG, "Nothing is stored here, whatever it says.")),
        },
        "model",
        "input",
    ),
    "Response": obj(
        {
            "id": TEXT,
            "object": enum("response"),
            "created_at": {"type": "number"},
            "status": enum("completed", "incomplete", "failed", "in_progress"),
            "model": TEXT,
            "output": list_of(obj({"type": TEXT}, "type")),
            "usage": maybe(
                obj(
                    {"input_tokens": TOKENS, "output_tokens": TOKENS, "total_tokens": TOKENS},
                    *("input_tokens", "output_tokens", "total_tokens"),
                )
            ),
        },
        *("id", "object", "created_at", "status", "model", "output"),
    ),
}

_CHAT_STREAM = (
    "`data:` frames, each one chunk of JSON in ASCII: first the role, then deltas, then one with a "
    "`finish_reason`; with `stream_options.include_usage` one with the usage and no choice; last "
    "`data: [DONE]`. Comments keep the line alive. A failure after the 200 is a frame "
    '`data: {"error":{...}}` before `[DONE]`.'
)
_RESPONSE_STREAM = (
    "Frames `event: <type>` and `data: {...}` with rising `sequence_number`: `response.created`, "
    "`response.in_progress`, per item `response.output_item.added`, its parts and deltas, "
    "`response.output_item.done`, and last `response.completed`, or `response.incomplete`. "
    "Comments keep the line alive. A failure after the 200 is `error`, then `response.failed`."
)

PATHS: Json = {
    "/v1/chat/completions": {
        "post": operation(
            id_="createChatCompletion",
            group="OpenAI face",
            summary="Any model, in OpenAI's words",
            security=_ENTRY,
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
                "200": {
                    **json_answer("The answer.", ref("ChatCompletion"), headers=ANSWERED),
                    "content": {
                        "application/json": {"schema": ref("ChatCompletion")},
                        **stream_of(
                            _CHAT_STREAM,
                            'data: {"id":"chatcmpl-1","object":"chat.completion.chunk",'
                            '"created":1760000000,"model":"gpt-4o","choices":[{"index":0,'
                            '"delta":{"content":"Hello"},"finish_reason":null}]}\n\n'
                            "data: [DONE]\n\n",
                        ),
                    },
                },
                **errors("openai"),
            },
        )
    },
    "/v1/responses": {
        "post": operation(
            id_="createResponse",
            group="OpenAI face",
            summary="Any model, in the words of OpenAI's responses endpoint",
            description="Nothing is stored: `previous_response_id`, `conversation`, `background` "
            "and built-in tools are refused with the code `unsupported_parameter`.",
            security=_ENTRY,
            body=json_body(
                ref("ResponseRequest"),
                {"whole": _RESPONSE, "streamed": {**_RESPONSE, "stream": True}},
            ),
            answers={
                "200": {
                    **json_answer("The answer.", ref("Response"), headers=ANSWERED),
                    "content": {
                        "application/json": {"schema": ref("Response")},
                        **stream_of(
                            _RESPONSE_STREAM,
                            "event: response.output_text.delta\n"
                            'data: {"type":"response.output_text.delta","sequence_number":4,'
                            '"item_id":"msg_1","output_index":0,"content_index":0,"delta":"Hello",'
                            '"logprobs":[]}\n\n',
                        ),
                    },
                },
                **errors("openai"),
            },
        )
    },
}
