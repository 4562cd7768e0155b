"""`POST /v1/responses`, described. Source: contract api-faces.md §2 "/v1/responses"."""

from bff.web.surface.face_words import ANSWERED, STANDING, errors
from bff.web.surface.openai_words import CHOICES, ENTRY, LIMIT, MODEL, PICTURE_URL
from bff.web.surface.words import (
    ANY_OBJECT,
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
    ref,
    said,
    stream_of,
)

_ASKED = {"model": "openai/gpt-4o", "input": "Say hello"}
_TOOL = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}

SCHEMAS: Json = {
    "ResponseRequest": obj(
        {
            "model": MODEL,
            "input": one_of(TEXT, list_of(ref("ResponseInputItem"), minItems=1)),
            "instructions": maybe(TEXT),
            "stream": maybe(FLAG),
            "max_output_tokens": LIMIT,
            "temperature": maybe(number(0, 2)),
            "top_p": maybe(number(0, 1)),
            "tools": maybe(list_of(ref("ResponseTool"))),
            "tool_choice": maybe(
                one_of(
                    enum(*CHOICES), obj({"type": enum("function"), "name": NAME}, "type", "name")
                )
            ),
            "parallel_tool_calls": maybe(FLAG),
            "text": maybe(obj({"format": maybe(ref("ResponseFormat"))})),
            "reasoning": maybe(obj({"effort": maybe(TEXT)})),
            "metadata": maybe(ANY_OBJECT),
            "user": maybe(TEXT),
            "store": said({}, "Nothing is stored here, whatever it says."),
            "background": maybe(said({"const": False}, "Nothing runs in the background here.")),
            **{
                name: said({"type": "null"}, "Nothing is kept here: send the whole conversation.")
                for name in ("previous_response_id", "conversation", "prompt")
            },
        },
        "model",
        "input",
    ),
    "ResponseInputItem": one_of(
        obj(
            {
                "type": maybe(enum("message")),
                "role": enum("developer", "system", "user", "assistant"),
                "content": maybe(ref("ResponseContent")),
            },
            "role",
        ),
        obj(
            {
                "type": enum("function_call"),
                "call_id": NAME,
                "name": NAME,
                "arguments": maybe(one_of(TEXT, ANY_OBJECT)),
            },
            *("type", "call_id", "name"),
        ),
        obj(
            {
                "type": enum("function_call_output"),
                "call_id": NAME,
                "output": maybe(ref("ResponseContent")),
            },
            *("type", "call_id"),
        ),
        obj({"type": enum("reasoning")}, "type"),
    ),
    "ResponseContent": one_of(TEXT, list_of(ref("ResponsePart"))),
    "ResponsePart": one_of(
        obj({"type": enum("input_text", "output_text"), "text": TEXT}, "type", "text"),
        obj({"type": enum("refusal"), "refusal": TEXT}, "type", "refusal"),
        obj(
            {"type": enum("input_image"), "image_url": PICTURE_URL, "detail": maybe(TEXT)},
            *("type", "image_url"),
        ),
        obj({"type": enum("input_image"), "file_id": NAME}, "type", "file_id"),
        obj({"type": enum("input_file"), "file_data": maybe(TEXT), "filename": {}}, "type"),
        obj({"type": enum("input_audio")}, "type"),
    ),
    "ResponseTool": obj(
        {
            "type": enum("function"),
            "name": NAME,
            "description": maybe(TEXT),
            "parameters": maybe(ANY_OBJECT),
            "strict": maybe(FLAG),
        },
        "type",
        "name",
    ),
    "ResponseFormat": one_of(
        obj({"type": enum("text", "json_object")}, "type"),
        obj(
            {
                "type": enum("json_schema"),
                "name": maybe(TEXT),
                "schema": maybe(ANY_OBJECT),
                "strict": maybe(FLAG),
            },
            "type",
        ),
    ),
    "Response": obj(
        {
            "id": NAME,
            "object": enum("response"),
            "created_at": {"type": "number"},
            "status": enum("completed", "incomplete", "failed", "in_progress", "queued"),
            "model": NAME,
            "output": list_of(ref("ResponseOutputItem")),
            "error": maybe(obj({"code": TEXT, "message": TEXT}, "code", "message")),
            "incomplete_details": maybe(obj({"reason": TEXT})),
            "usage": maybe(
                obj(
                    {"input_tokens": TOKENS, "output_tokens": TOKENS, "total_tokens": TOKENS},
                    *("input_tokens", "output_tokens", "total_tokens"),
                )
            ),
        },
        *("id", "object", "created_at", "status", "model", "output"),
    ),
    "ResponseOutputItem": one_of(
        obj(
            {
                "id": NAME,
                "type": enum("message"),
                "role": enum("assistant"),
                "status": TEXT,
                "content": list_of(obj({"type": TEXT}, "type")),
            },
            *("id", "type", "role", "content"),
        ),
        obj(
            {
                "id": NAME,
                "type": enum("function_call"),
                "call_id": NAME,
                "name": NAME,
                "arguments": said(TEXT, "JSON, as text."),
                "status": TEXT,
            },
            *("type", "call_id", "name", "arguments"),
        ),
        obj({"type": enum("reasoning")}, "type"),
    ),
}


def _event(fields: Json) -> Json:
    told = {"type": said(TEXT, "The event's name."), "sequence_number": TOKENS, **fields}
    return obj(told, *told)


_OUTPUT: Json = {"output_index": TOKENS}
_ITEM: Json = {"item_id": NAME, **_OUTPUT}
_PART: Json = {**_ITEM, "content_index": TOKENS}
SCHEMAS |= {
    "ResponseEvent": _event({"response": ref("Response")}),
    "ResponseItemEvent": _event({**_OUTPUT, "item": ref("ResponseOutputItem")}),
    "ResponsePartEvent": _event({**_PART, "part": obj({"type": TEXT}, "type")}),
    "ResponseTextDelta": _event({**_PART, "delta": TEXT}),
    "ResponseTextDone": _event({**_PART, "text": TEXT}),
    "ResponseArgumentsDelta": _event({**_ITEM, "delta": TEXT}),
    "ResponseArgumentsDone": _event({**_ITEM, "arguments": TEXT}),
    "ResponseErrorEvent": _event({"code": maybe(TEXT), "message": TEXT, "param": maybe(TEXT)}),
}
_EVENTS = {
    **dict.fromkeys(("response.created", "response.in_progress"), "ResponseEvent"),
    "response.output_item.added": "ResponseItemEvent",
    "response.content_part.added": "ResponsePartEvent",
    "response.output_text.delta": "ResponseTextDelta",
    "response.output_text.done": "ResponseTextDone",
    "response.content_part.done": "ResponsePartEvent",
    "response.function_call_arguments.delta": "ResponseArgumentsDelta",
    "response.function_call_arguments.done": "ResponseArgumentsDone",
    "response.output_item.done": "ResponseItemEvent",
    **dict.fromkeys(("response.completed", "response.incomplete"), "ResponseEvent"),
    "error": "ResponseErrorEvent",
    "response.failed": "ResponseEvent",
}
_STREAM = (
    "Frames `event: <type>` and `data: {...}` with rising `sequence_number`: `response.created`, "
    "`response.in_progress`, per item `response.output_item.added`, its parts and deltas, "
    "`response.output_item.done`, and last `response.completed`, or `response.incomplete`. "
    "Comments keep the line alive. A failure after the 200 is `error`, then `response.failed`. "
    "OpenAI's own events come as they are, also those that are not named here."
)
_FRAMES = (
    "event: response.output_text.delta\n"
    'data: {"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_1",'
    '"output_index":0,"content_index":0,"delta":"Hello","logprobs":[]}\n\n'
    "event: response.output_text.done\n"
    'data: {"type":"response.output_text.done","sequence_number":5,"item_id":"msg_1",'
    '"output_index":0,"content_index":0,"text":"Hello","logprobs":[]}\n\n'
)

PATHS: Json = {
    "/v1/responses": {
        "post": operation(
            id_="createResponse",
            group="OpenAI face",
            summary="Any model, in the words of OpenAI's responses endpoint",
            description="Nothing is stored: `previous_response_id`, `conversation`, `prompt`, "
            "`background: true` and built-in tools are refused with the code "
            "`unsupported_parameter`.",
            security=ENTRY,
            body=json_body(
                ref("ResponseRequest"),
                {
                    "whole": _ASKED,
                    "streamed": {**_ASKED, "stream": True},
                    "tool": {**_ASKED, "tools": [_TOOL], "tool_choice": "required"},
                },
            ),
            answers={
                "200": answered(
                    "The answer.",
                    ref("Response"),
                    example={
                        "id": "resp_1",
                        "object": "response",
                        "created_at": 1760000000,
                        "status": "completed",
                        "model": "openai/gpt-4o",
                        "error": None,
                        "incomplete_details": None,
                        "output": [
                            {
                                "id": "msg_1",
                                "type": "message",
                                "role": "assistant",
                                "status": "completed",
                                "content": [
                                    {"type": "output_text", "text": "Hello.", "annotations": []}
                                ],
                            }
                        ],
                        "usage": {"input_tokens": 9, "output_tokens": 2, "total_tokens": 11},
                    },
                    stream=stream_of(_STREAM, _EVENTS, _FRAMES, others=True),
                    headers=(*ANSWERED, *STANDING["openai"]),
                ),
                **errors("openai"),
            },
        )
    },
}
