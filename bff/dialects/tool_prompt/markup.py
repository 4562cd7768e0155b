"""Our markup and that of the families of models we know: its tags, and how content is kept from
looking like it. Source: contract providers.md §7.4.
"""

import re
from html import escape
from typing import Any

from bff.dialects.json_text import write_utf8

CALLS, CALLS_END = "<tool_calls>", "</tool_calls>"  # ours: a list of calls
CALL, CALL_END = "<tool_call>", "</tool_call>"  # Qwen: one call in JSON; GLM: name, keys, values
KEY, KEY_END = "<arg_key>", "</arg_key>"
VALUE, VALUE_END = "<arg_value>", "</arg_value>"
SECTION, SECTION_END = "<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"  # Kimi
BEGIN, ARGUMENTS, END = (
    "<|tool_call_begin|>",
    "<|tool_call_argument_begin|>",
    "<|tool_call_end|>",
)
TOOLS, TOOLS_END = "<tools>", "</tools>"  # what a model may call
RESULT_END = "</tool_result>"

# A model may well take `< /Tool_Calls` for the tag it looks like, whatever stands in it that is no
# letter: blanks, bars, and all that cannot be seen.
_OURS = re.compile(r"<(?=[^\w<>]*tool(?:s\b|_))", re.IGNORECASE)


def defuse(text: str) -> str:
    """*text* in which nothing looks like a tag of tools, opening or closing."""
    return _OURS.sub("&lt;", text)


def write_inside(value: Any) -> str:
    r"""*value* as a line of JSON without any `<`: inside strings it is `\u003c`, elsewhere JSON has
    none.
    """
    return write_utf8(value).decode().replace("<", "\\u003c")


def result_tag(call_id: str, name: str, *, is_error: bool) -> str:
    error = ' is_error="true"' if is_error else ""
    return f'<tool_result id="{_attribute(call_id)}" name="{_attribute(name)}"{error}>'


def _attribute(value: str) -> str:
    return escape(" ".join(value.split()))
