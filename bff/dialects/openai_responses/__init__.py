"""OpenAI responses: the vendor half is a caller's own request passed on, their stream, response and
errors in; the face half is a caller's request in and our answer out. Refusals are shaped as those
of chat completions: dialects/openai_chat. Source: contract api-faces.md §2, providers.md §1, §6.
"""

from bff.dialects.openai_responses.asking import is_native, write_request
from bff.dialects.openai_responses.names import NAME
from bff.dialects.openai_responses.stream import StreamReader
from bff.dialects.openai_responses.whole import read_reply, read_response

__all__ = [
    "NAME",
    "StreamReader",
    "is_native",
    "read_reply",
    "read_response",
    "write_request",
]
