"""One file as an answer: conditions, ranges, packing, and what happens when it changes."""

import asyncio
import gzip
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.web import files
from bff.web.files import TYPES, File
from tests.support.raw_http import RawAnswer, ask
from tests.support.service import Service, open_service

TEXT = b"0123456789"
LONG = b"let answer = 42; // again and again\n" * 2000
WHEN, EARLIER, LATER = (
    "Fri, 02 Jan 2026 03:04:05 GMT",
    "Fri, 02 Jan 2026 03:04:04 GMT",
    "Fri, 02 Jan 2026 03:04:06 GMT",
)
TAG = f'W/"a-{1767323045000:x}"'


@pytest.fixture
def views(tmp_path: Path) -> Path:
    folder = tmp_path / "built" / "views"
    folder.mkdir(parents=True)
    put(folder / "a.js", TEXT)
    put(folder / "long.js", LONG)
    put(folder / "empty.js", b"")
    put(folder / "large.bin", bytes(range(256)) * 4096)
    return folder


def put(file: Path, data: bytes) -> None:
    """Last changed at WHEN."""
    file.write_bytes(data)
    os.utime(file, ns=(1767323045 * 10**9, 1767323045 * 10**9))


@pytest.fixture
async def service(tmp_path: Path, views: Path) -> AsyncIterator[Service]:
    async with open_service(tmp_path, frontend_dir=str(views.parent)) as service:
        yield service


async def get(service: Service, path: str = "/a.js", **headers: str) -> RawAnswer:
    return await ask("GET", service.url + path, **headers)


async def test_a_whole_file_says_what_a_browser_keeps_it_by(service: Service) -> None:
    answer = await get(service)

    assert (answer.status, answer.rest) == (200, TEXT)
    assert answer.all("content-type") == ["application/javascript; charset=UTF-8"]
    assert answer.all("cache-control") == ["public, max-age=0"]
    assert answer.all("last-modified") == [WHEN]
    assert answer.all("etag") == [TAG]
    assert answer.all("accept-ranges") == ["bytes"]
    assert answer.all("strict-transport-security") == ["max-age=31536000"]
    assert answer.all("referrer-policy") == ["origin"]
    for absent in ("pragma", "expires", "surrogate-control", "set-cookie", "x-frame-options"):
        assert answer.all(absent) == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"If_None_Match": TAG}, 304, id="the tag"),
        pytest.param({"If_None_Match": TAG.removeprefix("W/")}, 304, id="the tag, called strong"),
        pytest.param({"If_None_Match": f'"x", {TAG}'}, 304, id="one of several"),
        pytest.param({"If_None_Match": "*"}, 304, id="any"),
        pytest.param({"If_None_Match": '"x"'}, 200, id="another tag"),
        pytest.param({"If_None_Match": "nonsense"}, 200, id="no tag"),
        pytest.param({"If_None_Match": '"x"', "If_Modified_Since": LATER}, 200, id="tag first"),
        pytest.param({"If_Modified_Since": WHEN}, 304, id="the time"),
        pytest.param({"If_Modified_Since": LATER}, 304, id="later"),
        pytest.param({"If_Modified_Since": EARLIER}, 200, id="earlier"),
        pytest.param({"If_Modified_Since": "yesterday"}, 200, id="no time"),
        pytest.param({"If_Match": TAG}, 200, id="wants this"),
        pytest.param({"If_Match": "*"}, 200, id="wants any"),
        pytest.param({"If_Match": '"x"'}, 412, id="wants another"),
        pytest.param({"If_Unmodified_Since": WHEN}, 200, id="wants no newer"),
        pytest.param({"If_Unmodified_Since": EARLIER}, 412, id="wants an older"),
    ],
)
async def test_conditions(service: Service, headers: dict[str, str], status: int) -> None:
    answer = await get(service, **headers)

    assert answer.status == status
    assert answer.rest == (TEXT if status == 200 else b"")
    if status == 304:
        assert answer.all("etag") == [TAG]
        assert answer.all("content-type") == []


@pytest.mark.parametrize(
    ("asked", "status", "said", "body"),
    [
        ("bytes=0-3", 206, "bytes 0-3/10", b"0123"),
        ("bytes=0-0", 206, "bytes 0-0/10", b"0"),
        ("bytes=7-", 206, "bytes 7-9/10", b"789"),
        ("bytes=0-", 206, "bytes 0-9/10", TEXT),
        ("bytes=-2", 206, "bytes 8-9/10", b"89"),
        ("bytes=-99", 206, "bytes 0-9/10", TEXT),
        ("bytes=8-99", 206, "bytes 8-9/10", b"89"),
        ("bytes= 2 - 3 ", 206, "bytes 2-3/10", b"23"),
        ("bytes=10-", 416, "bytes */10", b""),
        ("bytes=99-100", 416, "bytes */10", b""),
        ("bytes=-0", 416, "bytes */10", b""),
        ("bytes=5-2", 200, None, TEXT),
        ("bytes=0-1,3-4", 200, None, TEXT),
        ("bytes=-", 200, None, TEXT),
        ("bytes=a-b", 200, None, TEXT),
        ("bytes=" + "9" * 5000 + "-", 200, None, TEXT),
        ("lines=0-3", 200, None, TEXT),
        ("", 200, None, TEXT),
    ],
)
async def test_ranges(
    service: Service, asked: str, status: int, said: str | None, body: bytes
) -> None:
    answer = await get(service, Range=asked)

    assert (answer.status, answer.rest) == (status, body)
    assert answer.all("content-range") == ([] if said is None else [said])
    assert answer.all("content-length") == [str(len(body))]


@pytest.mark.parametrize(
    ("condition", "status"),
    [(TAG, 206), ('"x"', 200), (WHEN, 206), (LATER, 206), (EARLIER, 200), ("nonsense", 200)],
)
async def test_a_part_is_for_who_has_the_rest_of_this_version(
    service: Service, condition: str, status: int
) -> None:
    assert (await get(service, Range="bytes=0-3", If_Range=condition)).status == status


async def test_of_an_empty_file_there_are_no_parts(service: Service) -> None:
    assert (await get(service, "/empty.js")).all("content-length") == ["0"]
    assert (await get(service, "/empty.js", Range="bytes=0-")).status == 416


async def test_a_head_says_the_same_and_sends_nothing(service: Service) -> None:
    for headers in ({}, {"Range": "bytes=2-4"}, {"Accept_Encoding": "gzip"}):
        for path in ("/a.js", "/long.js"):
            got, head = [
                await ask(method, service.url + path, **headers) for method in ("GET", "HEAD")
            ]

            assert head.rest == b""
            assert head.status == got.status
            for name in ("content-length", "content-range", "content-encoding", "etag"):
                assert head.all(name) == got.all(name)


async def test_a_large_file_comes_whole_and_in_parts(service: Service, views: Path) -> None:
    data = (views / "large.bin").read_bytes()

    whole = await get(service, "/large.bin", Accept_Encoding="gzip")
    part = await get(service, "/large.bin", Range="bytes=300000-900000")

    assert whole.rest == data
    assert whole.all("content-type") == ["application/octet-stream"]
    assert whole.all("content-encoding") == []
    assert part.rest == data[300000:900001]


# --- packed --------------------------------------------------------------------------------------


async def test_a_script_is_packed_once_for_all_who_ask(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    packings = []
    pack = files._pack
    monkeypatch.setattr(files, "_pack", lambda path: packings.append(path.name) or pack(path))

    answers = await asyncio.gather(
        *(get(service, "/long.js", Accept_Encoding="gzip") for _ in range(5))
    )

    for answer in answers:
        assert answer.all("content-encoding") == ["gzip"]
        assert answer.all("vary") == ["Accept-Encoding"]
        assert answer.all("etag")[0].startswith('W/"')
        assert gzip.decompress(answer.rest) == LONG
    assert packings == ["long.js"]


async def test_parts_and_small_files_are_never_packed(service: Service) -> None:
    part = await get(service, "/long.js", Accept_Encoding="gzip", Range="bytes=0-2999")
    small = await get(service, "/a.js", Accept_Encoding="gzip")
    unasked = await get(service, "/long.js", Accept_Encoding="gzip;q=0")

    assert (part.status, part.rest) == (206, LONG[:3000])
    assert small.rest == TEXT
    assert unasked.rest == LONG
    for answer in (part, small, unasked):
        assert answer.all("content-encoding") == []
    assert unasked.all("vary") == ["Accept-Encoding"]


async def test_a_file_that_changed_is_packed_again(service: Service, views: Path) -> None:
    first = await get(service, "/long.js", Accept_Encoding="gzip")
    (views / "long.js").write_bytes(LONG.upper())
    second = await get(
        service, "/long.js", Accept_Encoding="gzip", If_None_Match=first.all("etag")[0]
    )

    assert second.status == 200
    assert gzip.decompress(second.rest) == LONG.upper()


async def test_what_is_remembered_has_a_limit(
    service: Service, views: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_REMEMBERED_MOST", 10)

    for _ in range(2):
        answer = await get(service, "/long.js", Accept_Encoding="gzip")
        assert gzip.decompress(answer.rest) == LONG


async def test_what_is_too_large_to_pack_at_once_goes_as_it_is(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_PACKED_MOST", len(LONG) - 1)

    assert (await get(service, "/long.js", Accept_Encoding="gzip")).rest == LONG


# --- odd moments ---------------------------------------------------------------------------------


async def test_a_file_that_becomes_shorter_breaks_the_line_and_nothing_else(
    service: Service, views: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = File.look
    monkeypatch.setattr(
        File, "look", lambda path: File(path, 99, look(path).modified, look(path).etag)
    )

    answer = await get(service)

    assert answer.all("content-length") == ["99"]
    assert answer.rest == TEXT  # and then the end, not a wait
    assert (await ask("GET", f"{service.url}/health")).status == 200


async def test_a_file_that_goes_away_is_not_there(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(path: Path) -> File:
        raise FileNotFoundError(path)

    monkeypatch.setattr(File, "look", gone)

    assert (await get(service)).status == 404


@pytest.mark.parametrize(
    ("name", "content_type"), [("a.PNG", "image/png"), ("a", files._UNKNOWN), ("a.js.gz", None)]
)
def test_the_type_is_by_the_last_ending(name: str, content_type: str | None, views: Path) -> None:
    put(views / name, b"")

    assert File.look(views / name).content_type == (content_type or files._UNKNOWN)


def test_every_type_of_text_says_its_charset() -> None:
    for suffix, content_type in TYPES.items():
        spoken = content_type.startswith(("text/", "application/javascript", "application/json"))
        assert content_type.endswith("; charset=UTF-8") is spoken, suffix


class Asked:
    """A request as far as ranges look at it."""

    def __init__(self, asked: str) -> None:
        self.headers = {"Range": asked}


@given(st.text(alphabet="bytes= 0123456789-,", max_size=30), st.integers(0, 50))
def test_whatever_is_asked_a_part_lies_within_the_file(asked: str, size: int) -> None:
    file = File(Path("x"), size, None, "tag")

    part = files.read_range(Asked(asked), file)

    assert part is None or not part or (0 <= part.start < part.stop <= size and part.step == 1)
