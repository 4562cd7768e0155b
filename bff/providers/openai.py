"""OpenAI, direct or through the gateway: its address.

Not the dialect (dialects/openai_chat). Source: providers.md §1, gateway.md §1, §2.
"""

from collections.abc import Mapping

from yarl import URL

from bff.providers._openai_words import SpeaksOpenAI
from bff.providers._vendor import Means, Road


class OpenAI(SpeaksOpenAI):
    """*roads* by way, in the order to try."""

    name = "openai"
    as_node = True

    def __init__(self, means: Means, roads: Mapping[str, Road]) -> None:
        super().__init__(means, roads)
        self._urls = {road.base: URL(f"{road.base}/chat/completions") for road in roads.values()}

    def url(self, road: Road, model: str) -> URL:
        return self._urls[road.base]
