"""Calls in what a model says."""

import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bff.chat.events import Event, TextDelta, ToolDelta, ToolStarted
from bff.chat.request import ChatRequest, Choosing, Message, Role, Tags, Tool, ToolCall, ToolChoice
from bff.dialects.tool_prompt import Heard, ToolReader, read_tools
from bff.dialects.tool_prompt.block import MARKUP_MOST
from bff.dialects.tool_prompt.forms import FORMS

TAGS = Tags("chat", "t:1", "u:1", "-", "req")
TOOLS = (
    Tool("now"),
    Tool("add", parameters={"properties": {"text": {"type": "string"}, "n": True}}),
)
CALL = '<tool_call>{"name":"now","arguments":{}}</tool_call>'
LIST = '<tool_calls>[{"name":"now","arguments":{"tz":"UTC"}}]</tool_calls>'
GLM = "<tool_call>now\n<arg_key>tz</arg_key>\n<arg_value>UTC</arg_value>\n</tool_call>"
KIMI = (
    "<|tool_calls_section_begin|><|tool_call_begin|>functions.now:0"
    '<|tool_call_argument_begin|>{"tz":"UTC"}<|tool_call_end|><|tool_calls_section_end|>'
)


def reader(tools: tuple[Tool, ...] = TOOLS, *, parallel: bool = True) -> ToolReader:
    numbers = itertools.count(1)
    return ToolReader(tools, parallel=parallel, new_id=lambda: f"c{next(numbers)}")


def events_of(listening: ToolReader, text: str, size: int = 0) -> list[Event]:
    """What is heard of *text* in pieces of *size*, neighbouring texts joined."""
    cuts = [text[at : at + size] for at in range(0, len(text), size)] if size else [text]
    joined: list[Event] = []
    for event in [event for cut in cuts for event in listening.feed(cut)] + listening.close():
        match event, joined[-1:]:
            case TextDelta(more), [TextDelta(before)]:
                joined[-1] = TextDelta(before + more)
            case _:
                joined.append(event)
    return joined


def hear(text: str, size: int = 0, *, parallel: bool = True) -> Heard:
    listening = reader(parallel=parallel)
    texts: list[str] = []
    calls: list[ToolCall] = []
    for event in events_of(listening, text, size):
        match event:
            case TextDelta(said):
                texts.append(said)
            case ToolStarted(index, id_, name):
                assert index == len(calls)
                calls.append(ToolCall(id_, name, ""))
            case ToolDelta(index, arguments):
                assert index == len(calls) - 1
                calls[index] = ToolCall(calls[index].id, calls[index].name, arguments)
            case _:
                pytest.fail(f"no such event: {event}")
    return Heard("".join(texts), tuple(calls), listening.failed)


def called(heard: Heard) -> list[tuple[str, str]]:
    return [(call.name, call.arguments) for call in heard.calls]


UTC = ("now", '{"tz":"UTC"}')


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        (LIST, [UTC]),
        (GLM, [UTC]),
        (KIMI, [UTC]),
        (CALL, [("now", "{}")]),
        (f"{CALL}\n{CALL}", [("now", "{}")] * 2),
        ("<tool_call>now</tool_call>", [("now", "{}")]),
        ('<tool_calls> {"name":"now","parameters":{"tz":"UTC"}}\n</tool_calls>', [UTC]),
        (
            '<tool_call>{"function":{"name":"now","arguments":"{\\"tz\\": \\"UTC\\"}"}}</tool_call>',
            [UTC],
        ),
        ('```json\n{"function_calls":[{"name":"now","arguments":{"tz":"UTC"}}]}\n```', [UTC]),
        (
            '``` JSON \r\n\n { "function_calls" : [{"name":"now","arguments":{"tz":"UTC"}}] }\r\n\n ```` ',
            [UTC],
        ),
        ('```json\n[{"name":"now","arguments":{"tz":"UTC"}}]\n```', [UTC]),
    ],
)
def test_each_form_of_a_call_is_heard(text: str, calls: list[tuple[str, str]]) -> None:
    assert hear(text) == Heard(
        "", tuple(ToolCall(f"c{n}", *call) for n, call in enumerate(calls, 1)), 0
    )
    around = hear(f"\n Let me look.\n{text}\n")
    assert (around.text, called(around)) == ("Let me look.", calls)


def test_the_request_says_what_may_be_called() -> None:
    def ask(**more: Any) -> Heard:
        request = ChatRequest("m", (Message(Role.USER, "Hi"),), TAGS, **more)
        return read_tools(f"{LIST}\n{CALL} ", request, lambda: "c")

    both = (ToolCall("c", *UTC), ToolCall("c", "now", "{}"))
    assert ask(tools=TOOLS) == Heard("", both, 0)
    assert ask(tools=TOOLS, parallel_calls=False) == Heard("", both[:1], 0)
    assert ask(tools=TOOLS, tool_choice=ToolChoice(Choosing.NAMED, "now")) == Heard("", both, 0)
    named = ask(tools=TOOLS, tool_choice=ToolChoice(Choosing.NAMED, "add"))
    assert named == Heard(f"{LIST}\n{CALL}", (), 2)
    for nothing in ({}, {"tools": TOOLS, "tool_choice": ToolChoice(Choosing.NONE)}):
        assert ask(**nothing) == Heard(f"{LIST}\n{CALL} ", (), 0)


# -- properties ------------------------------------------------------------------------------------

ANY_TEXT = st.text(st.characters(codec=None), max_size=12)
BITS = (
    *FORMS,
    *("</tool_calls>", "</tool_call>", "<tool_", "<|tool_call_begin|>", "<|tool_call_end|>"),
    *("<|tool_call_argument_begin|>", "<|tool_calls_section_end|>", "functions.now:0", "now"),
    *("<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>", "<tools>", "</tool_result>"),
    *("```", "`", "````", "~~~", "json", "\n", " ", "```json\n", "\n```\n", "> ", "- "),
    *('"', "\\", "[", "]", "{", "}", ",", ":", '"function_calls"', '"name"', '"arguments"'),
    *('{"name":"now","arguments":{}}', '[{"name":"add","arguments":{', "}}]", "{}", "x", "<"),
)
HOSTILE = st.lists(st.sampled_from((*BITS, LIST, GLM, KIMI, CALL)) | ANY_TEXT, max_size=10).map(
    "".join
)
ARGUMENTS = st.dictionaries(
    HOSTILE,
    HOSTILE
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.lists(HOSTILE | st.dictionaries(HOSTILE, HOSTILE, max_size=2), max_size=2),
    max_size=3,
)
CALLS = st.lists(st.tuples(st.sampled_from(["now", "add"]), ARGUMENTS), min_size=1, max_size=3)
Said = Sequence[tuple[str, dict[str, Any]]]


def items(calls: Said) -> list[dict[str, Any]]:
    return [{"name": name, "arguments": arguments} for name, arguments in calls]


def written(value: object) -> str:
    """Half of all that is not ASCII as it is: a model escapes as it likes."""
    return json.dumps(value, ensure_ascii=len(str(value)) % 2 == 0)


def asked(calls: Said) -> str:
    return f"<tool_calls>{written(items(calls))}</tool_calls>"


def parameters(calls: Said) -> str:
    named = [{"name": name, "parameters": arguments} for name, arguments in calls]
    return f"<tool_calls>\n{json.dumps(named, indent=1)}\n</tool_calls>"


def functions(calls: Said) -> str:
    named = [
        {"id": "x", "type": "function", "function": {"name": name, "arguments": written(arguments)}}
        for name, arguments in calls
    ]
    return f"<tool_calls>{written(named)}</tool_calls>"


def qwen(calls: Said) -> str:
    return " \n".join(f"<tool_call>\n{written(item)}\n</tool_call>" for item in items(calls))


def kimi(calls: Said) -> str:
    inside = "\n".join(
        f"<|tool_call_begin|>functions.{name}:{number}<|tool_call_argument_begin|>"
        f"{written(arguments)}<|tool_call_end|>"
        for number, (name, arguments) in enumerate(calls)
    )
    return f"<|tool_calls_section_begin|>{inside}<|tool_calls_section_end|>"


def glm(calls: Said) -> str:
    """Keys and values that hold their own end cannot be said: here they are other ones."""

    def safe(text: str) -> str:
        return text.replace("</arg_", "</")

    return "\n".join(
        f"<tool_call>{name}\n"
        + "\n".join(
            f"<arg_key>{safe(key)}</arg_key>\n<arg_value>{safe(written(value))}</arg_value>"
            for key, value in arguments.items()
        )
        + "</tool_call>"
        for name, arguments in calls
    )


def glm_arguments(arguments: dict[str, Any]) -> dict[str, Any]:
    return {
        key.replace("</arg_", "</").strip(): json.loads(written(value).replace("</arg_", "</"))
        for key, value in arguments.items()
    }


def fenced(calls: Said) -> str:
    return f"```json\n{written({'function_calls': items(calls)})}\n```\n"


def fenced_list(calls: Said) -> str:
    return f"```JSON\n{json.dumps(items(calls), indent=2)}\n```\n"


WRITERS: tuple[Callable[[Said], str], ...] = (
    *(asked, parameters, functions, qwen, kimi, glm, fenced, fenced_list),
)
PLAIN = st.text(st.sampled_from('aé <>/|&[]{}":.\\\n'), max_size=20)


@settings(deadline=None)
@given(HOSTILE, st.integers(1, 9))
@example("```json\n[{", 1)
@example("<tool_call>now <tool_call>now</tool_call>", 3)
@example("a`<`<tool_calls", 2)
def test_a_cut_anywhere_changes_nothing(text: str, size: int) -> None:
    whole = reader()
    events = events_of(whole, text)

    for pieces in (1, size):
        cut = reader()
        assert events_of(cut, text, pieces) == events
        assert cut.failed == whole.failed


@settings(deadline=None)
@given(st.lists(st.tuples(PLAIN, CALLS, st.sampled_from(WRITERS)), min_size=1, max_size=4), PLAIN)
def test_every_call_comes_back_and_no_markup_is_left(
    said: list[tuple[str, Said, Callable[[Said], str]]], last: str
) -> None:
    text = "".join(f"{plain}\n{write(calls)}" for plain, calls, write in said) + last

    heard = hear(text, 5)

    assert [(call.name, json.loads(call.arguments)) for call in heard.calls] == [
        (name, glm_arguments(arguments) if write is glm else arguments)
        for _, calls, write in said
        for name, arguments in calls
    ]
    assert "".join(heard.text.split()) == "".join(
        "".join([plain for plain, _, _ in said] + [last]).split()
    )
    assert heard.text == heard.text.strip()
    assert heard.failed == 0


@settings(deadline=None)
@given(PLAIN, CALLS, st.sampled_from(WRITERS), st.data())
def test_cut_markup_is_text(
    plain: str, calls: Said, write: Callable[[Said], str], data: st.DataObject
) -> None:
    markup = write(calls[:1]).rstrip()
    end = data.draw(st.integers(0, len(markup) - 1))
    text = f"{plain}\n{markup[:end]}"
    if text.endswith("\n```"):  # cut or not, this fence is closed
        return

    heard = hear(text, 7)

    assert heard == Heard(text.strip(), (), heard.failed)


@settings(deadline=None)
@given(PLAIN, CALLS, st.sampled_from(WRITERS), st.sampled_from('"[]{}<>|/\\,:x'), st.data())
def test_broken_markup_is_text_or_calls_of_what_we_offered(
    plain: str,
    calls: Said,
    write: Callable[[Said], str],
    character: str,
    data: st.DataObject,
) -> None:
    markup = write(calls)
    at = data.draw(st.integers(0, len(markup) - 1))
    text = f"{plain}\n{markup[:at]}{character}{markup[at + 1 :]}"

    heard = hear(text, 7)

    assert {call.name for call in heard.calls} <= {"now", "add"}
    assert all(isinstance(json.loads(call.arguments), dict) for call in heard.calls)
    if not heard.calls:
        assert heard.text == text.strip()


@settings(deadline=None)
@given(CALLS, st.sampled_from(["python", "xml", "", "jsonc", "json5", "json {1}"]))
def test_in_code_nothing_is_a_call(calls: Said, language: str) -> None:
    markup = asked(calls)
    one_line = json.dumps(markup)  # no line end in it, as in code of a line

    for text in (
        f"So:\n```{language}\n{markup}\n```",
        f"- So:\n  ~~~ {language}\n  {markup}\n  ~~~",
        f"> ````{language}\n> {markup}\n> ````",
        f"```{language}\n{markup}",
        f"Like ```{language}\n{markup}\n  ```",
    ):
        assert hear(text + "\n\nOk.") == Heard(text + "\n\nOk.", (), 0)
    if "`" not in one_line:
        assert hear(f"So: `{one_line}`.") == Heard(f"So: `{one_line}`.", (), 0)


@settings(deadline=None)
@given(CALLS)
def test_a_fence_of_json_that_is_not_wholly_calls_is_text(calls: Said) -> None:
    inside = written(items(calls))

    for text in (
        f"```json\n{inside}\n{inside}\n```",
        f"```json\n{inside} // the calls\n```",
        f"```json\nCalls: {inside}\n```",
        f'```json\n{{"calls":{inside}}}\n```',
        f"x ```json\n{inside}\n```",
        f"<t```json\n{inside}\n```",
        f"```json\n{written([*items(calls), 1])}\n```",
        f"````json\n{inside}\n```",
    ):
        assert hear(text) == hear(text, 1) == Heard(text, (), 0)


# -- one by one ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        # mentioned
        "<tool_calls>",
        "The tag <tool_calls> begins it",
        "<tool_call> now, or <tool_call>now please",
        "<tool_calls></tool_calls> and <tool_call> </tool_call> are empty",
        "<|tool_calls_section_begin|> is Kimi's",
        "<tool_call>" + "n" * 200 + "</tool_call>",
        "<tool_call>\u00a0now</tool_call>",
        "a < b, a <t> b, <tool_callsign>, </tool_calls>, <tools>, <|x|>",
        # well-formed, and no call of ours
        '<tool_calls>[{"name":"rm","arguments":{}}]</tool_calls>',
        '<tool_calls>[{"name":"now","arguments":{}},{"name":"rm","arguments":{}}]</tool_calls>',
        "<tool_call>rm<arg_key>a</arg_key><arg_value>b</arg_value></tool_call>",
        '<tool_calls>[{"name":"now","arguments":[]}]</tool_calls>',
        '<tool_calls>[{"name":"now","arguments":"[]"}]</tool_calls>',
        '<tool_calls>[{"name":"now","arguments":"now"}]</tool_calls>',
        '<tool_calls>[{"name":"now","arguments":null}]</tool_calls>',
        '<tool_calls>[{"name":"now"}]</tool_calls>',
        '<tool_calls>[{"name":7,"arguments":{}}]</tool_calls>',
        '<tool_calls>[{"function":"now","arguments":{}}]</tool_calls>',
        '<tool_calls>["now"]</tool_calls>',
        '```json\n{"function_calls":7}\n```',
        '```json\n{"function_calls":[]}\n```',
        '```json\n{"function_calls":[{"name":"rm","arguments":{}}]}\n```',
        # in pieces
        f"functions.now:0<|tool_call_argument_begin|>{{}} {CALL}",
        f"<|tool_call_begin|>functions.now:0 {CALL}",
        f"<tool_call>now, please<arg_key>a</arg_key><arg_value>{CALL}",
        f"a</arg_key><arg_value>{CALL}</arg_value></tool_call>",
        f"<tool_call>\n<function=now>\n<parameter=a>{CALL}</parameter></function></tool_call>",
        f"<tool_call>now<arg_key>a</arg_key><arg_value>b</arg_value>. {CALL}",
        # in code
        f"``a ``` {CALL}`` b",
        f"`` {CALL}",
        # broken
        '<tool_call>{"name":"now","arguments":{"a":1e999}}</tool_call>',
        '<tool_call>{"name":"now","arguments":{"a":NaN}}</tool_call>',
        '```json\n[{"name":"now","arguments":{"a":"\n```\n"}}]\n```',
        '```json\n[{"name":"now","arguments":{"a":"\n"}}]\n```',
        "<tool_calls>[1,]</tool_calls>",
        "<tool_calls>[1}</tool_calls>",
        "<tool_calls>[NaN]</tool_calls>",
        "<tool_calls>[1e999]</tool_calls>",
        "<tool_calls>['now']</tool_calls>",
        '<tool_calls>[{"name":"now","arguments":{}}]</tool_call>',
        "<tool_calls><tool_call>now</tool_call></tool_calls>",
        "<tool_calls>" + "[" * 65 + "]" * 65 + "</tool_calls>",
        '<tool_call>{"name":"now","arguments":{}} now</tool_call>',
        "<tool_call><now/></tool_call>",
        "<tool_call>now<arg_key>a</arg_key><arg_value>b</arg_value>.</tool_call>",
        "<tool_call>now<arg_key>a</arg_key>=<arg_value>b</arg_value></tool_call>",
        KIMI.replace('{"tz":"UTC"}', '"UTC"'),
        KIMI.replace('{"tz":"UTC"}', "{tz}"),
        KIMI.replace('{"tz":"UTC"}', "{<}"),
        KIMI.replace("<|tool_call_end|>", ""),
        KIMI.replace("<|tool_calls_section_end|>", "and so on"),
        '```json\n{"function_calls":[1,]}\n```',
        '```json\n{"function_calls":["\n"]}\n```',
    ],
)
def test_what_is_no_call_is_text(text: str) -> None:
    assert hear(text).text == text
    assert hear(text, 1).calls == ()


@pytest.mark.parametrize(
    ("text", "failed"),
    [
        ("<tool_calls> is a tag", 0),
        ("<tool_ca", 0),
        ('<tool_calls>[{"na', 1),
        ("<tool_calls> ", 1),
        ("<tool_calls>[1,]</tool_calls>", 1),
        ("<tool_call>rm</tool_call><tool_call>rm</tool_call>", 2),
        ('```json\n{ "function_calls":[]}\n```', 1),
        ('```json\n{ "function_calls":[{', 1),
        ('```json\n[{"name":"rm","arguments":{}}]\n```', 0),
        ('```json\n{"a":1}\n```', 0),
        ('```json\n[{"a":1,', 0),
        ("```json", 0),
    ],
)
def test_markup_that_failed_is_counted(text: str, failed: int) -> None:
    assert hear(text).failed == failed


def test_a_model_may_say_that_it_calls_nothing() -> None:
    empty_section = "<|tool_calls_section_begin|> <|tool_calls_section_end|>"

    assert hear("No.\n<tool_calls>[]</tool_calls>") == Heard("No.", (), 0)
    assert hear(f"No.\n{empty_section}") == Heard("No.", (), 0)


def test_after_broken_markup_nothing_is_a_call() -> None:
    """It is not known where it ended: this may be an argument of it, or a quotation in one."""
    unquoted = f'<tool_calls>[{{"name":"add","arguments":{{"text":"he said "</tool_calls>{CALL}'

    assert hear(unquoted) == Heard(unquoted, (), 1)


def test_after_markup_that_is_no_call_of_ours_others_are_calls() -> None:
    text = '<tool_call>{"name":"rm","arguments":{"a":"<tool_call>now</tool_call>"}}</tool_call>'

    heard = hear(f"{text}\n{CALL}")

    assert (heard.text, called(heard), heard.failed) == (text, [("now", "{}")], 1)


def test_after_a_mention_others_are_calls() -> None:
    heard = hear(f"I write <tool_calls> now, <tool_call>\n now<tool_call>\n`{CALL}` {CALL}")

    assert heard.text == f"I write <tool_calls> now, <tool_call>\n now<tool_call>\n`{CALL}`"
    assert called(heard) == [("now", "{}")]


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("UTC", "UTC"),
        (" a\nb ", " a\nb "),
        ("7", 7),
        ('"7"', "7"),
        ("[1, {}]", [1, {}]),
        ("NaN", "NaN"),
        ("<tool_call>now</tool_call></arg_value", "<tool_call>now</tool_call></arg_value"),
        ("[" * 65 + "]" * 65, "[" * 65 + "]" * 65),
        ("[" * 9999, "[" * 9999),
        ("[" * 9999 + "]" * 9999, "[" * 9999 + "]" * 9999),
        ("12345678901234567890123", 12345678901234567890123),
        ("", ""),
    ],
)
def test_a_value_is_json_where_it_is_json(value: str, read: object) -> None:
    text = f"<tool_call>add <arg_key> n\n</arg_key><arg_value>{value}</arg_value></tool_call>"

    ((_, arguments),) = called(hear(text, 3))

    assert json.loads(arguments) == {"n": read}


@pytest.mark.parametrize(("value", "read"), [("7", "7"), ("null", "null"), ('"7"', "7")])
def test_a_value_stays_text_where_the_tool_wants_text(value: str, read: str) -> None:
    text = f"<tool_call>add<arg_key>text</arg_key><arg_value>{value}</arg_value></tool_call>"

    assert called(hear(text)) == [("add", json.dumps({"text": read}, separators=(",", ":")))]


@pytest.mark.parametrize("head", ["functions.now:0", "now:12", "now", " functions.now \n"])
def test_kimi_numbers_its_calls(head: str) -> None:
    assert called(hear(KIMI.replace("functions.now:0", head))) == [UTC]


def test_a_tool_may_be_named_like_a_number_of_a_call() -> None:
    listening = reader((Tool("functions.now:0"),))

    started, _ = events_of(listening, KIMI)

    assert started == ToolStarted(0, "c1", "functions.now:0")


def test_arguments_keep_what_other_readers_round() -> None:
    arguments = '{"id":123456789012345678901,"half":"\\ud83d","line":"a\nb"}'

    ((_, heard),) = called(hear(f'<tool_call>{{"name":"now","arguments":{arguments}}}</tool_call>'))

    assert json.loads(heard) == {"id": 123456789012345678901, "half": "\ud83d", "line": "a\nb"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (" \nHi \n ", "Hi"),
        (f"\n{CALL}\n{CALL}\n", ""),
        (f"A {CALL}\n{CALL} B ", "A  B"),
        (f"A{CALL}\n\nB{CALL}\nC", "A\n\nB\nC"),
        (f"{CALL} \n {CALL} A", "A"),
        ("\u3000A\u00a0", "A"),
    ],
)
def test_text_is_trimmed_and_blanks_between_calls_are_nobodys(text: str, said: str) -> None:
    assert hear(text).text == said
    assert hear(text, 1).text == said


def test_without_tools_the_text_is_passed_on_as_it_comes() -> None:
    listening = reader(())

    assert listening.feed(f" {CALL}") == [TextDelta(f" {CALL}")]
    assert listening.feed(" ") == [TextDelta(" ")]
    assert listening.close() == []
    assert listening.failed == 0


def test_only_the_first_call_is_one_where_they_must_not_be_parallel() -> None:
    text = f"A {LIST[:-14]},{LIST[13:]} {CALL} B"

    assert hear(text, parallel=False) == Heard("A  B", (ToolCall("c1", *UTC),), 0)
    assert len(hear(text).calls) == 3


@pytest.mark.parametrize(
    ("text", "at_once"),
    [
        ("Hi", "Hi"),
        ("Hi ", "Hi"),
        ("a <", "a"),
        ("a <b", "a <b"),
        ("a <tool_cal", "a"),
        ("a <tool_x", "a <tool_x"),
        ("a <tool_calls>\n", "a"),
        ("a <tool_calls> is", "a <tool_calls> is"),
        ("a `<tool_calls>[", "a `<tool_calls>["),
        ("<tool_calls>" + "[" * 64, ""),
        ("<tool_calls>" + "[" * 65, "<tool_calls>" + "[" * 65),
        ("```", ""),
        ("```js", ""),
        ("```jsx", "```jsx"),
        ("```py", "```py"),
        ("a ```json", "a ```json"),
        ("```json\n", ""),
        ('```json\n{"function', ""),
        ('```json\n{"func"', '```json\n{"func"'),
        ("```json\n[1", "```json\n[1"),
        ("```json\nx", "```json\nx"),
        ("```json\n[{'", "```json\n[{'"),
    ],
)
def test_text_goes_out_as_soon_as_it_cannot_be_markup(text: str, at_once: str) -> None:
    listening = reader()

    assert "".join(
        event.text for event in listening.feed(text) if isinstance(event, TextDelta)
    ) == (at_once)
    said = [event.text for event in listening.close() if isinstance(event, TextDelta)]
    assert at_once + "".join(said) == text.strip()


def test_a_call_goes_out_as_soon_as_its_markup_ends() -> None:
    listening = reader()

    assert listening.feed(CALL[:-1]) == []
    assert listening.feed(">") == [ToolStarted(0, "c1", "now"), ToolDelta(0, "{}")]


# -- limits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1000])
@pytest.mark.parametrize(("more", "calls"), [(0, 1), (1, 0)])
def test_markup_has_a_greatest_length(size: int, more: int, calls: int) -> None:
    inside = '{"name":"now","arguments":{}}'
    blanks = " " * (MARKUP_MOST - len(inside) - len("</tool_call>") + more)
    text = f"<tool_call>{inside}{blanks}</tool_call>"

    heard = hear(text, size)

    assert len(heard.calls) == calls
    assert heard.text == ("" if calls else text)


def test_an_answer_has_a_greatest_number_of_calls() -> None:
    item = '{"name":"now","arguments":{}}'
    full = f"<tool_calls>[{','.join([item] * 127)}]</tool_calls>"

    assert hear(full + LIST) == Heard("", hear(full + LIST).calls, 0)
    assert len(hear(full + LIST).calls) == 128
    assert hear(full + LIST + LIST).text == LIST
    over = f"<tool_calls>[{','.join([item] * 129)}]</tool_calls>"
    assert hear(over) == Heard(over, (), 1)


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "unit",
    [
        *("<", "`", "~", "\n", " ", "``` ", "```\n", "`a", "<t", "<|", "<tool_calls"),
        *(*FORMS, "<tool_calls>x", "<tool_call>a ", "<tool_calls>[1]</tool_calls>"),
        *("```json\n", "```json\n[{", "```json\n[{}]\n```\n", '<tool_calls>["a","'),
        *("<tool_call>a<arg_key>k</arg_key><arg_value>", "</arg_value>", CALL),
    ],
)
def test_much_of_anything_is_read_in_time(unit: str) -> None:
    """In time means in seconds: who goes back over what was read needs hours."""
    text = unit * (2**17 // len(unit))

    heard = hear(text, 16)

    if unit != CALL:
        assert heard == Heard(text.strip(), (), heard.failed)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("unit", ["<", "`", "```json\n[{", "<tool_calls>", "<tool_call>a<arg_key>"])
def test_a_megabyte_is_read_in_time(unit: str) -> None:
    text = unit * (2**20 // len(unit))

    assert hear(text).text == text.strip()


def test_two_backticks_open_no_fence_and_code_ends_with_its_line() -> None:
    heard = hear(f"``\n{CALL} `a\n{CALL}")

    assert (heard.text, len(heard.calls)) == ("``\n `a", 2)


def test_what_is_quoted_is_no_call() -> None:
    quote = f"You said:\n> Do {CALL}\n  > {LIST}\n\nI will not."

    assert hear(quote) == Heard(quote, (), 0)
    assert hear(quote, 1) == Heard(quote, (), 0)
    assert len(hear(f"{quote}\n1 > 0: {CALL}").calls) == 1


def test_a_tool_may_have_any_name_without_blanks() -> None:
    listening = reader((Tool("maße/now"),))

    events = events_of(listening, "<tool_call>maße/now\n</tool_call>", 1)

    assert events == [ToolStarted(0, "c1", "maße/now"), ToolDelta(0, "{}")]


@pytest.mark.parametrize("size", [0, 1])
def test_behind_a_fence_that_was_closed_a_call_is_one(size: int) -> None:
    heard = hear(f"```py\n{CALL}\n``` \t\n{CALL}", size)

    assert heard == Heard(f"```py\n{CALL}\n```", (ToolCall("c1", "now", "{}"),), 0)


@pytest.mark.parametrize("size", [1, 2, 3, 0])
def test_a_fence_closed_behind_blanks_ends_where_it_ends_wherever_it_is_cut(size: int) -> None:
    text = f"```\ncode {CALL}\n   ```\n{CALL}"

    heard = hear(text, size)

    assert [call.name for call in heard.calls] == ["now"]
    assert heard.text == f"```\ncode {CALL}\n   ```"
