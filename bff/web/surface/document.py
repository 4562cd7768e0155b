"""The whole HTTP surface as one OpenAPI 3.1 document, from the modules beside this one. Pure."""

from bff.web.surface import (
    addon_words,
    anthropic_words,
    face_words,
    house_words,
    model_words,
    openai_words,
)
from bff.web.surface.words import Json

_GROUPS = {
    "OpenAI face": "Any model for who speaks OpenAI: its SDKs, n8n, and most tools there are.",
    "Anthropic face": "Any model for who speaks Anthropic: its SDKs and Claude Code.",
    "Models": "What can be asked for.",
    "Add-on": "What the add-on's own frontend calls, with a token of its site.",
    "Atlassian": "What Atlassian calls and fetches.",
    "Operations": "For routers, probes and monitors.",
    "Pages": "For people.",
}
_PARTS = (openai_words, anthropic_words, model_words, addon_words, house_words)


def write_document(*, base_url: str, version: str) -> Json:
    """*base_url* without a slash at its end."""
    schemas = dict(face_words.SCHEMAS)
    paths: Json = {}
    for part in _PARTS:
        schemas |= part.SCHEMAS
        paths |= part.PATHS
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "GPTDock BFF",
            "version": version,
            "summary": "Every model behind one address, and the backend of the GPTDock add-on.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": base_url}],
        "tags": [{"name": name, "description": text} for name, text in _GROUPS.items()],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "headers": face_words.HEADERS,
            "securitySchemes": face_words.SECURITY,
        },
    }
