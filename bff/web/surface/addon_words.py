"""The add-on's own routes, described: its chat, its diagrams, its quota, its life in a site.

Source: contract node-bff.md §3, operations.md (decisions).
"""

from collections.abc import Sequence
from typing import Any

from bff.dialects.chatgpt import STATUS
from bff.errors import Kind
from bff.web.surface.face_words import ANSWERED, MEANINGS
from bff.web.surface.words import (
    ANY_OBJECT,
    NAME,
    TEXT,
    TOKENS,
    Json,
    bare_answer,
    enum,
    headers_of,
    in_query,
    json_answer,
    json_body,
    list_of,
    maybe,
    obj,
    one_of,
    operation,
    other_than,
    ref,
    said,
    stream_of,
    text_answer,
)

_ENTRY = ("connectQuery", "connectHeader", "forge")
_TURN = {
    "id": "1",
    "author": {"role": "user"},
    "role": "user",
    "content": {"content_type": "text", "parts": ["Say hello"]},
}
_PICTURE_URL: Json = {
    "type": "string",
    "pattern": "^(https?://|data:image/)[^\\x00-\\x20]",
    "description": "An http or https URL, or a data URL.",
}
_PAGE_ID: Json = {"type": "string", "pattern": "^[0-9]{1,20}$"}
_PICTURE = "data:image/png;base64,iVBORw0KGgo="
_DIALOGUE = {"messages": [{"role": "user", "content": "Alice calls Bob"}]}

SCHEMAS: Json = {
    "AddonError": one_of(
        obj({"error": TEXT, "at": said(TEXT, "Where in the body.")}, "error"),
        obj({"message": said(TEXT, "Of a token that failed.")}, "message"),
    ),
    "Conversation": obj(
        {
            "action": {},
            "messages": list_of(ref("ConversationTurn"), minItems=1),
            "parent_message_id": {},
            "model": said({}, "Not looked at: the administrator chooses."),
        },
        "messages",
    ),
    "ConversationTurn": obj(
        {
            "id": {},
            "role": said({}, "`user` or `assistant`; `system` and the like are refused."),
            "author": said({}, "An object; its `role` goes before the turn's own."),
            "content": one_of(
                TEXT,
                list_of(one_of(TEXT, obj({"type": TEXT}, "type"))),
                obj({"content_type": {}, "parts": said({}, "A list of texts.")}),
                said({"enum": [None, False, 0]}, "Nothing."),
            ),
        }
    ),
    "ConversationFrame": obj(
        {
            "id": NAME,
            "object": enum("chat.completion.chunk"),
            "choices": list_of(
                obj(
                    {
                        "index": TOKENS,
                        "delta": obj({"role": TEXT, "content": maybe(TEXT)}),
                        "finish_reason": maybe(TEXT),
                    },
                    "delta",
                ),
                minItems=1,
            ),
            "error": said(
                obj({"message": TEXT, "type": TEXT}),
                "Of a failure, which is a readable delta too.",
            ),
        },
        "choices",
    ),
    "Quota": obj(
        {"client_id": TEXT, "quota_used": TOKENS, "max_quota": TOKENS},
        *("client_id", "quota_used", "max_quota"),
    ),
    "Dialogue": obj(
        {
            "messages": list_of(
                obj(
                    {
                        "role": enum("user", "assistant"),
                        "content": maybe(one_of(TEXT, list_of(ref("DialoguePart")))),
                    },
                    "role",
                )
            )
        },
        "messages",
    ),
    "DialoguePart": one_of(
        obj({"type": enum("image_url"), "image_url": ref("Picture")}, "type", "image_url"),
        obj(
            {"type": said({**other_than("image_url"), "minLength": 0}, "`text`, with its `text`.")},
            "type",
        ),
    ),
    "Picture": one_of(_PICTURE_URL, obj({"url": _PICTURE_URL, "detail": {}}, "url")),
    "DialogueAnswer": one_of(
        obj(
            {"answer": TEXT, "messages": said(list_of(ANY_OBJECT), "As they were sent.")},
            *("answer", "messages"),
        ),
        obj({"error": said(TEXT, "What failed upstream.")}, "error"),
    ),
    "Installation": obj(
        {
            "key": said(NAME, "The add-on's."),
            "clientKey": said(NAME, "The site's."),
            "sharedSecret": NAME,
            "baseUrl": TEXT,
            "productType": TEXT,
            "eventType": TEXT,
        },
        *("key", "clientKey", "sharedSecret", "baseUrl"),
    ),
}

_STREAM = (
    "`data:` frames of OpenAI's chunks in ASCII, last `data: [DONE]`; comments keep the line "
    "alive. A failure after the 200 is a readable delta with an `error` beside it, and `[DONE]`."
)
_FRAMES = (
    'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1760000000,'
    '"model":"gpt-4o","choices":[{"index":0,"delta":{"content":"Hello."},"finish_reason":null}]}'
    "\n\ndata: [DONE]\n\n"
)
_SAID = stream_of(_STREAM, {"": "ConversationFrame"}, _FRAMES, end="[DONE]")


def _errors(*, form: str = "application/json", stream: bool = False) -> dict[str, Any]:
    """Every status of these routes; a failed token is told in the form that is accepted, others in
    *form*, or with *stream* as a stream to who reads nothing else.
    """
    told: dict[int, list[Kind]] = {}
    for kind in Kind:
        told.setdefault(STATUS[kind], []).append(kind)
    found = {
        str(status): _error(kinds, form, stream=stream) for status, kinds in sorted(told.items())
    }
    if stream:
        found["default"] = _error((), form, stream=True)
        found["default"]["description"] = "Any other status is upstream's own, which refused."
    return found


def _error(kinds: Sequence[Kind], form: str, *, stream: bool) -> Json:
    """A refusal for one of the reasons *kinds*."""
    headers = ("retry-after",) if stream else ()
    shapes: Json = {"application/json": {"schema": ref("AddonError")}}
    forms = {form}
    if Kind.CALLER_AUTH in kinds:
        forms |= {"application/json", "text/plain", "text/html"}
    if stream:
        shapes |= _SAID
        forms.add("text/event-stream")
    meaning = "; ".join(MEANINGS[kind] for kind in kinds)
    return {
        **bare_answer(meaning[:1].upper() + meaning[1:] + ".", "x-acpt", *headers),
        "content": {name: shapes.get(name, {"schema": TEXT}) for name in sorted(forms)},
    }


def _diagram(id_: str, summary: str, body: Json, answer: Json) -> Json:
    answers = {**_errors(), "200": answer}
    answers["422"] = bare_answer(
        "A field is missing: no body. Or refused: `AddonError`, which says where.", "x-acpt"
    )
    return operation(
        id_=id_,
        group="Add-on",
        summary=summary,
        description="Whatever fails upstream is said under a 200, as the editor can read it.",
        security=_ENTRY,
        body=body,
        answers=dict(sorted(answers.items())),
    )


def _quota(id_: str) -> Json:
    example = {"client_id": "a-site", "quota_used": 1200, "max_quota": 500000}
    return operation(
        id_=id_,
        group="Add-on",
        summary="How much of its quota the tenant has used",
        security=_ENTRY,
        answers={
            "200": json_answer("The quota.", ref("Quota"), headers=("x-acpt",), example=example),
            "201": json_answer("The same, given just now.", ref("Quota"), headers=("x-acpt",)),
            **_errors(),
        },
    )


def _lifecycle(id_: str, summary: str) -> Json:
    return operation(
        id_=id_,
        group="Atlassian",
        summary=summary,
        security=("signedInstall",),
        body=json_body(ref("Installation"), {}),
        answers={"204": bare_answer("Done."), **_errors()},
    )


PATHS: Json = {
    "/conversations": {
        "post": operation(
            id_="converse",
            group="Add-on",
            summary="The chat of the add-on's own frontend",
            description="Always a stream. `VISIBLE_ERRORS` says who reads an error as JSON and who "
            "as a stream; the status is the same.",
            security=_ENTRY,
            body=json_body(ref("Conversation"), {"question": {"messages": [_TURN]}}),
            answers={
                "200": {
                    **bare_answer("The answer.", *ANSWERED, "x-acpt"),
                    "content": _SAID,
                },
                **_errors(stream=True),
            },
        )
    },
    "/image-to-dsl": {
        "post": _diagram(
            "drawPicture",
            "A diagram's source from its picture",
            json_body(
                obj({"imageUrl": ref("Picture")}, "imageUrl"), {"picture": {"imageUrl": _PICTURE}}
            ),
            json_answer(
                "The source, as a JSON string.",
                TEXT,
                headers=(*ANSWERED, "x-acpt"),
                example="A.b()",
            ),
        )
    },
    "/image-to-dsl2": {
        "post": _diagram(
            "drawDialogue",
            "A diagram's source from a dialogue",
            json_body(ref("Dialogue"), {"dialogue": _DIALOGUE}),
            json_answer(
                "The dialogue with its answer.",
                ref("DialogueAnswer"),
                headers=(*ANSWERED, "x-acpt"),
                example={"answer": "Alice->Bob: call", **_DIALOGUE},
            ),
        )
    },
    "/v2/client/info": {"get": _quota("quota")},
    "/client/info": {"get": _quota("quotaUnderItsOldName")},
    "/ai-aide": {
        "get": operation(
            id_="approvals",
            group="Add-on",
            summary="How many approved a page",
            description="The token's `qsh` must be that of this very request.",
            security=_ENTRY,
            parameters=(
                {
                    **in_query("contentId", _PAGE_ID, "The page's id."),
                    "required": True,
                    "example": "98765",
                },
            ),
            answers={
                "200": {**text_answer("A page."), "headers": headers_of("x-request-id", "x-acpt")},
                **_errors(form="text/html"),
            },
        )
    },
    "/installed": {"post": _lifecycle("install", "A site takes the add-on in")},
    "/uninstalled": {"post": _lifecycle("uninstall", "A site lets the add-on go")},
}
