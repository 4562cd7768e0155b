"""What is open to anyone, described: pages, the descriptor, probes, this description itself."""

from bff.web.surface.words import (
    ANY_OBJECT,
    TEXT,
    Json,
    bare_answer,
    enum,
    in_query,
    json_answer,
    obj,
    operation,
    ref,
    text_answer,
)

SCHEMAS: Json = {
    "Health": obj({"status": enum("ok"), "version": TEXT}, "status", "version"),
    "Ready": obj({"status": enum("ok", "unavailable"), "failing": TEXT, "mend": TEXT}, "status"),
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
                "302": {
                    **text_answer("To the descriptor.", "text/plain"),
                    "headers": bare_answer("", "Location")["headers"],
                }
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
                "304": bare_answer("For who has it.", "ETag"),
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
    "/listview": {"get": _page("list", "The dashboard of diagrams")},
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
            security=("adminToken",),
            answers={
                "200": text_answer("Every metric.", "text/plain"),
                "401": json_answer("Not the token.", ref("AddonError")),
                "404": json_answer("There is no token.", ref("AddonError")),
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
                "304": bare_answer("For who has it.", "ETag"),
            },
        )
    },
    "/docs": {"get": _page("docs", "This description, to read")},
}
