"""What Straico refuses, before it answers. Pure. Source: providers.md §5, §10; words are ours."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_CHAT = frozenset({"model", "messages", "temperature", "max_tokens"})
_PROMPT = frozenset(
    {
        "models",
        "smart_llm_selector",
        "message",
        "file_urls",
        "images",
        "youtube_urls",
        "display_transcripts",
        "replace_failed_models",
        "temperature",
        "max_tokens",
    }
)
_ROLES = frozenset({"system", "user", "assistant"})
_MOST = 4  # models, and addresses of each sort
_LISTS = ("file_urls", "images", "youtube_urls")


@dataclass(eq=False)
class Refusal(Exception):  # noqa: N818 - what Straico calls an error is a refusal to us
    status: int
    message: str


def check_key(authorization: str | None, keys: frozenset[str] | None) -> None:
    """*keys*: those that open; None: every key but `bad-key`."""
    scheme, _, key = (authorization or "").partition(" ")
    key = key.strip()
    known = key not in ("", "bad-key") if keys is None else key in keys
    if scheme.lower() != "bearer" or not known:
        raise Refusal(401, "Unauthorized: invalid API key")


def check_chat(asked: object, *, strict: bool) -> Mapping[str, Any]:
    """The body of a chat. *strict*: what is not available is refused, and not ignored."""
    body = _check_body(asked, _CHAT, strict=strict)
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise _invalid("model", "is required")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise _invalid("messages", "must be a list that is not empty")
    for number, message in enumerate(messages):
        _check_message(message, f"messages[{number}]", strict=strict)
    return body


def check_prompt(asked: object, *, strict: bool) -> Mapping[str, Any]:
    """The body of a prompt. *strict* as above."""
    body = _check_body(asked, _PROMPT, strict=strict)
    _check_models(body)
    if not isinstance(body.get("message"), str) or not body["message"]:
        raise _invalid("message", "is required")
    for name in _LISTS:
        _check_addresses(body.get(name, []), name)
    return body


def _check_body(asked: object, known: Iterable[str], *, strict: bool) -> Mapping[str, Any]:
    if not isinstance(asked, dict):
        raise Refusal(422, "The body must be a JSON object")
    other = next((name for name in asked if name not in known), None)
    if strict and other is not None:
        raise _invalid(other, "is not available")
    temperature, limit = asked.get("temperature", 1), asked.get("max_tokens", 1)
    if not _is_number(temperature) or not 0 <= temperature <= 2:
        raise _invalid("temperature", "must be a number from 0 to 2")
    if not _is_number(limit) or limit < 1 or limit != int(limit):
        raise _invalid("max_tokens", "must be a whole number of at least 1")
    return asked


def _check_models(body: Mapping[str, Any]) -> None:
    models = body.get("models", ())
    if not models and isinstance(body.get("smart_llm_selector"), dict):
        return
    if not _are_texts(models) or not 1 <= len(models) <= _MOST:
        raise _invalid("models", f"must be a list of 1 to {_MOST} names")


def _check_addresses(addresses: Any, name: str) -> None:
    if not _are_texts(addresses) or len(addresses) > _MOST:
        raise _invalid(name, f"must be a list of at most {_MOST} addresses")
    if any(not address.startswith("https://") for address in addresses):
        raise _invalid(name, "must hold https addresses only")


def _check_message(message: object, at: str, *, strict: bool) -> None:
    if not isinstance(message, dict) or message.get("role") not in _ROLES:
        raise _invalid(f"{at}.role", f"must be one of {', '.join(sorted(_ROLES))}")
    if strict and set(message) - {"role", "content"}:
        raise _invalid(at, "has a field that is not available")
    content = message.get("content")
    if isinstance(content, list) and content:
        for number, part in enumerate(content):
            _check_part(part, f"{at}.content[{number}]")
    elif not isinstance(content, str):
        raise _invalid(f"{at}.content", "must be a text, or parts")


def _check_part(part: object, at: str) -> None:
    match part:
        case {"type": "text", "text": str()}:
            return
        case {"type": "image_url", "image_url": {"url": str() as url}}:
            if not url.startswith("https://"):
                raise _invalid(at, "must be an https address")
        case _:
            raise _invalid(at, "must be a text or an image_url")


def _are_texts(value: Any) -> bool:
    return isinstance(value, Sequence) and all(isinstance(text, str) and text for text in value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _invalid(at: str, what: str) -> Refusal:
    return Refusal(422, f"Validation failed: {at} {what}")
