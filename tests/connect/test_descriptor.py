from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.connect.descriptor import app_key, app_name, base_url, etag, render

OURS = (Path(__file__).parents[2] / "atlassian-connect.json").read_bytes()
BASE = "https://bff.example/app"


def ours() -> dict[str, Any]:
    descriptor: dict[str, Any] = orjson.loads(render(OURS, BASE))
    return descriptor


def test_the_base_url_goes_where_the_template_says_once_a_value() -> None:
    template = orjson.dumps(
        {
            "baseUrl": "{{localBaseUrl}}",
            "{{localBaseUrl}}": ["{{localBaseUrl}}/a {{localBaseUrl}}", 5, None, True],
            "inner": {"version": "__VERSION__", "url": "/x?u={{localBaseUrl}}"},
        }
    )

    assert orjson.loads(render(template, BASE)) == {
        "baseUrl": BASE,
        "{{localBaseUrl}}": [f"{BASE}/a {{{{localBaseUrl}}}}", 5, None, True],
        "inner": {"version": "__VERSION__", "url": f"/x?u={BASE}"},
    }


def test_it_is_compact() -> None:
    assert render(b'{ "a" : [ 1 , "x" ] }', BASE) == b'{"a":[1,"x"]}'


@pytest.mark.parametrize("template", [b"", b"[]", b'"x"', b"{"])
def test_a_template_that_is_no_object_is_an_error(template: bytes) -> None:
    with pytest.raises(ValueError, match="must be a JSON object"):
        render(template, BASE)


def test_the_key_and_the_name() -> None:
    rendered = render(OURS, BASE)

    assert app_key(rendered) == "gptdock-confluence"
    assert app_name(rendered) == "Diagramly For Confluence: AI Diagram and GPT Aide"
    assert app_name(b"{}") == ""


@pytest.mark.parametrize("document", [b"{}", b'{"key":""}', b'{"key":5}'])
def test_an_add_on_must_have_a_key(document: bytes) -> None:
    with pytest.raises(ValueError, match="key"):
        app_key(document)


@given(st.binary(), st.binary())
def test_entity_tags_are_weak_and_differ(one: bytes, other: bytes) -> None:
    assert etag(one).startswith('W/"')
    assert (etag(one) == etag(other)) is (one == other)


# --- our own, node-bff.md §5 ---------------------------------------------------------------------


def test_our_descriptor_says_who_we_are() -> None:
    descriptor = ours()
    del descriptor["modules"]

    assert descriptor == {
        "key": "gptdock-confluence",
        "name": "Diagramly For Confluence: AI Diagram and GPT Aide",
        "description": (
            "AI-Based Mermaid/ZenUML Diagram Creation From Image, Or Documentation Content"
        ),
        "baseUrl": BASE,
        "vendor": {"name": "P&D Vision", "url": "https://www.zenuml.com"},
        "authentication": {"type": "jwt"},
        "enableLicensing": True,
        "scopes": ["READ", "WRITE"],
        "lifecycle": {"installed": "/installed", "uninstalled": "/uninstalled"},
        "apiMigrations": {"signed-install": True},
    }


def test_our_module_keys_and_addresses_are_those_of_the_node_app() -> None:
    modules = ours()["modules"]

    found = {
        (kind, module["key"]): module.get("url", "").partition("?")[0]
        for kind, members in modules.items()
        for module in members
    }

    assert found == {
        ("customContent", "gpt-custom-content-key"): "",
        ("dialogs", "ai-aide-dialog-key"): "/hello-world",
        ("contentBylineItems", "byline-item"): "",
        ("generalPages", "gpt-custom-content-list-view-module-key"): "/listView",
        ("generalPages", "gpt-custom-content-view-module-key"): "/hello-world",
        (
            "generalPages",
            "zenuml-content-sequence-viewer-dialog",
        ): "/confluence-plugin/viewer-dialog.html",
        (
            "generalPages",
            "zenuml-content-sequence-editor-dialog",
        ): "/confluence-plugin/editor-dialog.html",
        ("dynamicContentMacros", "gpt-diagram-macro"): "/confluence-plugin/viewer.html",
    }


def test_our_pages_leave_the_build_s_placeholders_alone() -> None:
    chat = ours()["modules"]["generalPages"][1]["url"]

    assert chat == (
        "/hello-world?version=__VERSION__&spaceKey={space.key}&addonKey=gptdock-confluence"
        "&postInstallPageKey=__POST_INSTALL_KEY__"
    )


@pytest.mark.parametrize(
    ("document", "url"),
    [
        (b'{"baseUrl":"https://own.example"}', "https://own.example"),
        (b'{"baseUrl":5}', ""),
        (b"{}", ""),
    ],
)
def test_the_base_url_is_what_the_descriptor_says(document: bytes, url: str) -> None:
    assert base_url(document) == url
