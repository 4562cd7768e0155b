"""What Anthropic refuses in a conversation: roles, blocks, and calls without their results. Pure.

Source: providers.md §2, §10; sentences as seen, where seen.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bff.simulators.anthropic.checks import NAME, NEWEST, Refusal, refused

_BLOCKS: Mapping[str, frozenset[str]] = {
    "user": frozenset({"document", "image", "search_result", "text", "tool_result"}),
    "assistant": frozenset(
        {
            "document",
            "redacted_thinking",
            "server_tool_use",
            "text",
            "thinking",
            "tool_use",
            "web_search_tool_result",
        }
    ),
}
_THOUGHTS = ("thinking", "redacted_thinking")
_PICTURES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_MOST_MARKED = 4


def check_turns(asked: Mapping[str, Any], *, version: str, tools_needed: bool) -> None:
    """Raises the first Refusal there is. *tools_needed*: a history with calls needs the tools."""
    _check_system(asked.get("system"))
    messages = asked.get("messages")
    if not isinstance(messages, list) or not messages:
        raise refused("messages", "at least one message is required")
    for index, turn in enumerate(messages):
        last = index == len(messages) - 1
        _check_turn(turn, f"messages.{index}", version=version, last=last)
    if messages[0]["role"] != "user":
        raise refused("messages", 'first message must use the "user" role')
    turns = merged(messages)
    _check_pairs(turns)
    _check_ending(turns[-1])
    calls = any(b["type"] in ("tool_use", "tool_result") for turn in turns for b in turn[1])
    if tools_needed and calls and not asked.get("tools"):
        raise Refusal(400, "Requests which include `tool_use` blocks must define tools.")
    marked = count_marks(asked)
    if marked > _MOST_MARKED:
        raise Refusal(400, f"A maximum of 4 blocks with cache_control may be set. Found {marked}.")


def blocks_of(content: object) -> list[Mapping[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return list(content) if isinstance(content, list) else []


def merged(messages: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Neighbours of one role are one turn."""
    turns: list[tuple[str, list[Mapping[str, Any]]]] = []
    for message in messages:
        if not turns or turns[-1][0] != message["role"]:
            turns.append((message["role"], []))
        turns[-1][1].extend(blocks_of(message["content"]))
    return turns


def count_marks(value: object) -> int:
    """How often caching is asked for."""
    if isinstance(value, list):
        return sum(map(count_marks, value))
    if not isinstance(value, dict):
        return 0
    own = isinstance(value.get("cache_control"), dict)
    return own + sum(count_marks(inner) for name, inner in value.items() if name != "input")


def _check_system(system: object) -> None:
    if system is None or isinstance(system, str):
        return
    if not isinstance(system, list):
        raise refused("system", "Input should be a valid list")
    for index, block in enumerate(system):
        if not isinstance(block, dict) or block.get("type") != "text":
            raise refused(f"system.{index}.type", "Input should be 'text'")
        _check_text(block, "system")


def _check_turn(turn: object, at: str, *, version: str, last: bool) -> None:
    if not isinstance(turn, dict) or turn.keys() - {"role", "content"}:
        raise refused(at, "Extra inputs are not permitted")
    role, content = turn.get("role"), turn.get("content")
    if not isinstance(role, str) or role not in _BLOCKS:
        raise refused(f"{at}.role", "Input should be 'user' or 'assistant'")
    if not isinstance(content, str | list):
        raise refused(f"{at}.content", "Input should be a valid list")
    if not content and not (last and role == "assistant"):
        raise refused(at, "all messages must have non-empty content")
    for index, block in enumerate(blocks_of(content)):
        here = f"{at}.content.{index}"
        type_ = block.get("type") if isinstance(block, dict) else None
        if type_ not in _BLOCKS[role]:
            raise refused(here, "Input tag does not match any of the expected tags")
        if version == NEWEST:
            _check_newest(role, block, here)
        _check_block(block, here)


def _check_newest(role: str, block: Mapping[str, Any], at: str) -> None:
    if role == "assistant" and block["type"] == "document":
        raise refused(at, "document blocks are not permitted in assistant messages")
    if role == "user" and block.get("citations"):
        raise refused(f"{at}.citations", "citations are not permitted in user messages")


def _check_block(block: Mapping[str, Any], at: str) -> None:
    match block["type"]:
        case "text":
            _check_text(block, "messages")
        case "image":
            _check_source(block.get("source"), at, _PICTURES)
        case "document":
            _check_source(block.get("source"), at, ("application/pdf", "text/plain"))
        case "thinking":
            if not block.get("signature") or block["signature"] == "bad-signature":
                raise refused(at, "Invalid `signature` in `thinking` block")
        case "tool_use":
            _check_call(block, at)
        case "tool_result":
            _check_result(block, at)


def _check_text(block: Mapping[str, Any], at: str) -> None:
    text = block.get("text")
    if not isinstance(text, str) or not text:
        raise refused(at, "text content blocks must be non-empty")
    if not text.strip():
        raise refused(at, "text content blocks must contain non-whitespace text")


def _check_source(source: object, at: str, kinds: Sequence[str]) -> None:
    if not isinstance(source, dict):
        raise refused(f"{at}.source", "Field required")
    match source.get("type"):
        case "base64" | "text":
            if source.get("media_type") not in kinds:
                raise refused(f"{at}.source.media_type", f"Input should be {' or '.join(kinds)}")
            if not source.get("data"):
                raise refused(f"{at}.source.data", "Field required")
        case "url":
            if not str(source.get("url")).startswith("https://"):
                raise refused(f"{at}.source.url", "Only HTTPS URLs are supported.")
        case "file":
            return
        case _:
            raise refused(f"{at}.source", "Input tag does not match any of the expected tags")


def _check_call(block: Mapping[str, Any], at: str) -> None:
    for field in ("id", "name"):
        value = block.get(field)
        if not isinstance(value, str) or not NAME.fullmatch(value):
            raise refused(f"{at}.tool_use.{field}", f"String should match '^{NAME.pattern}$'")
    if not isinstance(block.get("input"), dict):
        raise refused(f"{at}.tool_use.input", "Input should be a valid dictionary")


def _check_result(block: Mapping[str, Any], at: str) -> None:
    if not isinstance(block.get("tool_use_id"), str):
        raise refused(f"{at}.tool_result.tool_use_id", "Field required")
    content = block.get("content", "")
    if isinstance(content, list):
        for index, inner in enumerate(content):
            if inner.get("type") not in ("document", "image", "search_result", "text"):
                raise refused(f"{at}.tool_result.content.{index}", "Input tag does not match")
            _check_block(inner, f"{at}.tool_result.content.{index}")


def _check_pairs(turns: Sequence[tuple[str, list[Mapping[str, Any]]]]) -> None:
    """Each call has its result in the next turn, first of all; each result answers such a call."""
    seen: set[str] = set()
    waiting: list[str] = []
    for index, (role, blocks) in enumerate(turns):
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        missing = [id_ for id_ in waiting if id_ not in results]
        if missing:
            raise refused(
                f"messages.{index - 1}",
                "`tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{', '.join(missing)}.",
            )
        _check_results(index, blocks, results, waiting)
        waiting = [block["id"] for block in blocks if block["type"] == "tool_use"]
        if len(set(waiting)) < len(waiting) or seen & set(waiting):
            raise refused(f"messages.{index}", "`tool_use` ids must be unique")
        seen |= set(waiting)
        if role == "user" and waiting:
            raise refused(f"messages.{index}", "`tool_use` blocks can only be in assistant turns")
    if waiting:
        raise refused(
            f"messages.{len(turns) - 1}",
            "`tool_use` ids were found without `tool_result` blocks immediately after.",
        )


def _check_results(
    index: int, blocks: list[Mapping[str, Any]], results: list[str], waiting: list[str]
) -> None:
    if any(id_ not in waiting for id_ in results) or len(set(results)) < len(results):
        raise refused(f"messages.{index}", "unexpected `tool_use_id` found in `tool_result` blocks")
    if any(block["type"] != "tool_result" for block in blocks[: len(results)]):
        raise refused(f"messages.{index}", "`tool_result` blocks must come first")


def _check_ending(turn: tuple[str, list[Mapping[str, Any]]]) -> None:
    role, blocks = turn
    if role != "assistant" or not blocks:
        return
    if blocks[-1]["type"] in _THOUGHTS:
        raise refused("messages", "the final block in an assistant message cannot be `thinking`.")
    text = blocks[-1].get("text", "")
    if text != text.rstrip():
        raise refused("messages", "final assistant content cannot end with trailing whitespace")
