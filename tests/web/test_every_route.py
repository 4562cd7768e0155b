"""What is true of every route, as it stands on the wire: node-bff.md §2."""

import orjson
import pytest
from aiohttp import web

from bff.settings import read_settings
from bff.wiring import build_app
from tests.support.raw_http import RawAnswer, ask, say
from tests.support.service import QUESTION, Service

DYNAMIC = {
    "strict-transport-security": "max-age=31536000",
    "referrer-policy": "origin",
    "surrogate-control": "no-store",
    "cache-control": "no-store, no-cache, must-revalidate, proxy-revalidate",
    "pragma": "no-cache",
    "expires": "0",
}
HTML = "text/html; charset=utf-8"
JSON_BODY = {"Content_Type": "application/json"}

# Every dynamic route in every way it ends; {jwt} is a token that opens it.
ENDS = [
    pytest.param("GET", "/", None, 302, id="a redirect"),
    pytest.param("GET", "/atlassian-connect.json", None, 200, id="the descriptor"),
    pytest.param("GET", "/hello-world", None, 200, id="a page"),
    pytest.param("GET", "/listView", None, 200, id="the other page"),
    pytest.param("GET", "/attachment?uuid=1", None, 200, id="an attachment"),
    pytest.param("GET", "/health", None, 200, id="health"),
    pytest.param("GET", "/ready", None, 200, id="ready"),
    pytest.param("GET", "/metrics", None, 200, id="metrics"),
    pytest.param("HEAD", "/hello-world", None, 200, id="a head"),
    pytest.param("OPTIONS", "/conversations", None, 200, id="options"),
    pytest.param("GET", "/nowhere", None, 404, id="nothing there"),
    pytest.param("GET", "/conversations", None, 404, id="a wrong method"),
    pytest.param("OPTIONS", "*", None, 404, id="no path at all"),
    pytest.param("POST", "/conversations", b"{}", 401, id="no token"),
    pytest.param("POST", "/conversations?jwt={jwt}", b"{}", 422, id="no question"),
    pytest.param("POST", "/conversations?jwt={jwt}", b"{", 400, id="a bad body"),
    pytest.param("POST", "/installed", b"{}", 401, id="an install by nobody"),
    pytest.param("POST", "/installed", b"null", 400, id="an install of nothing"),
    pytest.param("POST", "/uninstalled", b"{}", 401, id="an uninstall by nobody"),
]


async def knock(service: Service, method: str, target: str, body: bytes | None) -> RawAnswer:
    target = target.replace("{jwt}", service.host.context_token())
    if not target.startswith("/"):
        return await say(
            service.url,
            f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode(),
        )
    more = {} if body is None else JSON_BODY
    return await ask(method, service.url + target, body, **more)


@pytest.mark.parametrize(("method", "target", "body", "status"), ENDS)
async def test_every_dynamic_answer_has_the_node_apps_headers_once(
    service: Service, method: str, target: str, body: bytes | None, status: int
) -> None:
    answer = await knock(service, method, target, body)

    assert answer.status == status
    assert {name: answer.all(name) for name in DYNAMIC} == {k: [v] for k, v in DYNAMIC.items()}
    assert len(answer.all("x-request-id")) == 1
    assert_may_be_framed(answer)


def assert_may_be_framed(answer: RawAnswer) -> None:
    names = {name for name, _ in answer.fields}
    assert "x-frame-options" not in names
    assert not any(name.startswith(("cross-origin-", "access-control-")) for name in names)
    assert "set-cookie" not in names
    assert "x-powered-by" not in names
    assert answer.all("content-security-policy") in ([], ["default-src 'none'"])
    if answer.status == 200:
        assert answer.all("content-security-policy") == []


async def test_who_has_the_descriptor_is_told_so_under_the_same_headers(service: Service) -> None:
    url = f"{service.url}/atlassian-connect.json"
    first = await ask("GET", url)

    second = await ask("GET", url, If_None_Match=first.all("etag")[0])

    assert (second.status, second.rest) == (304, b"")
    assert {name: second.all(name) for name in DYNAMIC} == {k: [v] for k, v in DYNAMIC.items()}
    assert second.all("content-type") == []


async def test_a_stream_has_them_once_too_but_for_its_own_word_on_caches(service: Service) -> None:
    answer = await ask(
        "POST",
        f"{service.url}/conversations?jwt={service.host.context_token()}",
        orjson.dumps(QUESTION),
        **JSON_BODY,
    )

    assert answer.status == 200
    assert {name: answer.all(name) for name in DYNAMIC if name != "cache-control"} == {
        name: [value] for name, value in DYNAMIC.items() if name != "cache-control"
    }
    assert len(answer.all("cache-control")) == 1
    assert answer.all("cache-control")[0].startswith("no-cache")
    assert answer.all("content-type") == ["text/event-stream"]
    assert len(answer.all("x-acpt")) == 1
    assert_may_be_framed(answer)


# --- matching ------------------------------------------------------------------------------------


def paths(app: web.Application, method: str) -> list[str]:
    """Every path of the service that takes *method*; new routes are looked at without a word here."""
    found = (route for route in app.router.routes() if route.method == method)
    return sorted({path for route in found if "{" not in (path := route.resource.canonical)})


_APP = build_app(read_settings({"OPENAI_API_KEY": "key"}))
GETS, POSTS = paths(_APP, "GET"), paths(_APP, "POST")
# The integrators' faces have envelopes and methods of their own: tests/web/test_face_errors.py.
NODES = [path for path in (*GETS, *POSTS) if not path.startswith(("/v1/", "/anthropic/"))]

LISTS = ("/v1/models", "/anthropic/v1/models")  # what is below them is one of theirs


def spellings(path: str) -> list[str]:
    found = [path, path.upper(), path.swapcase(), f"{path}?x=1", f"{path}?"]
    return found if path == "/" else [*found, f"{path}/", f"{path.upper()}/?x=/"]


@pytest.mark.parametrize("path", GETS)
async def test_a_page_is_found_in_every_case_and_with_one_slash(
    service: Service, path: str
) -> None:
    plain = (await ask("GET", service.url + path)).status

    found = {target: (await ask("GET", service.url + target)).status for target in spellings(path)}

    assert plain in (200, 302, 401)
    assert found == dict.fromkeys(found, plain)


@pytest.mark.parametrize("path", POSTS)
async def test_a_call_is_found_in_every_case_and_with_one_slash(
    service: Service, path: str
) -> None:
    found = {
        target: (await ask("POST", service.url + target, b"")).status for target in spellings(path)
    }

    assert found == dict.fromkeys(found, 401)


@pytest.mark.parametrize("path", [*GETS, *POSTS])
async def test_two_slashes_are_another_path(service: Service, path: str) -> None:
    method = "POST" if path in POSTS else "GET"
    below = [] if path in LISTS else [f"{path}/x"]
    for target in (f"{path}//", f"/{path}", *below):
        assert (await ask(method, service.url + target, b"")).status == 404


@pytest.mark.parametrize("path", GETS)
async def test_a_head_is_a_get_without_its_body(service: Service, path: str) -> None:
    got, head = [await ask(method, service.url + path) for method in ("GET", "HEAD")]

    assert head.status == got.status
    assert head.rest == b""
    assert head.all("content-type") == got.all("content-type")
    if path != "/metrics":  # which counts the two
        assert head.all("content-length") == got.all("content-length") == [str(len(got.rest))]


@pytest.mark.parametrize("path", NODES)
async def test_options_name_the_methods(service: Service, path: str) -> None:
    allowed = "POST" if path in POSTS else "GET,HEAD"
    for target in spellings(path):
        answer = await ask("OPTIONS", service.url + target)

        assert answer.status == 200
        assert answer.all("allow") == [allowed]
        assert answer.rest == allowed.encode()


@pytest.mark.parametrize("path", ["/nowhere", "/track", "/favicon.ico", "/gptdock", "/healthy"])
async def test_where_nothing_is_there_are_no_options(service: Service, path: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        answer = await ask(method, service.url + path)

        assert answer.status == 404
        assert answer.all("allow") == []


@pytest.mark.parametrize("path", NODES)
async def test_a_wrong_method_is_a_404(service: Service, path: str) -> None:
    wrong = {"POST", "GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE"}
    for method in wrong - ({"POST"} if path in POSTS else {"GET", "HEAD"}):
        answer = await ask(method, service.url + path)

        assert answer.status == 404
        assert answer.all("content-type") == [HTML]
        assert answer.all("allow") == []
        shown = f"<pre>Cannot {method} {path}</pre>".encode()
        assert (shown in answer.rest) is (method != "HEAD")


async def test_the_404_page_shows_the_path_and_nothing_that_could_be_markup(
    service: Service,
) -> None:
    answer = await ask("GET", f"{service.url}/%3Cscript%3E<b>&'\"?jwt=secret&x=<i>")

    assert answer.status == 404
    assert answer.all("content-type") == [HTML]
    assert answer.all("content-security-policy") == ["default-src 'none'"]
    assert answer.all("x-content-type-options") == ["nosniff"]
    assert b"<pre>Cannot GET /" in answer.rest
    assert b"&lt;b&gt;" in answer.rest
    assert not any(word in answer.rest for word in (b"<script", b"<b>", b"secret", b"<i>"))


@pytest.mark.parametrize(
    ("line", "status"),
    [
        pytest.param(b"GET http://elsewhere/health HTTP/1.1", 200, id="a whole URL"),
        pytest.param(b"GET /health HTTP/1.0", 200, id="HTTP/1.0"),
        pytest.param(b"GET //elsewhere/health HTTP/1.1", 404, id="what looks like a host"),
        pytest.param(b"OPTIONS * HTTP/1.1", 404, id="the server as a whole"),
        pytest.param(b"CONNECT elsewhere:443 HTTP/1.1", 404, id="a tunnel"),
        pytest.param(b"GET /%zz HTTP/1.1", 404, id="half an escape"),
        pytest.param(b"GET /health%00 HTTP/1.1", 404, id="an escaped NUL"),
        pytest.param(b"GET /\xff HTTP/1.1", 400, id="a byte that is no character"),
        pytest.param(b"GET health HTTP/1.1", 400, id="no slash"),
        pytest.param(b"BREW /health HTTP/1.1", 400, id="no method of HTTP"),
        pytest.param(b"GET /health HTTP/3.0", 400, id="a version there is not"),
    ],
)
async def test_targets_of_every_form_are_answered(
    service: Service, line: bytes, status: int
) -> None:
    answer = await say(service.url, line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert answer.status == status
    assert len(answer.all("x-request-id")) == 1


def test_the_routes_of_the_contract_are_among_those_looked_at() -> None:
    assert {"/", "/atlassian-connect.json", "/hello-world", "/listview", "/attachment"} <= {*GETS}
    assert {"/conversations", "/installed", "/uninstalled"} <= {*POSTS}
