"""What is open to anyone, described: pages, the descriptor, probes, this description itself."""

from bff.web import chat_page
from bff.web.frontend import PLUGIN
from bff.web.surface.words import (
    ANY_OBJECT,
    TEXT,
    Json,
    bare_answer,
    enum,
    headers_of,
    in_query,
    json_answer,
    obj,
    operation,
    ref,
    text_answer,
)

SCHEMAS: Json = {
    "Health": obj({"status": enum("ok"), "version": TEXT}, "status", "version"),
    "HouseError": obj({"error": TEXT}, "error"),
    "Ready": obj({"status": enum("ok", "unavailable"), "failing": TEXT, "mend": TEXT}, "status"),
}


_HAS_IT = bare_answer("For who has it.", "ETag")


def _text(description: str, content_type: str, *headers: str) -> Json:
    return {
        **text_answer(description, content_type),
        "headers": headers_of("x-request-id", *headers),
    }


def _page(id_: str, summary: str) -> Json:
    return operation(
        id_=id_, group="Pages", summary=summary, answers={"200": text_answer("The page.")}
    )


PATHS: Json = {
    "/": {
        "get": operation(
            id_="root",
            group="Atlassian",
            summary="The way to the descriptor",
            answers={
                "302": _text("To the descriptor.", "text/plain", "Location"),
            },
        )
    },
    "/atlassian-connect.json": {
        "get": operation(
            id_="descriptor",
            group="Atlassian",
            summary="The add-on's descriptor",
            answers={
                "200": json_answer("The descriptor.", ANY_OBJECT, headers=("ETag",)),
                "304": _HAS_IT,
            },
        )
    },
    "/attachment": {
        "get": operation(
            id_="attachment",
            group="Atlassian",
            summary="Confluence's markup for a diagram's picture, for exports",
            parameters=(in_query("uuid", TEXT, "The name it was attached under."),),
            answers={"200": text_answer("Markup.")},
        )
    },
    "/hello-world": {"get": _page("chat", "The chat")},
    "/listview": {"get": _page("list", "The dashboard of diagrams; built in, the chat again")},
    **{
        f"/gptdock/{name}": {
            "get": operation(
                id_=name,
                group="Pages",
                summary="A file of the built-in chat",
                answers={"200": _text("It.", content_type, "ETag"), "304": _HAS_IT},
            )
        }
        for name, content_type in chat_page.FILES.items()
    },
    PLUGIN: {
        "get": operation(
            id_="pluginFolder",
            group="Pages",
            summary="The way to the folder of the Confluence plugin",
            answers={"301": bare_answer("To the folder, which has no page.", "Location")},
        )
    },
    "/health": {
        "get": operation(
            id_="health",
            group="Operations",
            summary="Alive",
            answers={"200": json_answer("Yes.", ref("Health"))},
        )
    },
    "/ready": {
        "get": operation(
            id_="ready",
            group="Operations",
            summary="Able to work",
            answers={
                "200": json_answer("Yes.", ref("Ready")),
                "503": json_answer("No, and what mends it.", ref("Ready")),
            },
        )
    },
    "/metrics": {
        "get": operation(
            id_="metrics",
            group="Operations",
            summary="Prometheus",
            description="Open to the machine itself; to others with the token.",
            security=("adminToken", ""),
            answers={
                "200": text_answer("Every metric.", "text/plain"),
                "401": json_answer("Not the token.", ref("HouseError")),
                "404": json_answer("There is no token.", ref("HouseError")),
            },
        )
    },
    "/openapi.json": {
        "get": operation(
            id_="openapi",
            group="Operations",
            summary="This description",
            answers={
                "200": json_answer("OpenAPI 3.1.", ANY_OBJECT, headers=("ETag",)),
                "304": _HAS_IT,
            },
        )
    },
    "/docs": {
        "get": operation(
            id_="docs",
            group="Pages",
            summary="This description, to read",
            answers={"200": _text("The page.", "text/html", "ETag"), "304": _HAS_IT},
        )
    },
}
