"""The Node app's built frontend, from a folder laid out like its own: pages and static trees.

Not the built-in chat page (chat_page.py), which stands in when no folder is set. Everything here is
anonymous, the same for everybody and made to be framed; nothing of a request is put into a page.
Source: contract node-bff.md §3.1 (shell, order of the trees, types), §9 (B25, B37).
"""

import html
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from bff.web.doors import anyone
from bff.web.files import File, FileSender
from bff.web.refusals import write_not_found
from bff.web.routes import Handler, Route

PLUGIN = "/confluence-plugin"
# First match wins: where a tree hangs, and its folder.
TREES = (("", "views"), (PLUGIN, "modules/confluence-plugin/dist"), ("", "public"))
_SOURCES = frozenset({".hbs", ".jsx", ".ts", ".tsx", ".vue"})  # the Node app served them; we do not
_SOURCE_FOLDERS = frozenset({"StreamProcessor", "components", "node_modules"})
_SHELL = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="X-UA-Compatible" content="IE=edge">
<meta name="viewport" content="width=device-width, initial-scale=1.0, maximum-scale=1.0, \
user-scalable=0;">
<title>{title}</title>
<link rel="stylesheet" href="//unpkg.com/@atlaskit/css-reset/dist/bundle.css">
<script src="//connect-cdn.atl-paas.net/all.js"></script>
<style>body {{ background: var(--ds-surface, #fafbfc); }}</style>
</head>
<body style="height: 100vh;">
<section id="content" role="main" class="ac-content"></section>
<script src="//unpkg.com/react@16/umd/react.{flavour}.js"></script>
<script src="//unpkg.com/react-dom@16/umd/react-dom.{flavour}.js"></script>
<script id="__root_component_script" src="/{component}.js" data-props="{props}"></script>
<link rel="stylesheet" href="/{component}.css">
<script type="module">
import mermaid from "https://cdn.jsdelivr.net/npm/mermaid@10/dist/mermaid.esm.min.mjs";
window.mermaid = mermaid;
const script = document.getElementById("__root_component_script");
const props = JSON.parse(script.getAttribute("data-props"));
ReactDOM.render(
  React.createElement(window.__root_component.default, props),
  document.getElementById("content"),
);
if (window.AP) AP.sizeToParent();
</script>
</body>
</html>
"""


def routes(*, development: bool) -> tuple[Route[Any], ...]:
    """The two pages; their scripts are in the first tree."""
    return (
        Route(
            "GET", "/hello-world", anyone, _page("Atlassian Connect", "hello-world", development)
        ),
        Route("GET", "/listview", anyone, _page("Diagramly Dashboard", "listView", development)),
        Route("GET", PLUGIN, anyone, _to_folder),
    )


class Frontend:
    """The static trees below *folder*. Raises NotADirectoryError when it is none."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise NotADirectoryError(folder)
        self._trees = tuple((at, (folder / below).resolve()) for at, below in TREES)
        self._sender = FileSender()

    async def find(self, request: web.Request) -> web.StreamResponse | None:
        """The file of the request's path, with ranges and conditions; None when there is none."""
        if request.method not in ("GET", "HEAD"):
            return None
        path = find_file(self._trees, request.path)
        if path is None:
            return None
        try:
            file = File.look(path)
        except OSError:  # it went away this very moment
            return None
        return await self._sender.send(request, file)


def find_file(trees: tuple[tuple[str, Path], ...], path: str) -> Path | None:
    """The first file that *path* (decoded, from the root) names; never one outside its tree, a
    source, a dot-file, or a folder's index. Where a tree hangs may be written in any case.
    """
    for at, root in trees:
        place, rest = path[: len(at) + 1].lower(), path[len(at) + 1 :]
        if place != f"{at}/" or not _may_be_served(rest):
            continue
        file = root / rest
        if _is_file(file) and file.resolve().is_relative_to(root):
            return file
    return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name longer than any file's
        return False


def _may_be_served(rest: str) -> bool:
    parts = rest.split("/")
    return (
        "\\" not in rest
        and "\0" not in rest
        and not any(part.startswith(".") or not part for part in parts)
        and not _SOURCE_FOLDERS.intersection(parts)
        and Path(parts[-1]).suffix.lower() not in _SOURCES
    )


def _page(title: str, component: str, development: bool) -> Handler[None]:
    props = orjson.dumps({"title": title, "browserOnly": True}).decode()
    text = _SHELL.format(
        title=html.escape(title),
        component=component,
        props=html.escape(props),
        flavour="development" if development else "production.min",
    )

    async def send(_request: web.Request, _open: None) -> web.StreamResponse:
        return web.Response(text=text, content_type="text/html", charset="utf-8")

    return send


async def _to_folder(request: web.Request, _open: None) -> web.StreamResponse:
    """As the Node app: to the folder, which has no index."""
    if request.path.endswith("/"):
        return write_not_found(request)
    return web.Response(status=301, headers={"Location": f"{PLUGIN}/"})
