"""The Node app's built frontend, served from its folder at the same paths."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from bff.settings import WrongSetting, read_settings
from bff.web.frontend import TREES, Frontend, find_file
from bff.wiring import build_app
from tests.support.service import Service, open_service

FILES = {
    "views/hello-world.js": "window.__root_component = {};",
    "views/assets/chunk-1.mjs": "export {};",
    "views/hello-world.jsx": "source",
    "views/react-layout.hbs": "source",
    "views/StreamProcessor/StreamProcessor.mjs": "source",
    "views/.env": "secret",
    "views/.git/config": "secret",
    "views/components/Chat.mjs": "source",
    "public/dsl.TSX": "source",
    "modules/confluence-plugin/dist/viewer.html": "<html>viewer</html>",
    "modules/confluence-plugin/dist/assets/a.css": "body{}",
    "public/images/app-logo.png": "png",
    "public/css/addon.css": "first in public",
    "views/css/addon.css": "first in views",
    "secret.txt": "secret",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / "built" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/a.txt").write_text("secret")
    (tmp_path / "built/views/link.js").symlink_to(tmp_path / "built/secret.txt")
    (tmp_path / "built/views/linked").symlink_to(tmp_path / "outside")
    return tmp_path / "built"


@pytest.fixture
async def service(tmp_path: Path, folder: Path) -> AsyncIterator[Service]:
    async with open_service(tmp_path, frontend_dir=str(folder)) as service:
        yield service


@pytest.mark.parametrize(
    ("path", "content_type", "text"),
    [
        ("/hello-world.js", "application/javascript; charset=UTF-8", "window.__root"),
        ("/assets/chunk-1.mjs", "application/javascript; charset=UTF-8", "export"),
        ("/confluence-plugin/viewer.html?uuid=1", "text/html; charset=UTF-8", "viewer"),
        ("/confluence-plugin/assets/a.css", "text/css; charset=UTF-8", "body"),
        ("/images/app-logo.png", "image/png", "png"),
        ("/css/addon.css", "text/css; charset=UTF-8", "first in views"),
    ],
)
async def test_a_built_file_is_served_with_the_node_apps_headers(
    service: Service, path: str, content_type: str, text: str
) -> None:
    async with service.session.get(service.url + path) as response:
        assert text in await response.text()

    headers = response.headers
    assert (response.status, headers["Content-Type"]) == (200, content_type)
    assert headers["Cache-Control"] == "public, max-age=0"
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    assert all(name in headers for name in ("Last-Modified", "ETag", "Accept-Ranges"))
    assert "Pragma" not in headers
    assert "X-Frame-Options" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/hello-world.css",
        "/hello-world.jsx",
        "/react-layout.hbs",
        "/StreamProcessor/StreamProcessor.mjs",
        "/.env",
        "/.git/config",
        "/%2egit/config",
        "/components/Chat.mjs",
        "/dsl.TSX",
        "/link.js",
        "/linked/a.txt",
        "/image/zenuml_logo.png",
        "/modules/confluence-plugin/dist/viewer.html",
        "/%252e%252e/secret.txt",
        "/..%5csecret.txt",
        "/..\\secret.txt",
        "/%c0%ae%c0%ae/secret.txt",
        "/%uff0e%uff0e/secret.txt",
        "/hello-world.js%00",
        "/hello-world.js%00.png",
        "/hello-world.js/",
        "/confluence-plugin/../../secret.txt",
        "/confluence-plugin/%2e%2e/%2e%2e/%2e%2e/secret.txt",
        "/" + "a" * 300,
        "/" + "a/" * 3000,
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/confluence-plugin/",
        "/confluence-plugin/js/missing.js",
        "/images/",
        "//etc/passwd",
    ],
)
async def test_what_is_no_built_file_is_not_found(service: Service, path: str) -> None:
    async with service.session.get(URL(service.url + path, encoded=True)) as response:
        assert response.status == 404
        assert "secret" not in (await response.text()).replace("secret.txt", "")


async def test_ranges_and_conditions_work(service: Service) -> None:
    url = f"{service.url}/hello-world.js"
    async with service.session.get(url, headers={"Range": "bytes=0-5"}) as part:
        assert (part.status, await part.text()) == (206, "window")
    async with service.session.get(url, headers={"If-None-Match": part.headers["ETag"]}) as same:
        assert same.status == 304
    async with service.session.head(url) as head:
        assert (head.status, await head.read()) == (200, b"")


@pytest.mark.parametrize(
    ("path", "title", "script"),
    [
        ("/hello-world", "Atlassian Connect", "/hello-world.js"),
        ("/listView?xdm_e=https://evil.test&jwt=abc", "Diagramly Dashboard", "/listView.js"),
    ],
)
async def test_a_page_is_the_shell_of_its_component(
    service: Service, path: str, title: str, script: str
) -> None:
    async with service.session.get(service.url + path) as response:
        text = await response.text()

    assert response.status == 200
    assert f"<title>{title}</title>" in text
    assert f'src="{script}"' in text
    assert f"{{&quot;title&quot;:&quot;{title}&quot;,&quot;browserOnly&quot;:true}}" in text
    assert "evil.test" not in text
    assert text.index("all.js") < text.index("react@16") < text.index(script)


async def test_the_plugins_folder_is_named_with_its_slash(service: Service) -> None:
    url = f"{service.url}/confluence-plugin"
    async with service.session.get(url, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (301, "/confluence-plugin/")


def test_a_folder_that_is_none_stops_the_start(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    settings = read_settings({"OPENAI_API_KEY": "key", "FRONTEND_DIR": missing})

    with pytest.raises(WrongSetting, match="FRONTEND_DIR holds"):
        build_app(settings)


@given(st.text(alphabet="/.\\%ab\0 -", max_size=20))
def test_no_path_leads_out_of_its_tree(path: str) -> None:
    root = Path(__file__).parents[1]  # a real folder with many files beside it
    found = find_file((("", root / "support"),), f"/{path}")

    assert found is None or found.resolve().is_relative_to(root / "support")


def test_the_trees_are_asked_in_the_node_apps_order(folder: Path) -> None:
    assert [at for at, _ in TREES] == ["", "/confluence-plugin", ""]
    assert Frontend(folder)
