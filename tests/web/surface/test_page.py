"""/docs shows all of the description, to be read, linked to and copied."""

import html
import re
import shlex
from html.parser import HTMLParser
from typing import Any

import orjson
import pytest

from bff.web.surface.page import write_page
from bff.web.surface.words import answered, json_answer, json_body, obj, operation, stream_of
from tests.support.surface import BASE_URL, described, operations

DOCUMENT = described()
PAGE = write_page(DOCUMENT, "body {}")
OPERATIONS = list(operations(DOCUMENT))
_VOID = {"meta", "br", "hr"}


class Outline(HTMLParser):
    """Ids, links within the page, samples; and whether every tag is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.samples: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if told.get("id"):
            self.ids.append(str(told["id"]))
        if str(told.get("href")).startswith("#"):
            self.links.append(str(told["href"])[1:])
        if tag == "pre":
            self.samples.append("")
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "pre" in self.open:
            self.samples[-1] += data


OUTLINE = Outline(PAGE)


def article_of(id_: str) -> str:
    [article] = re.findall(rf'<article id="{re.escape(id_)}">.*?</article>', PAGE, re.DOTALL)
    return str(article)


def test_it_is_whole_and_every_link_leads_somewhere() -> None:
    assert OUTLINE.open == []
    assert len(set(OUTLINE.ids)) == len(OUTLINE.ids)
    assert set(OUTLINE.links) <= set(OUTLINE.ids)


@pytest.mark.parametrize(
    ("method", "path", "said"), [pytest.param(*one, id=one[1]) for one in OPERATIONS]
)
def test_an_operation_has_its_place_its_errors_and_who_may_ask(
    method: str, path: str, said: Any
) -> None:
    article = article_of(said["operationId"])

    assert f"<code>{html.escape(path)}</code>" in article
    assert f">{method}</b>" in article
    for status in said["responses"]:
        assert f">{status}</" in article
    for name in [name for one in said["security"] for name in one]:
        assert f'href="#entry-{name}"' in article
    assert ("anyone" in article) is (said["security"] == [])


def test_every_shape_has_its_place_with_all_its_fields() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        article = article_of(f"shape-{name}")
        for field in schema.get("properties", ()):
            assert f"<code>{field}</code>" in article


def test_every_example_can_be_copied_into_a_shell() -> None:
    commands = [shlex.split(sample) for sample in OUTLINE.samples if sample.startswith("curl ")]

    told = [
        orjson.loads(command[command.index("--json") + 1])
        for command in commands
        if "--json" in command
    ]
    assert told == [
        example["value"]
        for group in DOCUMENT["tags"]
        for _, _, said in OPERATIONS
        if group["name"] in said["tags"] and "requestBody" in said
        for example in said["requestBody"]["content"]["application/json"]["examples"].values()
    ]
    assert all(url.startswith(BASE_URL) for _, _, _, url, *_ in commands)
    assert not any("{" in url for _, _, _, url, *_ in commands)


def test_a_command_carries_what_opens_the_door() -> None:
    samples = {
        sample.split('"')[1]: sample for sample in OUTLINE.samples if sample.startswith("curl ")
    }

    assert "Bearer $BFF_KEY" in samples[f"{BASE_URL}/v1/chat/completions"]
    assert "Bearer $ADMIN_TOKEN" in samples[f"{BASE_URL}/metrics"]
    assert f"{BASE_URL}/conversations?jwt=$TOKEN" in samples
    assert f"{BASE_URL}/ai-aide?jwt=$TOKEN&contentId=98765" in samples
    assert " -H " not in samples[f"{BASE_URL}/health"]


def test_what_is_said_is_text_and_never_markup() -> None:
    shape = obj({"<b>field</b>": {"type": "string", "description": "<i>&"}})
    stream = stream_of("<u>", {"<s>": "Odd"}, "data: <p>\n\n", end="<end>")
    said = operation(
        id_="odd",
        group="Odd",
        summary="<h1>",
        body=json_body(shape, {"<em>": {"a": "<script>"}}),
        answers={"200": answered("<q>", shape, example="<tt>", stream=stream, headers=())},
    )
    document = {
        "info": {"title": "<title>", "version": "<1>", "summary": "<", "description": ">"},
        "servers": [{"url": "https://<here>"}],
        "tags": [{"name": "Odd", "description": "<odd>"}],
        "paths": {"/<path>": {"post": said}},
        "components": {"schemas": {"Odd": shape}, "securitySchemes": {}, "responses": {}},
    }

    page = write_page(document, "")

    known = {"html", "head", "meta", "title", "style", "body", "a", "nav", "h2", "ul", "li", "b"}
    known |= {"main", "header", "h1", "small", "p", "code", "section", "div", "table", "tr", "th"}
    known |= {"td", "article", "h3", "h4", "details", "summary", "pre"}
    assert set(re.findall(r"<(\w+)", page)) <= known
    assert page.count("<h1>") == 1
    assert "&lt;script&gt;" in page


def test_an_answer_without_a_body_says_no_more_than_its_meaning() -> None:
    said = operation(
        id_="quiet",
        group="Odd",
        summary="Quiet",
        answers={"200": json_answer("Yes.", {"type": "integer", "minimum": 1, "maximum": 5})},
    )
    document = {
        "info": {"title": "T", "version": "1", "summary": "S", "description": "D"},
        "servers": [{"url": BASE_URL}],
        "tags": [{"name": "Odd", "description": "Odd."}],
        "paths": {"/quiet": {"get": said}},
        "components": {"schemas": {}, "securitySchemes": {}, "responses": {}},
    }

    page = write_page(document, "")

    assert "integer, at least 1, at most 5" in page
    assert "Other statuses" not in page
    assert "<h4>Body" not in page
