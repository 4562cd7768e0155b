"""Anthropic messages: the vendor half is our request out, their stream, message and errors in; the
face half is a caller's request in and our answer out. Source: contract providers.md §2, §6, §7;
api-faces.md §3.
"""

from bff.dialects.anthropic_messages.asking import write_request
from bff.dialects.anthropic_messages.hearing import Hearing, hearing_of, is_native
from bff.dialects.anthropic_messages.names import NAME
from bff.dialects.anthropic_messages.passing import told_headers
from bff.dialects.anthropic_messages.refusals import not_an_answer, read_error_object, read_refusal
from bff.dialects.anthropic_messages.stream import StreamReader
from bff.dialects.anthropic_messages.whole import read_count, read_message, read_reply

__all__ = [
    "NAME",
    "Hearing",
    "StreamReader",
    "hearing_of",
    "is_native",
    "not_an_answer",
    "read_count",
    "read_error_object",
    "read_message",
    "read_refusal",
    "read_reply",
    "told_headers",
    "write_request",
]
