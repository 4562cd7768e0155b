"""The chat page's markdown, in the browser that runs it: what it shows, and what it never does."""

import pytest
from playwright.async_api import Page

pytestmark = pytest.mark.asyncio(loop_scope="session")

DRAW = """async ([text, open]) => {
  const { Answer } = await import("/gptdock/answer.js");
  const holder = document.createElement("div");
  new Answer(holder).show(text, { open });
  return holder.innerHTML;
}"""

LINK = 'target="_blank" rel="noopener noreferrer"'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one\ntwo", "<p>one\ntwo</p>"),
        ("one  \ntwo", "<p>one  <br>two</p>"),
        ("one\n\ntwo", "<p>one</p><p>two</p>"),
        ("# One #", '<h3 class="level-1">One</h3>'),
        ("#no", "<p>#no</p>"),
        ("**a *b* c**", "<p><strong>a <em>b</em> c</strong></p>"),
        ("***x***", "<p><strong><em>x</em></strong></p>"),
        ("2 * 3 * 4, snake_case_name, __init__", "<p>2 * 3 * 4, snake_case_name, <strong>init</strong></p>"),
        ("~~no~~ `a*b*` `` ` ``", "<p><del>no</del> <code>a*b*</code> <code>`</code></p>"),
        (r"\*not\* \# either", "<p>*not* # either</p>"),
        ("- a\n- b\n  - c\n\n1. d", "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul><ol><li>d</li></ol>"),
        ("3. c\n4. d", '<ol start="3"><li>c</li><li>d</li></ol>'),
        ("- a\n\n- b", "<ul><li>a</li><li>b</li></ul>"),
        ("> a\n> - b", "<blockquote><p>a</p><ul><li>b</li></ul></blockquote>"),
        ("a\n\n---\n\nb", "<p>a</p><hr><p>b</p>"),
        ("[a](https://x.example/y_(z))", f'<p><a href="https://x.example/y_(z)" {LINK}>a</a></p>'),
        ("see https://x.example/a.", f'<p>see <a href="https://x.example/a" {LINK}>https://x.example/a</a>.</p>'),
        ("<mailto:a@x.example>", f'<p><a href="mailto:a@x.example" {LINK}>a@x.example</a></p>'),
        ("&amp; <b>", "<p>&amp;amp; &lt;b&gt;</p>"),
    ],
)  # fmt: skip
async def test_what_models_write_is_shown_as_they_meant_it(
    scripts: Page, text: str, expected: str
) -> None:
    assert await scripts.evaluate(DRAW, [text, False]) == expected


async def test_a_fenced_block_keeps_every_character_and_can_be_copied(scripts: Page) -> None:
    drawn = await scripts.evaluate(DRAW, ["```html\n<b> *x*\n\n  y\n```\nafter", False])

    assert "<code>&lt;b&gt; *x*\n\n  y</code>" in drawn
    assert (
        '<button type="button" class="copy">Copy<span class="unseen"> code</span></button>' in drawn
    )
    assert drawn.endswith("<p>after</p>")


async def test_a_table_is_a_table(scripts: Page) -> None:
    drawn = await scripts.evaluate(DRAW, ["| a | b |\n| - | -: |\n| `x` | 1 |\n| only |", False])

    assert '<th class="start">a</th><th class="end">b</th>' in drawn
    assert '<td class="start"><code>x</code></td><td class="end">1</td>' in drawn
    assert '<td class="start">only</td><td class="end"></td>' in drawn


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now **bo", "<p>now <strong>bo</strong></p>"),
        ("now `co", "<p>now <code>co</code></p>"),
    ],
)
async def test_a_mark_that_is_still_being_written_does_not_flicker(
    scripts: Page, text: str, expected: str
) -> None:
    assert await scripts.evaluate(DRAW, [text, True]) == expected


@pytest.mark.parametrize(
    "text",
    [
        "<script>window.hacked = 1</script>",
        "<img src=x onerror='window.hacked = 1'>",
        "[x](javascript:window.hacked=1)",
        "[x](JaVaScRiPt:window.hacked=1)",
        "[x](java\tscript:window.hacked=1)",
        "[x](data:text/html,<script>1</script>)",
        "[x](vbscript:x)",
        "[x](//evil.example)",
        "![x](https://evil.example/pixel.png)",
        '[x](https://x.example"onmouseover="window.hacked=1)',
        '```"><script>window.hacked=1</script>\nx\n```',
        "# <svg/onload=window.hacked=1>",
        "| <img src=x onerror=1> |\n| - |\n| <iframe src=x> |",
        "- [x] <script>1</script>",
    ],
)
async def test_a_models_words_cannot_become_markup(scripts: Page, text: str) -> None:
    bad = await scripts.evaluate(
        """async (text) => {
          const { Answer } = await import("/gptdock/answer.js");
          const holder = document.createElement("div");
          document.body.append(holder);
          new Answer(holder).show(text);
          const all = [...holder.querySelectorAll("*")];
          const names = ["SCRIPT", "IMG", "IFRAME", "SVG", "OBJECT", "STYLE", "LINK"];
          const attributes = all.flatMap((e) => [...e.attributes]);
          return {
            elements: all.filter((e) => names.includes(e.nodeName.toUpperCase())).length,
            handlers: attributes.filter((a) => a.name.startsWith("on")).length,
            addresses: all.filter((e) => e.href && !/^(https?|mailto):/.test(e.href)).length,
            hacked: "hacked" in window,
          };
        }""",
        text,
    )

    assert bad == {"elements": 0, "handlers": 0, "addresses": 0, "hacked": False}


@pytest.mark.parametrize(
    "piece",
    ["*", "**a ", "_a ", "[", "[a](", "`", "` `` ", "> ", "- ", "  - a\n", "| a ", "# ", "~~a", "<", "\\", "((", "https://", "```\n"],
)  # fmt: skip
async def test_hostile_text_does_not_hold_up_the_page(scripts: Page, piece: str) -> None:
    text = piece * 20_000

    milliseconds = await scripts.evaluate(
        """async (text) => {
          const { readBlocks, readInline } = await import("/gptdock/markdown.js");
          const began = performance.now();
          readBlocks(text);
          readInline(text);
          return performance.now() - began;
        }""",
        text,
    )

    assert milliseconds < 3000


async def test_what_has_been_shown_keeps_its_elements_while_more_comes(scripts: Page) -> None:
    kept = await scripts.evaluate(
        """async () => {
          const { Answer } = await import("/gptdock/answer.js");
          const holder = document.createElement("div");
          const answer = new Answer(holder);
          answer.show("one\\n\\n```js\\na", { open: true });
          const [first, code] = holder.children;
          answer.show("one\\n\\n```js\\nabc\\n```\\n\\nmore", { open: true });
          return [first === holder.children[0], code === holder.children[1], code.innerText.includes("abc")];
        }"""
    )

    assert kept == [True, True, True]
