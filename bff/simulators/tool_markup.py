"""Tool markup: how models without a tool API write their calls into plain text, and which tools a
prompt offers them. For the simulators of vendors whose tools are emulated; pure.

Not the reader of ours (dialects): this is what a model says, well or badly. Source: providers.md
§7.4.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

Call = tuple[str, str]  # a name, and the text of a JSON object
_BLOCK = re.compile(r"<tools>(.*?)</tools>", re.DOTALL)


def markup(calls: Sequence[Call], family: str = "asked") -> str:
    """*calls* as a model of that *family* writes them. Raises KeyError for a family nobody knows;
    FAMILIES are those that are known.
    """
    return FAMILIES[family](calls)


def offered(prompt_text: str) -> list[str]:
    """The names of the tools whose definitions stand in *prompt_text*, one JSON object a line
    inside `<tools>`; each once, in their order.
    """
    lines = [line for block in _BLOCK.findall(prompt_text) for line in block.splitlines()]
    names = [_name_in(line.strip()) for line in lines]
    return [name for name in dict.fromkeys(names) if name]


def _name_in(line: str) -> str:
    try:
        value = orjson.loads(line)
    except ValueError:
        return ""
    name = value.get("name") if isinstance(value, dict) else None
    return name if isinstance(name, str) else ""


def _asked(calls: Sequence[Call]) -> str:
    """What the prompt asks for."""
    return f"<tool_calls>{_dumped(_items(calls))}</tool_calls>"


def _parameters(calls: Sequence[Call]) -> str:
    items = [{"name": name, "parameters": orjson.loads(said)} for name, said in calls]
    return f"<tool_calls>{_dumped(items)}</tool_calls>"


def _function(calls: Sequence[Call]) -> str:
    items = [{"function": {"name": name, "arguments": said}} for name, said in calls]
    return f"<tool_calls>{_dumped(items)}</tool_calls>"


def _qwen(calls: Sequence[Call]) -> str:
    return "\n".join(f"<tool_call>\n{_dumped(item)}\n</tool_call>" for item in _items(calls))


def _glm(calls: Sequence[Call]) -> str:
    return "\n".join(
        f"<tool_call>{name}\n{_pairs(orjson.loads(said))}</tool_call>" for name, said in calls
    )


def _pairs(arguments: Mapping[str, Any]) -> str:
    return "".join(
        f"<arg_key>{key}</arg_key>\n<arg_value>{_plain(value)}</arg_value>\n"
        for key, value in arguments.items()
    )


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else _dumped(value)


def _kimi(calls: Sequence[Call]) -> str:
    inside = "".join(
        f"<|tool_call_begin|>functions.{name}:{number}<|tool_call_argument_begin|>"
        f"{said}<|tool_call_end|>"
        for number, (name, said) in enumerate(calls)
    )
    return f"<|tool_calls_section_begin|>{inside}<|tool_calls_section_end|>"


def _fenced(calls: Sequence[Call]) -> str:
    return f"```json\n{_dumped({'function_calls': _items(calls)})}\n```"


def _fenced_list(calls: Sequence[Call]) -> str:
    return f"```json\n{_dumped(_items(calls))}\n```"


def _cut(calls: Sequence[Call]) -> str:
    """A model that ran out of tokens in the middle of its call."""
    whole = _asked(calls)
    return whole[: (len("<tool_calls>") + len(whole) - len("</tool_calls>")) // 2]


def _broken(calls: Sequence[Call]) -> str:
    """Complete, and no JSON."""
    return _asked(calls).replace("]</tool_calls>", ",}</tool_calls>")


FAMILIES: Mapping[str, Callable[[Sequence[Call]], str]] = {
    "asked": _asked,
    "broken": _broken,
    "cut": _cut,
    "fenced": _fenced,
    "fenced-list": _fenced_list,
    "function": _function,
    "glm": _glm,
    "kimi": _kimi,
    "parameters": _parameters,
    "qwen": _qwen,
}


def _items(calls: Sequence[Call]) -> list[dict[str, Any]]:
    return [{"name": name, "arguments": orjson.loads(said)} for name, said in calls]


def _dumped(value: Any) -> str:
    return orjson.dumps(value).decode()
