"""How /docs looks and is used: both widths, both colours, by keyboard, offline."""

import pytest
from playwright.async_api import Browser, expect

from bff.cli.demo import Demo
from tests.browser.test_looks import FAINT_TEXTS

pytestmark = pytest.mark.asyncio(loop_scope="session")

FLAWS = """() => {
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  const levels = [...document.querySelectorAll("h1, h2, h3, h4")].map((e) => Number(e.tagName[1]));
  return {
    wide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
    doubled: ids.length - new Set(ids).size,
    titles: levels.filter((level) => level === 1).length,
    lost: [...document.querySelectorAll("a[href^='#']")].filter(
      (a) => !document.getElementById(a.getAttribute("href").slice(1))).length,
    unreachable: [...document.querySelectorAll("pre")].filter((e) => e.tabIndex !== 0).length,
  };
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
async def test_it_fits_its_window_and_every_word_can_be_read(
    browser: Browser, demo: Demo, scheme: str, width: int
) -> None:
    context = await browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme
    )
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = await context.new_page()

    await page.goto(f"{demo.base_url}/docs")
    await page.evaluate("document.querySelectorAll('details').forEach((e) => { e.open = true })")

    flaws = await page.evaluate(FLAWS)
    seen = await page.evaluate(FAINT_TEXTS)
    assert flaws == {"wide": False, "doubled": 0, "titles": 1, "lost": 0, "unreachable": 0}
    assert seen["faint"] == []
    assert seen["seen"] > 500
    assert asked == [f"{demo.base_url}/docs"]
    await context.close()


async def test_by_keyboard_one_gets_to_the_content_and_opens_an_example(
    browser: Browser, demo: Demo
) -> None:
    page = await browser.new_page()
    await page.goto(f"{demo.base_url}/docs")

    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="To the content")).to_be_focused()
    await page.keyboard.press("Enter")
    assert page.url.endswith("#content")
    summary = page.locator("#createChatCompletion summary").first
    await summary.focus()
    await page.keyboard.press("Enter")

    await expect(page.locator("#createChatCompletion pre").first).to_be_visible()
    await page.close()
