"""Whatever the history, it becomes one that Anthropic takes, and nothing that was said is lost."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.chat.request import (
    ChatRequest,
    Document,
    Foreign,
    Image,
    Message,
    Part,
    Role,
    Tags,
    Text,
    Thinking,
    Tool,
    ToolCall,
)
from bff.chat.traits import Traits
from bff.dialects.anthropic_messages import NAME, write_request
from bff.dialects.anthropic_messages.labels import CallIds
from bff.errors import Kind, Problem
from bff.simulators.anthropic.checks import check_parameters
from bff.simulators.anthropic.turn_checks import check_turns

TAGS = Tags("bff", "t:1", "u:1", "-", "req_1")
MODEL = "claude-sonnet-4-5"
MARK = {"type": "ephemeral"}
USER, ASSISTANT, SYSTEM, TOOL = Role.USER, Role.ASSISTANT, Role.SYSTEM, Role.TOOL


def written(*messages: Message, **more: Any) -> dict[str, Any]:
    request = ChatRequest("m", messages, TAGS, **more)
    body: dict[str, Any] = orjson.loads(write_request(request, model=MODEL, traits=Traits()).body)
    return body


def turns(*messages: Message) -> list[tuple[str, Any]]:
    return [(turn["role"], turn["content"]) for turn in written(*messages)["messages"]]


def text(said: str) -> dict[str, str]:
    return {"type": "text", "text": said}


def use(id_: str, name: str = "now", **told: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id_, "name": name, "input": told}


def result(id_: str, content: Any = None, **more: Any) -> dict[str, Any]:
    said = {} if content is None else {"content": content}
    return {"type": "tool_result", "tool_use_id": id_, **said, **more}


def call(id_: str, name: str = "now", arguments: str = "{}") -> ToolCall:
    return ToolCall(id_, name, arguments)


HI = Message(USER, "hi")


# -- roles -----------------------------------------------------------------------------------------


def test_what_the_system_says_first_stands_beside_the_turns() -> None:
    body = written(Message(SYSTEM, "one"), Message(SYSTEM, (Text("two"),)), HI)

    assert body["system"] == "one\n\ntwo"
    assert body["messages"] == [{"role": "user", "content": "hi"}]


def test_a_system_in_blocks_stays_in_blocks_with_its_marks() -> None:
    body = written(Message(SYSTEM, (Text("one"), Text("two", MARK))), Message(SYSTEM, "three"), HI)

    assert body["system"] == [text("one"), {**text("two"), "cache_control": MARK}, text("three")]


def test_what_the_system_says_later_is_told_by_the_user() -> None:
    assert turns(HI, Message(SYSTEM, (Text("be"), Text("brief")))) == [
        ("user", [text("hi"), text("<system>\nbe\nbrief\n</system>")])
    ]


def test_a_picture_from_the_system_is_refused() -> None:
    with pytest.raises(Problem) as caught:
        written(HI, Message(SYSTEM, (Image("https://example.com/x.png"),)))

    assert (caught.value.kind, caught.value.at) == (Kind.BAD_REQUEST, "messages[1].content")


def test_neighbours_of_one_role_are_one_turn() -> None:
    said = (HI, Message(USER, "there"), Message(ASSISTANT, "a"), Message(ASSISTANT, "b"), HI)

    assert turns(*said) == [
        ("user", [text("hi"), text("there")]),
        ("assistant", [text("a"), text("b")]),
        ("user", "hi"),
    ]


def test_an_assistant_who_speaks_first_is_quoted_in_the_system() -> None:
    body = written(Message(SYSTEM, "be brief"), Message(ASSISTANT, "Welcome!"), HI)

    assert body["system"].startswith("be brief\n\nAn earlier message of the assistant")
    assert body["system"].endswith("\nWelcome!")
    assert body["messages"] == [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize("blank", ["", " \n", (), (Text(" "),), (Thinking("hm"),)])
def test_a_turn_without_anything_in_it_is_left_out(blank: Any) -> None:
    assert turns(HI, Message(ASSISTANT, blank), Message(USER, blank), HI) == [
        ("user", [text("hi"), text("hi")])
    ]


def test_an_answer_that_has_begun_does_not_end_with_a_blank() -> None:
    assert turns(HI, Message(ASSISTANT, "It is \n")) == [("user", "hi"), ("assistant", "It is")]
    assert turns(HI, Message(ASSISTANT, "It is "), HI)[1] == ("assistant", "It is ")


def test_who_says_nothing_else_asks_with_the_systems_words() -> None:
    body = written(Message(SYSTEM, "say hi"), Message(USER, ""))

    assert body["messages"] == [{"role": "user", "content": "say hi"}]
    assert "system" not in body


def test_where_there_is_nothing_at_all_nothing_is_asked() -> None:
    with pytest.raises(Problem) as caught:
        written(Message(USER, ""))

    assert (caught.value.kind, caught.value.at) == (Kind.BAD_REQUEST, "messages")


# -- calls -----------------------------------------------------------------------------------------


def test_results_stand_first_in_the_turn_behind_their_calls() -> None:
    said = (
        HI,
        Message(ASSISTANT, "Wait.", calls=(call("a", arguments='{"tz":"UTC"}'), call("b"))),
        Message(TOOL, "noon", answers="a"),
        Message(SYSTEM, "hurry"),
        Message(TOOL, "", answers="b", is_error=True),
        Message(USER, "well?"),
    )

    assert turns(*said)[1:] == [
        ("assistant", [text("Wait."), use("a", tz="UTC"), use("b")]),
        (
            "user",
            [
                result("a", "noon"),
                result("b", is_error=True),
                text("<system>\nhurry\n</system>"),
                text("well?"),
            ],
        ),
    ]


def test_a_call_without_a_result_gets_one_that_says_so() -> None:
    missing = result("a", "There is no result of this call.", is_error=True)
    asked = Message(ASSISTANT, "", calls=(call("a"),))

    assert turns(HI, asked)[1:] == [("assistant", [use("a")]), ("user", [missing])]
    assert turns(HI, asked, HI)[2] == ("user", [missing, text("hi")])


def test_a_result_that_nobody_asked_for_is_what_the_user_says() -> None:
    assert turns(HI, Message(TOOL, "noon", answers="a")) == [("user", [text("hi"), text("noon")])]


def test_calls_stand_behind_the_text_of_merged_turns() -> None:
    said = (HI, Message(ASSISTANT, "", calls=(call("a"),)), Message(ASSISTANT, "b"))

    assert turns(*said, Message(TOOL, "1", answers="a"))[1:] == [
        ("assistant", [text("b"), use("a")]),
        ("user", [result("a", "1")]),
    ]


def test_a_first_assistants_calls_are_left_out_and_their_results_kept() -> None:
    said = (Message(ASSISTANT, "", calls=(call("a"),)), Message(TOOL, "noon", answers="a"))

    assert turns(*said) == [("user", "noon")]


def test_ids_and_names_are_made_such_as_are_taken() -> None:
    said = (
        HI,
        Message(ASSISTANT, "", calls=(call("a.b", "time.now"), call("a_b", "time_now"))),
        Message(TOOL, "1", answers="a_b"),
        Message(TOOL, "2", answers="a.b"),
    )
    body = written(*said, tools=(Tool("time.now"), Tool("time_now"), Tool("ä" * 130)))

    called, told = body["messages"][1]["content"], body["messages"][2]["content"]
    assert called == [use("a_b", "time_now_2"), use("a_b_2", "time_now")]
    assert told == [result("a_b_2", "1"), result("a_b", "2")]
    assert [tool["name"] for tool in body["tools"]] == ["time_now_2", "time_now", "_" * 128]


def test_a_client_that_counts_its_calls_anew_in_each_turn_is_understood() -> None:
    turn = (Message(ASSISTANT, "", calls=(call("1"),)), Message(TOOL, "x", answers="1"))

    told = turns(HI, *turn, *turn)

    assert [content[0].get("id") for _, content in told[1::2]] == ["1", "1_2"]
    assert [content[0].get("tool_use_id") for _, content in told[2::2]] == ["1", "1_2"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("", {}),
        (" ", {}),
        ('{"a":1}', {"a": 1}),
        ('{"a":', {"arguments": '{"a":'}),
        ("[1]", {"arguments": [1]}),
    ],
)
def test_arguments_are_an_object_whatever_the_model_wrote(arguments: str, told: Any) -> None:
    said = turns(HI, Message(ASSISTANT, "", calls=(call("a", arguments=arguments),)))

    assert said[1][1][0]["input"] == told


# -- parts -----------------------------------------------------------------------------------------


def test_parts_are_blocks() -> None:
    parts = (
        Text("see"),
        Text("this", MARK),
        Image("data:image/JPG;base64,QUJD"),
        Image("https://example.com/x.png", "high"),
        Document("data:application/pdf;base64,QUJD", "x.pdf"),
        Document("data:application/pdf;base64,QUJD"),
        Foreign(NAME, {"type": "search_result", "source": "x"}),
    )
    picture = {"type": "base64", "media_type": "image/jpeg", "data": "QUJD"}
    pdf = {"type": "base64", "media_type": "application/pdf", "data": "QUJD"}

    assert turns(Message(USER, parts))[0][1] == [
        text("see"),
        {**text("this"), "cache_control": MARK},
        {"type": "image", "source": picture},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/x.png"}},
        {"type": "document", "source": pdf, "title": "x.pdf"},
        {"type": "document", "source": pdf},
        {"type": "search_result", "source": "x"},
    ]


@pytest.mark.parametrize(
    "part",
    [
        Image("http://example.com/x.png"),
        Image("data:image/png,QUJD"),
        Image("data:image/svg+xml;base64,QUJD"),
        Document("data:text/plain;base64,QUJD"),
        Document("https://example.com/x.pdf"),
        Foreign("openai_chat", {"type": "input_audio"}),
    ],
)
def test_what_anthropic_has_no_words_for_is_refused_by_its_place(part: Part) -> None:
    with pytest.raises(Problem) as caught:
        written(HI, Message(USER, (Text("see"), part)))

    assert (caught.value.kind, caught.value.at) == (Kind.BAD_REQUEST, "messages[1].content[1]")


def test_a_picture_stays_inside_its_result() -> None:
    picture = Image("https://example.com/x.png")
    said = (
        HI,
        Message(ASSISTANT, "", calls=(call("a"),)),
        Message(TOOL, (Text("look"), picture), answers="a"),
    )

    assert turns(*said)[2][1][0]["content"] == [
        text("look"),
        {"type": "image", "source": {"type": "url", "url": "https://example.com/x.png"}},
    ]


def test_a_signed_thought_goes_back_and_no_other() -> None:
    thoughts = (Thinking("mine", "sig"), Thinking("another's"), Text("Hm."), Thinking("end", "s"))
    said = turns(HI, Message(ASSISTANT, thoughts), Message(USER, (Thinking("x", "s"), Text("y"))))

    mine = {"type": "thinking", "thinking": "mine", "signature": "sig"}
    assert said[1:] == [("assistant", [mine, text("Hm.")]), ("user", "y")]


def test_a_thought_before_a_call_stays_before_it() -> None:
    thought = Message(ASSISTANT, (Thinking("mine", "sig"),), calls=(call("a"),))

    assert [block["type"] for block in turns(HI, thought)[1][1]] == ["thinking", "tool_use"]


# -- turns in Anthropic's own words ----------------------------------------------------------------


def own(role: str, content: Any) -> Message:
    return Message(Role(role), "read", original=Foreign(NAME, {"role": role, "content": content}))


def test_a_turn_in_anthropics_own_words_is_sent_as_it_is() -> None:
    odd = {"type": "redacted_thinking", "data": "x"}
    body = written(
        own("system", "be brief"),
        own("user", "hi"),
        own("assistant", [odd, use("x.1")]),
        Message(TOOL, "noon", answers="x.1"),
        Message(ASSISTANT, "", calls=(call("x_1"),)),
        own("user", [result("x_1", "late")]),
        own("system", "and kind"),
    )

    assert body["system"] == "be brief"
    assert body["messages"] == [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [odd, use("x.1")]},
        {"role": "user", "content": [result("x.1", "noon")]},
        {"role": "assistant", "content": [use("x_1")]},
        {"role": "user", "content": [result("x_1", "late"), text("and kind")]},
    ]


def test_a_first_assistant_in_its_own_words_is_quoted_too() -> None:
    body = written(own("assistant", [text("Welcome!"), use("a")]), own("user", "hi"))

    assert body["system"].endswith("\nWelcome!")
    assert body["messages"] == [{"role": "user", "content": "hi"}]


def test_a_turn_in_another_dialects_words_is_read() -> None:
    turn = Message(USER, "hi", original=Foreign("openai_chat", {"role": "user", "content": "no"}))

    assert turns(turn) == [("user", "hi")]


# -- any of them -----------------------------------------------------------------------------------

WORDS = st.sampled_from(["", " ", "one", "two \n", "<system>"])
IDS = st.sampled_from(["a", "b.c", "b_c", "", "é" * 80])
PARTS = st.one_of(
    st.builds(Text, WORDS, st.sampled_from([None, MARK])),
    st.builds(Thinking, WORDS, st.sampled_from(["", "sig"])),
)
CONTENT = st.one_of(WORDS, st.lists(PARTS, max_size=3).map(tuple))
CALLS = st.lists(st.builds(ToolCall, IDS, IDS, st.sampled_from(["", "{}", "x"])), max_size=3)
MESSAGES = st.one_of(
    st.builds(Message, st.sampled_from([SYSTEM, USER]), CONTENT),
    st.builds(Message, st.just(ASSISTANT), CONTENT, calls=CALLS.map(tuple)),
    st.builds(Message, st.just(TOOL), CONTENT, answers=IDS, is_error=st.booleans()),
)


@given(st.lists(MESSAGES, max_size=12), st.integers(0, 12), st.booleans())
def test_any_conversation_is_one_that_anthropic_takes(
    said: list[Message], place: int, tools: bool
) -> None:
    said.insert(place, Message(USER, "so?"))
    parts = [part for message in said for part in message.content]
    marks = sum(isinstance(part, Text) and part.cache_control is not None for part in parts)

    body = written(*said, tools=(Tool("b.c"), Tool("b_c")) if tools else ())

    check_parameters(body, version="2023-06-01", models=None)
    if marks <= 4:
        check_turns(body, version="2023-06-01", tools_needed=True)
    shown = orjson.dumps(body).decode()
    for message in said:
        if isinstance(message.content, str):
            assert message.content.strip() in shown


@pytest.mark.parametrize("name", ["c", "c" * 200])
def test_thousands_of_calls_under_one_id_are_labelled_in_time(name: str) -> None:
    ids = CallIds(())

    labels = [ids.call(name) for _ in range(20_000)]

    assert len(set(labels)) == len(labels)
    assert max(map(len, labels)) <= 128


@pytest.mark.parametrize("depth", range(100, 1030, 10))
def test_arguments_nested_too_deeply_are_told_as_the_text_they_are(depth: int) -> None:
    deep = '{"a":' + "[" * depth + "]" * depth + "}"
    call = ToolCall("c", "n", deep)

    body = written(Message(USER, "hi"), Message(ASSISTANT, "", calls=(call,)))

    [told] = [block for turn in body["messages"] for block in turn["content"] if "input" in block]
    assert told["input"] in ({"arguments": deep}, orjson.loads(deep) if depth < 1000 else None)


@pytest.mark.parametrize(
    ("message", "place"),
    [
        (Message(ASSISTANT, (Text("see"), Image("https://example.org/a.png"))), "[1]"),
        (Message(USER, (Image("data:image/png;base64,"),)), "[0]"),
    ],
)
def test_a_picture_that_anthropic_would_refuse_is_refused_at_its_place(
    message: Message, place: str
) -> None:
    with pytest.raises(Problem) as refused:
        written(Message(USER, "hi"), message)

    assert (refused.value.kind, refused.value.at) == (
        Kind.BAD_REQUEST,
        f"messages[1].content{place}",
    )
