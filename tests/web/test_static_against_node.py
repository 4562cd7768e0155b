"""The static trees beside Express's own, on the same folder: the same answers on the wire.

Left out, because ours is the stricter or the standard's: files in dot-folders, a range that begins
before the file, ends before it begins or is none, and several of an empty file. Runs where Node and
Express (which atlassian-connect-express brings) are under `.ci/node_modules`.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.raw_http import RawAnswer, ask
from tests.support.service import Service, open_service

MODULES = Path(__file__).parents[2] / ".ci" / "node_modules"
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(
    NODE is None or not (MODULES / "express").is_dir(),
    reason="needs node, and express under .ci/node_modules",
)

SCRIPT = """
const express = require("express");
const folder = process.argv[1];
const app = express();
app.use(express.static(folder + "/views"));
app.use("/confluence-plugin", express.static(folder + "/modules/confluence-plugin/dist"));
app.use(express.static(folder + "/public"));
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
"""

FILES = {
    "views/hello-world.js": b"window.__root_component = {};" * 3,
    "views/css/addon.css": b"first in views",
    "views/empty.js": b"",
    "views/with space & more.js": b"spaced",
    "views/.env": b"secret",
    "views/.git/config": b"secret",
    "modules/confluence-plugin/dist/viewer.html": b"<html>viewer</html>",
    "modules/confluence-plugin/dist/assets/index-1.js": b"export {};",
    "modules/confluence-plugin/dist/assets/index-1.css": b"body{}",
    "public/css/addon.css": b"second in public",
    "public/js/addon.js": b"addon",
    "public/images/app-logo.png": b"\x89PNG",
    "public/confluence-plugin/late.html": b"shadowed, but found when the plugin has none",
    "secret.txt": b"secret",
}
SUFFIXES = ["css", "eot", "gif", "html", "ico", "jpeg", "jpg", "js", "json", "map", "mjs", "otf",
            "png", "svg", "ttf", "txt", "wasm", "webp", "woff", "woff2", "zzz"]  # fmt: skip
SAME = ("content-type", "content-length", "content-range", "etag", "last-modified", "cache-control",
        "accept-ranges", "location")  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    files = FILES | {f"public/types/x.{suffix}": suffix.encode() for suffix in SUFFIXES}
    for name, data in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        os.utime(file, ns=(1767323045_678 * 10**6, 1767323045_678 * 10**6))
    return folder


@pytest.fixture
async def express(folder: Path) -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        *(str(NODE), "-e", SCRIPT, str(folder)),
        env={"NODE_PATH": str(MODULES), "NODE_ENV": "production"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # it prints every 416
    )
    try:
        port = int(await process.stdout.readline())
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        await process.wait()


@pytest.fixture
async def service(tmp_path: Path, folder: Path) -> AsyncIterator[Service]:
    async with open_service(tmp_path, frontend_dir=str(folder)) as service:
        yield service


def told(answer: RawAnswer) -> dict[str, object]:
    """What a browser could tell apart. Of a refusal, its status and nothing of its page."""
    if answer.status >= 400:
        return {"status": answer.status, "content-range": answer.all("content-range")}
    headers = {name: answer.all(name) for name in SAME}
    if answer.status == 301:
        return {"status": 301, "location": headers["location"]}
    return {"status": answer.status, "body": answer.rest, **headers}


async def find_difference(
    service: Service, express: str, method: str, target: str, **headers: str
) -> str:
    theirs = told(await ask(method, express + target, **headers))
    ours = told(await ask(method, service.url + target, **headers))
    return "" if ours == theirs else f"{method} {target} {headers}: {ours}, not {theirs}"


TARGETS = [
    "/hello-world.js",
    "/hello-world.js?v=1&jwt=a.b.c",
    "/css/addon.css",
    "/js/addon.js",
    "/images/app-logo.png",
    "/empty.js",
    "/with%20space%20&%20more.js",
    "/with%20space%20%26%20more.js",
    "/hello%2Dworld.js",
    "/confluence-plugin/viewer.html?uuid=1",
    "/CONFLUENCE-plugin/viewer.html",
    "/confluence-plugin/assets/index-1.js",
    "/confluence-plugin/assets/index-1.css",
    "/confluence-plugin/late.html",
    "/confluence-plugin",
    "/confluence-plugin/",
    "/confluence-plugin/js/chunk.js",
    "/confluence-plugin/index.html",
    "/hello-world.css",
    "/Hello-World.js",
    "/hello-world.js/",
    "/image/zenuml_logo.png",
    "/images/",
    "/.env",
    "/%2eenv",
    "/../secret.txt",
    "/images/../../secret.txt",
    "/%2e%2e/secret.txt",
    "/%252e%252e/secret.txt",
    "/..%2fsecret.txt",
    "/..%5csecret.txt",
    "/..\\secret.txt",
    "/images%2fapp-logo.png",
    "/%c0%ae%c0%ae/secret.txt",
    "/hello-world.js%00",
    "/hello-world.js%00.png",
    "/%zz",
    "/" + "a" * 300 + ".js",
    "/" + "a/" * 2000,
    "//etc/passwd",
    "//127.0.0.1/hello-world.js",
    "/views/hello-world.js",
    "/public/js/addon.js",
    *(f"/types/x.{suffix}" for suffix in SUFFIXES),
]


async def test_every_path_is_answered_as_express_answers_it(service: Service, express: str) -> None:
    differences = [
        await find_difference(service, express, method, target)
        for target in TARGETS
        for method in ("GET", "HEAD", "POST")
    ]

    assert "\n".join(filter(None, differences)) == ""


SEVERAL = "bytes=0-3,50-60"
RANGES = [SEVERAL, "bytes=0-3", "bytes=3-", "bytes=0-", "bytes=-4", "bytes=80-9999",
          "bytes=9999-", "bytes=-0", "items=0-3",
          " bytes=0-3", "bytes=1-1"]  # fmt: skip
DATES = ["Fri, 02 Jan 2026 03:04:04 GMT", "Fri, 02 Jan 2026 03:04:05 GMT",
         "Sat, 02 Jan 2027 03:04:05 GMT", "yesterday"]  # fmt: skip


async def test_every_condition_and_range_is_answered_as_express_answers_it(
    service: Service, express: str
) -> None:
    first = await ask("GET", f"{express}/hello-world.js")
    tag = first.all("etag")[0]
    tags = [tag, tag.removeprefix("W/"), '"x"', f'"x", {tag}', "*", "nonsense"]
    conditions = [
        *({"Range": asked} for asked in RANGES),
        *({"If-None-Match": asked} for asked in tags),
        *({"If-Match": asked} for asked in tags),
        *({"If-Modified-Since": date} for date in DATES),
        *({"If-Unmodified-Since": date} for date in DATES),
        *({"If-None-Match": '"x"', "If-Modified-Since": date} for date in DATES),
        *({"Range": "bytes=0-3", "If-Range": condition} for condition in (tag, '"x"', *DATES)),
        {"Range": "bytes=0-3", "If-None-Match": tag},
        {"Range": "bytes=9999-", "If-None-Match": tag},
    ]

    differences = [
        await find_difference(service, express, method, path, **headers)
        for headers in conditions
        for method in ("GET", "HEAD")
        for path in ("/hello-world.js", "/empty.js")
        if (path, headers.get("Range")) != ("/empty.js", SEVERAL)
    ]

    assert "\n".join(filter(None, differences)) == ""
