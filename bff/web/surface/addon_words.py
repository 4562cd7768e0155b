"""The add-on's own routes, described: its chat, its diagrams, its quota, its life in a site.

Source: contract node-bff.md §3.
"""

from typing import Any

from bff.dialects.chatgpt import STATUS
from bff.errors import Kind
from bff.web.surface.face_words import ANSWERED
from bff.web.surface.words import (
    ANY_OBJECT,
    TEXT,
    TOKENS,
    Json,
    bare_answer,
    in_query,
    json_answer,
    json_body,
    list_of,
    obj,
    one_of,
    operation,
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
_PICTURE = "data:image/png;base64,iVBORw0KGgo="

SCHEMAS: Json = {
    "AddonError": obj(
        {"error": TEXT, "message": TEXT},
        description="`error`, or for a failed token `message`, where JSON is accepted.",
    ),
    "Conversation": obj(
        {
            "action": TEXT,
            "messages": list_of(ref("ConversationTurn"), minItems=1),
            "parent_message_id": TEXT,
            "model": said(TEXT, "Not looked at: the administrator chooses."),
        },
        "messages",
    ),
    "ConversationTurn": obj(
        {
            "id": TEXT,
            "role": said(TEXT, "`user` or `assistant`; another counts as `user`."),
            "author": ANY_OBJECT,
            "content": one_of(TEXT, obj({"content_type": TEXT, "parts": list_of({})})),
        }
    ),
    "Quota": obj(
        {"client_id": TEXT, "quota_used": TOKENS, "max_quota": TOKENS},
        *("client_id", "quota_used", "max_quota"),
    ),
    "Dialogue": obj({"messages": list_of(ANY_OBJECT)}, "messages"),
    "Picture": obj({"imageUrl": one_of(TEXT, ANY_OBJECT)}, "imageUrl"),
    "Installation": obj(
        {"key": TEXT, "clientKey": TEXT, "sharedSecret": TEXT, "baseUrl": TEXT},
        *("key", "clientKey", "sharedSecret", "baseUrl"),
    ),
}

_STREAM = (
    "`data:` frames of OpenAI's chunks in ASCII, last `data: [DONE]`; comments keep the line "
    "alive. A failure is a readable delta, and `[DONE]`."
)


def _errors(*more: str) -> dict[str, Any]:
    """Every status of these routes; a failed token and a browser are answered in other forms."""
    statuses = sorted({str(STATUS[kind]) for kind in Kind} | set(more))
    return {
        status: {
            **json_answer("Refused, or failed.", ref("AddonError")),
            "content": {
                "application/json": {"schema": ref("AddonError")},
                "text/event-stream": {"schema": TEXT},
                "text/plain": {"schema": TEXT},
                "text/html": {"schema": TEXT},
            },
        }
        for status in statuses
    }


def _diagram(id_: str, summary: str, body: Json, answer: Json) -> Json:
    return operation(
        id_=id_,
        group="Add-on",
        summary=summary,
        description="Whatever fails upstream is said under a 200, as the editor can read it.",
        security=_ENTRY,
        body=body,
        answers={"200": answer, **_errors(), "422": bare_answer("A field is missing or refused.")},
    )


def _quota(id_: str) -> Json:
    return operation(
        id_=id_,
        group="Add-on",
        summary="How much of its quota the tenant has used",
        security=_ENTRY,
        answers={
            "200": json_answer("The quota.", ref("Quota")),
            "201": json_answer("The same, given just now.", ref("Quota")),
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
                    **bare_answer("The answer.", *ANSWERED),
                    "content": stream_of(
                        _STREAM,
                        'data: {"choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n'
                        "data: [DONE]\n\n",
                    ),
                },
                **_errors("402", "529"),
            },
        )
    },
    "/image-to-dsl": {
        "post": _diagram(
            "drawPicture",
            "A diagram's source from its picture",
            json_body(ref("Picture"), {"picture": {"imageUrl": _PICTURE}}),
            json_answer("The source.", TEXT),
        )
    },
    "/image-to-dsl2": {
        "post": _diagram(
            "drawDialogue",
            "A diagram's source from a dialogue",
            json_body(
                ref("Dialogue"),
                {"dialogue": {"messages": [{"role": "user", "content": "A calls B"}]}},
            ),
            json_answer("The dialogue with its answer.", ANY_OBJECT),
        )
    },
    "/v2/client/info": {"get": _quota("quota")},
    "/client/info": {"get": _quota("quotaUnderItsOldName")},
    "/ai-aide": {
        "get": operation(
            id_="approvals",
            group="Add-on",
            summary="How many approved a page",
            security=("connectQuery", "connectHeader", "forge"),
            parameters=(in_query("contentId", TEXT, "The page's id."),),
            answers={"200": text_answer("A page."), **_errors()},
        )
    },
    "/installed": {"post": _lifecycle("install", "A site takes the add-on in")},
    "/uninstalled": {"post": _lifecycle("uninstall", "A site lets the add-on go")},
}
