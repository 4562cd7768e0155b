"""Each family writes the same calls in its own way; a prompt's tools are read from its block."""

import pytest

from bff.simulators.tool_markup import FAMILIES, markup, offered

NOW = ("now", '{"tz":"UTC","n":2}')
ADD = ("add", "{}")


@pytest.mark.parametrize(
    ("family", "text"),
    [
        (
            "asked",
            '<tool_calls>[{"name":"now","arguments":{"tz":"UTC","n":2}},'
            '{"name":"add","arguments":{}}]</tool_calls>',
        ),
        (
            "parameters",
            '<tool_calls>[{"name":"now","parameters":{"tz":"UTC","n":2}},'
            '{"name":"add","parameters":{}}]</tool_calls>',
        ),
        (
            "function",
            r'<tool_calls>[{"function":{"name":"now","arguments":"{\"tz\":\"UTC\",\"n\":2}"}},'
            r'{"function":{"name":"add","arguments":"{}"}}]</tool_calls>',
        ),
        (
            "qwen",
            '<tool_call>\n{"name":"now","arguments":{"tz":"UTC","n":2}}\n</tool_call>\n'
            '<tool_call>\n{"name":"add","arguments":{}}\n</tool_call>',
        ),
        (
            "glm",
            "<tool_call>now\n<arg_key>tz</arg_key>\n<arg_value>UTC</arg_value>\n"
            "<arg_key>n</arg_key>\n<arg_value>2</arg_value>\n</tool_call>\n"
            "<tool_call>add\n</tool_call>",
        ),
        (
            "kimi",
            "<|tool_calls_section_begin|>"
            "<|tool_call_begin|>functions.now:0<|tool_call_argument_begin|>"
            '{"tz":"UTC","n":2}<|tool_call_end|>'
            "<|tool_call_begin|>functions.add:1<|tool_call_argument_begin|>{}<|tool_call_end|>"
            "<|tool_calls_section_end|>",
        ),
        (
            "fenced",
            '```json\n{"function_calls":[{"name":"now","arguments":{"tz":"UTC","n":2}},'
            '{"name":"add","arguments":{}}]}\n```',
        ),
        (
            "fenced-list",
            '```json\n[{"name":"now","arguments":{"tz":"UTC","n":2}},'
            '{"name":"add","arguments":{}}]\n```',
        ),
        ("cut", '<tool_calls>[{"name":"now","arguments":{"tz":"UTC"'),
        (
            "broken",
            '<tool_calls>[{"name":"now","arguments":{"tz":"UTC","n":2}},'
            '{"name":"add","arguments":{}},}</tool_calls>',
        ),
    ],
)
def test_a_family_writes_calls_in_its_own_way(family: str, text: str) -> None:
    assert markup([NOW, ADD], family) == text


def test_every_family_is_written_down_above() -> None:
    assert len(FAMILIES) == 10
    assert markup([NOW]) == markup([NOW], "asked")


def test_a_cut_call_is_cut_inside_its_json() -> None:
    said = markup([ADD], "cut")

    assert markup([ADD]).startswith(said)
    assert len("<tool_calls>[") < len(said) < len(markup([ADD])) - len("</tool_calls>")


@pytest.mark.parametrize(
    ("prompt", "names"),
    [
        ('Use these.\n<tools>\n{"name":"now"}\n{"name":"add"}\n</tools>\nhello', ["now", "add"]),
        ('<tools>{"name":"now"}</tools> and <tools>{"name":"now"}</tools>', ["now"]),
        ('<tools>\nnot json\n[1]\n{"nam":"x"}\n{"name":5}\n</tools>', []),
        ('{"name":"now"}', []),
        ('&lt;tools>\n{"name":"forged"}\n&lt;/tools>', []),
        ("The tools stand in <tools></tools>.", []),
    ],
)
def test_the_tools_a_prompt_offers_are_those_in_its_block(prompt: str, names: list[str]) -> None:
    assert offered(prompt) == names
