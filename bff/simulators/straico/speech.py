"""What Straico's models say: they have no tool API, so that tools come in by the prompt, and calls
go out in the markup each family was trained on. Pure. Source: providers.md §5, §7.4, §10.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bff.simulators import embedded_model, tool_markup
from bff.simulators.faults import content_text, last_question, plain_question

_FAMILIES: Mapping[str, str] = {
    "moonshot": "kimi",
    "moonshotai": "kimi",
    "qwen": "qwen",
    "thudm": "glm",
    "z-ai": "glm",
    "zhipu": "glm",
}
_TURN = re.compile(r"^(?:User|Assistant): ?|^Assistant:\Z", re.MULTILINE)
_RESULT = re.compile(r"<tool_result[^>]*>(.*?)</tool_result>", re.DOTALL)
_DEFINED = "</tools>"
_MUST = "you must call"


@dataclass(frozen=True, slots=True)
class Heard:
    """All that is read of a request: the whole *text*, the last thing the user said, and how many
    turns came before that.
    """

    text: str
    question: str
    earlier: int


def hear_chat(messages: Sequence[Mapping[str, Any]]) -> Heard:
    spoken = sum(message["role"] in ("user", "assistant") for message in messages)
    whole = "\n".join(content_text(message["content"]) for message in messages)
    return Heard(whole, _without_tools(last_question(messages)), spoken - 1)


def hear_prompt(message: str) -> Heard:
    """One text, which may be a conversation's lines."""
    starts = list(_TURN.finditer(message))
    asked = [found for found in starts if found[0].startswith("User")]
    if not asked or not message.endswith("Assistant:"):
        return Heard(message, _without_tools(message), 0)
    question = message[asked[-1].end() :].removesuffix("Assistant:").strip()
    return Heard(message, _without_tools(question), max(0, len(starts) - 2))


def _without_tools(text: str) -> str:
    """The user's own words: the definitions may stand in front of them, a blank line between."""
    before, defined, after = text.partition(_DEFINED)
    return after.partition("\n\n")[2] if defined else before


def family_of(model: str) -> str:
    """Whose markup *model* writes, by its maker: `z-ai/glm-4.5` is GLM's."""
    return _FAMILIES.get(model.partition("/")[0].lower(), "asked")


def speak(heard: Heard, *, family: str) -> str:
    """The answer: to a tool's result, with calls of the tools the question names, or in words."""
    results = _RESULT.findall(heard.question)
    if results:
        return "\n".join(map(embedded_model.told, results))
    question = plain_question(heard.question)
    tools = tool_markup.offered(heard.text)
    calls = embedded_model.calls(question, tools)
    if tools and not calls and _MUST in heard.text:
        calls = [(tools[0], "{}")]
    if calls:
        return tool_markup.markup(calls, family)
    return embedded_model.answer(question, earlier=heard.earlier)
