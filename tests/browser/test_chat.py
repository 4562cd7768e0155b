"""The demo in a real browser: the installed add-on in its iframe, asked, stopped, refused, read aloud."""

import re

import pytest
from playwright.async_api import FrameLocator, Page, expect

from bff.cli.demo import Demo
from bff.simulators.openai.simulator import delta

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUESTION = "What is a sequence diagram?"


async def open_chat(page: Page, demo: Demo) -> FrameLocator:
    await page.goto(demo.page_url)
    chat = page.frame_locator("iframe[title=GPTDock]")
    await chat.get_by_label("Your question").wait_for()
    return chat


async def ask(chat: FrameLocator, question: str = QUESTION) -> None:
    await chat.get_by_label("Your question").fill(question)
    await chat.get_by_label("Your question").press("Enter")


async def test_the_installed_add_on_streams_an_answer_in_its_iframe(page: Page, demo: Demo) -> None:
    model = demo.world.openai
    model.hold()
    chat = await open_chat(page, demo)

    await ask(chat)
    await model.say(delta("It shows **who** talks"))
    reply = chat.get_by_role("article", name="Answer")
    await expect(reply.locator("strong")).to_have_text("who")
    await expect(reply).to_have_attribute("aria-busy", "true")
    await model.say(delta(" to whom."))
    await model.finish()

    await expect(reply).to_contain_text("It shows who talks to whom.")
    await expect(reply).not_to_have_attribute("aria-busy", "true")
    await expect(chat.get_by_role("status")).to_have_text(re.compile("^Answer: It shows who"))
    diary = page.get_by_label("Events, newest first").get_by_role("listitem")
    await expect(diary.first).to_contain_text("Context token minted")
    await expect(diary.filter(has_text="Signed “installed” accepted")).to_contain_text("→ 204")


async def test_a_second_question_brings_the_first_along(page: Page, demo: Demo) -> None:
    chat = await open_chat(page, demo)
    done = chat.get_by_role("button", name="Copy answer")

    await ask(chat, "First?")
    await expect(done).to_have_count(1)
    await ask(chat, "Second?")
    await expect(done).to_have_count(2)

    sent = demo.world.openai.requests[-1].json["messages"]
    assert [message["role"] for message in sent] == ["system", "user", "assistant", "user"]
    assert (sent[1]["content"], sent[3]["content"]) == ("First?", "Second?")
    assert sent[2]["content"]


async def test_stopping_keeps_what_arrived_and_hangs_up_on_the_model(
    page: Page, demo: Demo
) -> None:
    model = demo.world.openai
    model.hold()
    chat = await open_chat(page, demo)
    await ask(chat)
    await model.say(delta("Half an ans"))
    reply = chat.get_by_role("article", name="Answer")
    await expect(reply).to_contain_text("Half an ans")

    await chat.get_by_role("button", name="Stop answering").click()

    await model.hung_up.wait()
    await expect(reply).to_contain_text("Half an ans")
    await expect(reply).to_contain_text("Stopped.")
    await expect(chat.get_by_role("button", name="Send")).to_be_visible()
    await expect(chat.get_by_label("Your question")).to_be_focused()


async def test_an_error_is_a_calm_sentence_and_trying_again_works(page: Page, demo: Demo) -> None:
    chat = await open_chat(page, demo)
    await ask(chat, "Hello [[simulate: status=400]]")
    trouble = chat.locator(".trouble")
    await expect(trouble).to_be_visible()
    assert "{" not in await trouble.inner_text()

    await page.route(
        "**/conversations*",
        lambda route: route.continue_(
            post_data=(route.request.post_data or "").replace("status=400", "")
        ),
    )
    await trouble.get_by_role("button", name="Try again").click()

    await expect(chat.get_by_role("button", name="Copy answer")).to_be_visible()
    await expect(trouble).to_have_count(0)


@pytest.mark.parametrize(
    ("status", "headers", "title"),
    [
        (401, {}, "Your session has expired."),
        (413, {}, "This conversation is too long to send."),
        (422, {}, "This question could not be taken."),
        (429, {"Retry-After": "12"}, "Too many questions at once."),
        (503, {}, "The assistant cannot answer right now."),
    ],
)
async def test_every_refusal_has_its_own_words(
    page: Page, demo: Demo, status: int, headers: dict[str, str], title: str
) -> None:
    chat = await open_chat(page, demo)
    await page.route(
        "**/conversations*",
        lambda route: route.fulfill(
            status=status, headers=headers, content_type="application/json", body='{"error":"raw"}'
        ),
    )

    await ask(chat)

    trouble = chat.locator(".trouble")
    await expect(trouble.get_by_text(title)).to_be_visible()
    await expect(trouble).not_to_contain_text("raw")
    if status == 429:
        await expect(trouble).to_contain_text("about 12 seconds")


async def test_the_service_s_own_words_for_an_upstream_failure_are_shown(
    page: Page, demo: Demo
) -> None:
    chat = await open_chat(page, demo)
    spoken = b'data: {"choices":[{"delta":{"content":"An error occurred: The model is busy."}}]}\n\ndata: [DONE]\n\n'
    await page.route(
        "**/conversations*",
        lambda route: route.fulfill(status=502, content_type="text/event-stream", body=spoken),
    )

    await ask(chat)

    await expect(chat.locator(".trouble p")).to_have_text("The model is busy.")


async def test_an_answer_that_breaks_off_keeps_its_beginning_and_says_so(
    page: Page, demo: Demo
) -> None:
    model = demo.world.openai
    model.hold()
    chat = await open_chat(page, demo)
    await ask(chat)
    await model.say(delta("The beginning"))
    await model.cut()

    await expect(chat.locator(".trouble")).to_contain_text("The answer broke off.")
    await expect(chat.locator(".answer")).to_have_text("The beginning")
    await expect(chat.get_by_role("button", name="Try again")).to_be_visible()


async def test_a_lost_connection_is_told_apart(page: Page, demo: Demo) -> None:
    chat = await open_chat(page, demo)
    await page.route("**/conversations*", lambda route: route.abort("connectionreset"))

    await ask(chat)

    await expect(chat.locator(".trouble")).to_contain_text("The connection was lost.")


async def test_an_expired_session_is_explained_and_the_next_try_has_a_fresh_token(
    page: Page, demo: Demo
) -> None:
    chat = await open_chat(page, demo)
    await page.get_by_role("button", name="Expire the next token").click()
    await expect(page.get_by_role("status")).to_have_text("The next token will be expired")

    await ask(chat)
    await expect(chat.locator(".trouble")).to_contain_text("Your session has expired.")
    await chat.get_by_role("button", name="Try again").click()

    await expect(chat.get_by_role("button", name="Copy answer")).to_be_visible()


async def test_uninstalling_shuts_the_door_and_installing_opens_it(page: Page, demo: Demo) -> None:
    chat = await open_chat(page, demo)
    await page.get_by_role("button", name="Uninstall").click()
    await expect(page.get_by_role("status")).to_have_text(re.compile("^Uninstalled"))
    await ask(chat)
    await expect(chat.locator(".trouble")).to_be_visible()

    await page.get_by_role("button", name="Install again").click()
    await expect(page.get_by_role("status")).to_have_text("Installed again")

    chat = page.frame_locator("iframe[title=GPTDock]")
    await ask(chat)
    await expect(chat.get_by_role("button", name="Copy answer")).to_be_visible()


async def test_everything_can_be_done_with_the_keyboard_alone(page: Page, demo: Demo) -> None:
    model = demo.world.openai
    chat = await open_chat(page, demo)
    question = chat.get_by_label("Your question")

    await page.get_by_role("link", name="Skip to the chat").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    for _ in range(6):
        if await question.evaluate("e => e === document.activeElement"):
            break
        await page.keyboard.press("Tab")
    await expect(question).to_be_focused()
    await page.keyboard.type("one")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("two")
    await expect(question).to_have_value("one\ntwo")
    model.hold()
    await page.keyboard.press("Enter")
    await model.say(delta("Beginning"))
    await expect(chat.get_by_role("article", name="Answer")).to_contain_text("Beginning")
    await page.keyboard.press("Escape")

    await expect(chat.get_by_text("Stopped.")).to_be_visible()
    await expect(question).to_be_focused()
    assert demo.world.openai.requests[-1].json["messages"][-1]["content"] == "one\ntwo"


async def test_the_reader_who_scrolled_up_is_left_in_peace(page: Page, demo: Demo) -> None:
    model = demo.world.openai
    model.hold()
    chat = await open_chat(page, demo)
    await ask(chat)
    await model.say(delta("line\n\n" * 80))
    reply = chat.get_by_role("article", name="Answer")
    scroller = chat.locator("#scroller")
    await expect(reply.locator("p")).to_have_count(80)
    at_end = "e => Math.round(e.scrollHeight - e.clientHeight - e.scrollTop)"
    assert await scroller.evaluate(at_end) <= 1

    await scroller.hover()
    await page.mouse.wheel(0, -600)
    newest = chat.get_by_role("button", name="Newest")
    await expect(newest).to_be_visible()
    top = await scroller.evaluate("e => e.scrollTop")
    await model.say(delta("more\n\n" * 20))
    await expect(reply.locator("p")).to_have_count(100)
    assert await scroller.evaluate("e => e.scrollTop") == top

    await newest.click()
    assert await scroller.evaluate(at_end) <= 1


async def test_the_model_s_words_cannot_run_in_the_page(page: Page, demo: Demo) -> None:
    model = demo.world.openai
    model.hold()
    chat = await open_chat(page, demo)
    await ask(chat)
    await model.say(delta("<img src=x onerror='window.hacked=1'><script>window.hacked=1</script> [a](javascript:window.hacked=1)"))  # fmt: skip
    await model.finish()

    reply = chat.get_by_role("article", name="Answer")
    await expect(reply).to_contain_text("<script>window.hacked=1</script>")
    await expect(reply.locator("img, script, a")).to_have_count(0)
    assert await chat.locator("body").evaluate("() => 'hacked' in window") is False


async def test_nothing_of_the_query_is_echoed_and_the_page_may_be_framed(
    page: Page, demo: Demo
) -> None:
    answer = await page.request.get(
        f"{demo.base_url}/hello-world?xdm_e=<script>marker</script>&jwt=marker&contentId=marker"
    )

    assert "marker" not in await answer.text()
    assert "x-frame-options" not in answer.headers
    assert "frame-ancestors" not in answer.headers.get("content-security-policy", "")


async def test_outside_confluence_the_page_says_so(page: Page, demo: Demo) -> None:
    await page.goto(f"{demo.base_url}/hello-world")

    await page.get_by_label("Your question").fill(QUESTION)
    await page.get_by_role("button", name="Send").click()

    await expect(page.locator(".trouble")).to_be_visible()


async def test_a_foreign_page_gets_no_token(page: Page, demo: Demo) -> None:
    answer = await page.request.post(
        f"{demo.page_url}token", headers={"Sec-Fetch-Site": "cross-site"}
    )

    assert answer.status == 403
