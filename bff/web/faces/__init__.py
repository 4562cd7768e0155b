"""The chat faces: how others may ask, each a path, a door and a dialect.

Source: contract api-faces.md, node-bff.md §3.2.
"""

from bff.web.faces import anthropic, conversations, models, openai, responses

ROUTES = (
    *conversations.ROUTES,
    *openai.ROUTES,
    *responses.ROUTES,
    *anthropic.ROUTES,
    *models.ROUTES,
)
