"""Whose markup a model of Straico's writes its calls in. Source: providers.md §7.4, §10."""

from collections.abc import Mapping

_FAMILIES: Mapping[str, str] = {
    "moonshot": "kimi",
    "moonshotai": "kimi",
    "qwen": "qwen",
    "thudm": "glm",
    "z-ai": "glm",
    "zhipu": "glm",
}


def family_of(model: str) -> str:
    """By its maker: `z-ai/glm-4.5` is GLM's; who is not listed writes what it is asked for."""
    return _FAMILIES.get(model.partition("/")[0].lower(), "asked")
