"""Tools as OpenAI takes them: what it refuses, and which of them the embedded model calls. Pure.

Source: providers.md §1.
"""

import re
from collections.abc import Mapping
from typing import Any

from bff.simulators import embedded_model

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_NEED_TOOLS = ("tool_choice", "parallel_tool_calls")
_CHOICES = ("none", "auto", "required")


def wanted_calls(asked: Mapping[str, Any], question: str) -> list[tuple[str, str]]:
    """Name and arguments of each call that the answer is; none when it is text."""
    names = [tool["function"]["name"] for tool in asked.get("tools") or ()]
    choice = asked.get("tool_choice") or "auto"
    if not names or choice == "none" or asked["messages"][-1]["role"] == "tool":
        return []
    if isinstance(choice, dict):
        names = [choice["function"]["name"]]
    calls = embedded_model.calls(question, names)
    if not calls and choice != "auto":
        calls = [(names[0], "{}")]
    return calls[:1] if asked.get("parallel_tool_calls") is False else calls


def wrong_tools(asked: Mapping[str, Any]) -> tuple[str, str] | None:
    """Where the first mistake is, and what it is."""
    tools = asked.get("tools")
    if tools is None:
        alone = next((name for name in _NEED_TOOLS if asked.get(name) is not None), None)
        return None if alone is None else (alone, "is only allowed when 'tools' are specified")
    if not isinstance(tools, list) or not tools:
        return "tools", "is not a list with something in it"
    names = set()
    for index, tool in enumerate(tools):
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or tool.get("type") != "function":
            return f"tools[{index}]", "is not a function"
        name = function.get("name")
        if not isinstance(name, str) or not NAME.fullmatch(name):
            return f"tools[{index}].function.name", f"does not match {NAME.pattern}"
        if not isinstance(function.get("parameters", {}), dict):
            return f"tools[{index}].function.parameters", "is not a schema"
        names.add(name)
    return _wrong_choice(asked.get("tool_choice"), names)


def _wrong_choice(choice: object, names: set[str]) -> tuple[str, str] | None:
    if choice is None or choice in _CHOICES:
        return None
    function = choice.get("function") if isinstance(choice, dict) else None
    if isinstance(function, dict) and function.get("name") in names:
        return None
    return "tool_choice", "names none of the tools"
