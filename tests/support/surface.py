"""The description of the HTTP surface as tests use it, and what answers must be like to fit it."""

from collections.abc import Iterator
from typing import Any

import orjson
from jsonschema import Draft202012Validator

from bff.settings import read_settings
from bff.web.surface.document import write_document
from bff.wiring import build_app

BASE_URL = "http://localhost:3000"
Json = dict[str, Any]


def served_routes(**changes: str) -> set[tuple[str, str]]:
    """Methods and paths of the whole service; *changes* are settings in lower case."""
    settings = {name.upper(): value for name, value in changes.items()}
    app = build_app(read_settings({"OPENAI_API_KEY": "key", **settings}))
    return {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.method in ("GET", "POST")
    }


def described(**changes: str) -> Json:
    """The document of a service with these settings."""
    return write_document(served_routes(**changes), base_url=BASE_URL, version="1.0")


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Method in capitals, path, and what is said of it."""
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            yield method.upper(), path, said


def resolved(document: Json, said: Json) -> Json:
    """What *said* refers to within the document, or itself."""
    reference = said.get("$ref")
    if reference is None:
        return said
    found = document
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return found


def assert_fits(document: Json, schema: Json, value: Any) -> None:
    """*value* is one of *schema*, which may refer to the document's shapes."""
    whole = {**schema, "components": document["components"]}
    faults = [f"{e.json_path}: {e.message}" for e in Draft202012Validator(whole).iter_errors(value)]
    assert faults == []


def read_events(body: bytes | str) -> list[dict[str, str]]:
    """The events of a stream, with the fields of the HTML standard; comments are none."""
    text = body if isinstance(body, str) else body.decode()
    found = []
    for frame in text.split("\n\n"):
        fields = [line.partition(": ") for line in frame.split("\n") if not line.startswith(":")]
        event = {name: value for name, _, value in fields if name}
        if event:
            found.append(event)
    return found


def assert_stream_fits(document: Json, schema: Json, body: bytes | str) -> None:
    """Every event is one of those that *schema* describes, with data of its shape."""
    events = read_events(body)
    assert events
    for event in events:
        assert_fits(document, schema, event)
        [data] = [
            shape["properties"]["data"]
            for shape in schema["anyOf"]
            if Draft202012Validator(shape).is_valid(event)
            and not ("contentSchema" in shape["properties"]["data"] and event["data"] == "[DONE]")
        ]
        if "contentSchema" in data:
            assert_fits(document, data["contentSchema"], orjson.loads(event["data"]))
