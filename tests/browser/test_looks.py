"""How the demo looks: colours, widths, names of controls, contrast. A small check of our own, offline."""

import pytest
from playwright.async_api import Browser, Frame, FrameLocator, Page, expect

from bff.cli.demo import Demo

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONG = "x" * 400

# Every visible text with too little contrast against what is painted behind it: WCAG 2.2, 1.4.3.
FAINT_TEXTS = """() => {
  const shade = (c) => {
    const [r, g, b] = c.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const numbers = (css) => css.match(/[\\d.]+/g).map(Number);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const [r, g, b, a = 1] = numbers(getComputedStyle(e).backgroundColor);
      if (a === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const faint = [];
  let seen = 0;
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || !element.checkVisibility() || element.closest(".unseen, script, style, noscript, :disabled")) continue;
    seen += 1;
    const [light, dark] = [shade(numbers(getComputedStyle(element).color)), shade(behind(element))].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < 4.5) faint.push(`${ratio.toFixed(2)} ${text.slice(0, 40)}`);
  }
  return { faint, seen };
}"""

# Controls without a name, images without a text, jumps in the outline, double ids.
FLAWS = """() => {
  const flaws = [];
  const name = (e) => e.getAttribute("aria-label") || e.getAttribute("title") || e.labels?.[0]?.textContent
    || (e.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent ?? "").join("")
    || e.textContent;
  for (const e of document.querySelectorAll("button, a, input, textarea, select, iframe, summary, [role=group], [tabindex='0']"))
    if (!name(e)?.trim()) flaws.push(`no name: ${e.outerHTML.slice(0, 80)}`);
  for (const e of document.querySelectorAll("svg")) if (!e.closest("[aria-hidden=true], button, [role=img]")) flaws.push("svg without role");
  for (const e of document.querySelectorAll("img")) if (!e.hasAttribute("alt")) flaws.push("img without alt");
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  if (new Set(ids).size !== ids.length) flaws.push("double id");
  const levels = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter((e) => e.checkVisibility()).map((e) => Number(e.tagName[1]));
  if (levels.filter((level) => level === 1).length !== 1) flaws.push("not one h1");
  if (!document.documentElement.lang) flaws.push("no language");
  if (!document.querySelector("main")) flaws.push("no main");
  if (!document.querySelector("[role=status][aria-live=polite]")) flaws.push("no live region");
  if (document.querySelector("[tabindex]:not([tabindex='0']):not([tabindex='-1'])")) flaws.push("tab order forced");
  return flaws;
}"""

ANSWER = (
    "# Title\n\nText with `code` and a [link](https://x.example).\n\n> quoted\n\n```python\n"
    f"print('{LONG}')\n```\n\n| a | b |\n| - | - |\n| 1 | {LONG} |\n\n- [x] done\n"
)


async def answered(page: Page, demo: Demo) -> tuple[FrameLocator, Frame]:
    """The chat with one long answer and one error on it."""
    await page.goto(demo.page_url)
    chat = page.frame_locator("iframe[title=GPTDock]")
    body = "data: " + demo_chunk(ANSWER) + "\n\ndata: [DONE]\n\n"
    await page.route(
        "**/conversations*",
        lambda route: route.fulfill(content_type="text/event-stream", body=body),
        times=1,
    )
    question = chat.get_by_label("Your question")
    await question.fill(LONG)
    await question.press("Enter")
    await expect(chat.get_by_role("button", name="Copy answer")).to_be_visible()
    await page.route("**/conversations*", lambda route: route.fulfill(status=503), times=1)
    await question.fill("again")
    await question.press("Enter")
    await expect(chat.locator(".trouble")).to_be_visible()
    frame = next(frame for frame in page.frames if "/hello-world" in frame.url)
    return chat, frame


def demo_chunk(text: str) -> str:
    import orjson

    return orjson.dumps({"choices": [{"index": 0, "delta": {"content": text}}]}).decode()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_text_has_contrast_and_every_control_a_name(
    page: Page, demo: Demo, scheme: str
) -> None:
    await page.emulate_media(color_scheme=scheme)
    _, frame = await answered(page, demo)

    for place in (page.main_frame, frame):
        texts = await place.evaluate(FAINT_TEXTS)
        assert texts["faint"] == []
        assert texts["seen"] > 10
        assert await place.evaluate(FLAWS) == []


async def test_dark_mode_has_colours_of_its_own_and_follows_the_site(
    page: Page, demo: Demo
) -> None:
    await page.goto(demo.page_url)
    chat = page.frame_locator("iframe[title=GPTDock]")
    ground = "e => getComputedStyle(e).backgroundColor"
    await expect(chat.get_by_role("textbox")).to_be_enabled()
    light = await chat.locator("body").evaluate(ground)

    # a change of scheme reaches a frame in its own time: looked at until it has, or too late
    await page.emulate_media(color_scheme="dark")
    await expect(chat.locator("body")).not_to_have_css("background-color", light)
    dark = await chat.locator("body").evaluate(ground)
    await page.get_by_role("radio", name="Light").check()
    await expect(chat.locator("html")).to_have_attribute("data-color-mode", "light")
    await expect(chat.locator("body")).to_have_css("background-color", light)
    await page.get_by_role("radio", name="Dark").check()
    await expect(chat.locator("html")).to_have_attribute("data-color-mode", "dark")
    await expect(chat.locator("body")).to_have_css("background-color", dark)


@pytest.mark.parametrize("width", [320, 390, 768])
async def test_no_width_needs_sideways_scrolling(page: Page, demo: Demo, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 640})
    _, frame = await answered(page, demo)

    wider = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await page.evaluate(wider) == 0
    assert await frame.evaluate(wider) == 0
    scroller = "() => { const e = document.getElementById('scroller'); return e.scrollWidth - e.clientWidth; }"
    assert await frame.evaluate(scroller) == 0
    assert await frame.evaluate(
        "() => { const e = document.querySelector('pre'); return e.scrollWidth > e.clientWidth; }"
    )


async def test_the_input_grows_with_its_text_and_sending_needs_one(page: Page, demo: Demo) -> None:
    await page.goto(demo.page_url)
    chat = page.frame_locator("iframe[title=GPTDock]")
    question, send = chat.get_by_label("Your question"), chat.get_by_role("button", name="Send")
    await expect(send).to_be_disabled()
    low = (await question.bounding_box() or {})["height"]

    await question.fill("  \n ")
    await expect(send).to_be_disabled()
    await question.fill("\n".join("abcdef"))

    await expect(send).to_be_enabled()
    assert (await question.bounding_box() or {})["height"] > low


async def test_who_asked_for_calm_gets_no_motion(browser: Browser, demo: Demo) -> None:
    async with await browser.new_context(reduced_motion="reduce") as context:
        page = await context.new_page()
        await page.goto(f"{demo.base_url}/hello-world")
        moving = await page.evaluate(
            """() => {
              const dots = document.createElement("p");
              dots.className = "waiting";
              dots.innerHTML = "<i></i>";
              document.body.append(dots);
              return getComputedStyle(dots.firstChild).animationName;
            }"""
        )

    assert moving == "none"
