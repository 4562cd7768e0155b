"""`/` and the descriptor over a real socket: node-bff.md §3.1, §5."""

import html

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.connect.descriptor import render
from bff.web import pages
from tests.support.street import TEMPLATE, open_street


async def test_the_root_leads_to_the_descriptor() -> None:
    async with open_street(pages.routes("")) as street:
        answer = await street.get("/")

    assert answer.status == 302
    assert answer.headers["Location"] == "/atlassian-connect.json"
    assert answer.text == "Found. Redirecting to /atlassian-connect.json"
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


async def test_the_descriptor_is_the_template_with_our_address() -> None:
    async with open_street(pages.routes("")) as street:
        answer = await street.get("/atlassian-connect.json")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.text.encode() == render(TEMPLATE, "https://bff.example")
    assert orjson.loads(answer.text)["baseUrl"] == "https://bff.example"
    assert answer.headers["ETag"].startswith('W/"')


async def test_below_a_base_path_it_is_there_too_and_the_root_still_leads_to_the_root() -> None:
    async with open_street(pages.routes("/app"), base_url="https://bff.example/app") as street:
        root = await street.get("/")
        bodies = [
            (await street.get(path)).text
            for path in ("/atlassian-connect.json", "/app/atlassian-connect.json")
        ]

    assert root.headers["Location"] == "/atlassian-connect.json"
    assert bodies[0] == bodies[1]
    assert orjson.loads(bodies[0])["baseUrl"] == "https://bff.example/app"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        pytest.param("{etag}", 304, id="the same"),
        pytest.param("{strong}", 304, id="the same, called strong"),
        pytest.param('"x", {etag}', 304, id="one of several"),
        pytest.param("*", 304, id="any"),
        pytest.param('W/"x"', 200, id="another"),
        pytest.param("nonsense", 200, id="nonsense"),
    ],
)
async def test_who_has_the_descriptor_gets_it_only_when_it_changed(asked: str, status: int) -> None:
    async with open_street(pages.routes("")) as street:
        etag = (await street.get("/atlassian-connect.json")).headers["ETag"]
        asked = asked.format(etag=etag, strong=etag.removeprefix("W/"))

        answer = await street.get("/atlassian-connect.json", headers={"If-None-Match": asked})

    assert answer.status == status
    assert answer.headers["ETag"] == etag
    assert bool(answer.text) is (status == 200)


async def test_head_follows_get() -> None:
    async with open_street(pages.routes("")) as street:
        answer = await street.call("HEAD", "/atlassian-connect.json")

    assert (answer.status, answer.text) == (200, "")


@pytest.mark.parametrize("base_path", ["", "/app"])
def test_the_routes(base_path: str) -> None:
    paths = [route.path for route in pages.routes(base_path)]

    assert len(paths) == len(set(paths))
    assert {
        "/",
        "/attachment",
        "/atlassian-connect.json",
        f"{base_path}/atlassian-connect.json",
    } == set(paths)


# --- the attachment of a diagram -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "name"),
    [
        pytest.param("?uuid=1b2-c3", "1b2-c3", id="a name"),
        pytest.param("", "undefined", id="none"),
        pytest.param("?", "undefined", id="no parameters"),
        pytest.param("?UUID=a", "undefined", id="another parameter"),
        pytest.param("?uuid=", "", id="an empty one"),
        pytest.param("?uuid", "", id="without a value"),
        pytest.param("?uuid=a&x=1&uuid=b", "a,b", id="two"),
        pytest.param("?uuid=b&uuid=a&uuid=", "b,a,", id="three in their order"),
        pytest.param("?%75uid=a", "a", id="a parameter in escapes"),
        pytest.param("?uuid=a+b%20c%2Bd", "a b c+d", id="spaces and a plus"),
        pytest.param("?uuid=%C3%A9%F0%9F%98%80", "é😀", id="beyond ASCII"),
        pytest.param("?uuid=a=b", "a=b", id="an equals sign"),
        pytest.param("?uuid=%ff%zz", "%ff%zz", id="what is no UTF-8"),
        pytest.param("?version=__VERSION__&uuid=u&jwt=t", "u", id="as the macro asks"),
        pytest.param(
            "?uuid=%26%3C%3E%22'&uuid=%3C/ac:image%3E",
            "&amp;&lt;&gt;&quot;',&lt;/ac:image&gt;",
            id="what would be markup",
        ),
    ],
)
async def test_an_attachment_is_confluence_markup_for_its_picture(query: str, name: str) -> None:
    async with open_street(pages.routes("")) as street:
        answer = await street.get(f"/attachment{query}")

    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert answer.text == (
        f'<ac:image ac:width="950"> <ri:attachment ri:filename="zenuml-{name}.png" /> </ac:image>'
    )


@given(st.text())
def test_no_name_changes_the_markup_round_it(name: str) -> None:
    before, after = (
        '<ac:image ac:width="950"> <ri:attachment ri:filename="zenuml-',
        ('.png" /> </ac:image>'),
    )

    markup = pages.write_attachment(name)

    assert markup.startswith(before)
    assert markup.endswith(after)
    inside = markup[len(before) : -len(after)]
    assert not {"<", ">", '"'} & {*inside}
    assert html.unescape(inside) == html.unescape(html.escape(name))
