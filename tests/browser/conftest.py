"""One Chromium for the room; a fresh profile and a fresh demo for every test."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from bff.cli.demo import Demo, open_demo
from bff.web import chat_page
from tests.support.browser import FLAGS, find_browser

PATIENCE_MS = 20_000  # a busy machine is no reason to fail


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = find_browser()
    if path is None:
        pytest.skip("no Chromium on PATH")
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield started
        await started.close()


@pytest_asyncio.fixture(loop_scope="session")
async def profile(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(
        viewport={"width": 1280, "height": 860}, color_scheme="light", reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE_MS)
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(profile: BrowserContext) -> AsyncIterator[Page]:
    """A page whose scripts must not crash."""
    opened = await profile.new_page()
    crashes: list[str] = []
    opened.on("pageerror", lambda error: crashes.append(str(error)))
    yield opened
    assert crashes == []


@pytest_asyncio.fixture(loop_scope="session")
async def demo() -> AsyncIterator[Demo]:
    async with open_demo(port=0, model_delay_ms=0) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bare_site() -> AsyncIterator[str]:
    """The chat page's files alone, for what needs no service behind them."""
    app = web.Application()
    for route in chat_page.routes("/all.js"):
        app.router.add_route(route.method, route.path, route.enter)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


@pytest_asyncio.fixture(loop_scope="session")
async def scripts(page: Page, bare_site: str) -> Page:
    """A page from which the chat's own modules can be imported."""
    await page.goto(f"{bare_site}/hello-world")
    return page
