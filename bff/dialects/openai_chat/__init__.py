"""OpenAI chat completions: the vendor half is our request out, their stream, completion and errors
in; the face half is a caller's request in and our answer out. Source: contract providers.md §1, §6,
§7; api-faces.md §2.
"""

from bff.dialects.openai_chat.asking import LIMITS, write_request
from bff.dialects.openai_chat.names import NAME
from bff.dialects.openai_chat.refusals import (
    not_an_answer,
    not_set_up,
    read_code,
    read_error_object,
    read_refusal,
)
from bff.dialects.openai_chat.stream import StreamReader
from bff.dialects.openai_chat.whole import read_completion, read_reply

__all__ = [
    "LIMITS",
    "NAME",
    "StreamReader",
    "not_an_answer",
    "not_set_up",
    "read_code",
    "read_completion",
    "read_error_object",
    "read_refusal",
    "read_reply",
    "write_request",
]
