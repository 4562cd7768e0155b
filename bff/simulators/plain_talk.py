"""The embedded model as it reads plain turns, behind vendors that have no tools of their own: what
is asked, which tools the prompt tells of, and what it answers. Pure. Source: providers.md §4, §5,
§7.4.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bff.simulators import embedded_model
from bff.simulators.faults import Fault, content_text, plain_question
from bff.simulators.tool_markup import markup, offered

_ENDS = re.compile(r"\n*Assistant:\s*\Z")
_TURN = re.compile(r"(?:\A|\n)(?:User|Assistant): ")
_RESULTS = re.compile(r"<tool_result\b[^>]*>(.*?)</tool_result>", re.DOTALL)
_BLOCK_END = "</tools>"  # what is said of tools ends with a blank line after it
_MUST = "must call"


@dataclass(frozen=True, slots=True)
class Asked:
    """*question* is what the user said last, without what the prompt says of tools; *must_call*
    is one of the things it may say. *text* is the whole of it.
    """

    question: str
    tools: tuple[str, ...] = ()
    must_call: bool = False
    results: tuple[str, ...] = ()
    earlier: int = 0  # messages before the question
    text: str = field(default="", compare=False)


def read_turns(turns: Sequence[Mapping[str, Any]]) -> Asked:
    texts = [content_text(turn["content"]) for turn in turns]
    if len(turns) == 1 and turns[0]["role"] == "user":
        return read_prompt(texts[0])
    roles = [turn["role"] for turn in turns]
    asking = [text for text, role in zip(texts, roles, strict=True) if role == "user"]
    last = asking[-1] if asking else ""
    said = sum(role in ("user", "assistant") for role in roles)
    return _asked(last, "\n\n".join(texts), max(0, said - 1))


def read_prompt(prompt: str) -> Asked:
    """One text: a lone question, or a conversation that ends with `Assistant:`."""
    if not _ENDS.search(prompt):
        return _asked(prompt, prompt, 0)
    lines = _TURN.split(_ENDS.sub("", prompt))
    return _asked(lines[-1], prompt, max(0, len(lines) - 2))


def _asked(last: str, everything: str, earlier: int) -> Asked:
    _, block, after = last.rpartition(_BLOCK_END)
    return Asked(
        text=everything,
        question=(after.partition("\n\n")[2] if block else last).strip(),
        tools=tuple(offered(everything)),
        must_call=_MUST in everything.rpartition(_BLOCK_END)[2].partition("\n\n")[0],
        results=tuple(_RESULTS.findall(last)),
        earlier=earlier,
    )


def answer(asked: Asked, fault: Fault, *, text: str | None, family: str) -> str:
    """*text*, when set, is what is answered; calls are written as *family* does."""
    if fault.words is not None:
        return embedded_model.some_words(fault.words)
    if text is not None:
        return text
    if asked.results:
        return "\n".join(embedded_model.told(result.strip()) for result in asked.results)
    question = plain_question(asked.question)
    calls = embedded_model.calls(question, asked.tools)
    if asked.tools and asked.must_call and not calls:
        calls = [(asked.tools[0], "{}")]
    if calls:
        return markup(calls, family)
    return embedded_model.answer(question, earlier=asked.earlier)
