"""The chat page's own reader of event streams, in the browser that runs it."""

import pytest
from playwright.async_api import Page

pytestmark = pytest.mark.asyncio(loop_scope="session")

FEED = """async ([text, size]) => {
  const { EventReader } = await import("/gptdock/events.js");
  const reader = new EventReader();
  const events = [];
  for (let at = 0; at < text.length; at += size) events.push(...reader.feed(text.slice(at, at + size)));
  return events;
}"""

STREAM = (
    "\ufeff: hello\n\ndata: one\r\n\r\ndata:two\n\nevent: x\rdata: three\rdata:  four\r\r"
    'id: 7\n\ndata\n\ndata: {"é": "😀"}\n\ndata: never ended'
)
EVENTS = ["one", "two", "three\n four", "", '{"é": "😀"}']


async def test_events_do_not_depend_on_where_the_text_is_cut(scripts: Page) -> None:
    for size in range(1, len(STREAM) + 1):
        assert await scripts.evaluate(FEED, [STREAM, size]) == EVENTS


async def test_an_event_without_its_blank_line_is_not_an_event_yet(scripts: Page) -> None:
    assert await scripts.evaluate(FEED, ["data: one\n", 4]) == []
