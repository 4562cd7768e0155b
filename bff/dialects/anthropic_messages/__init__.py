"""Anthropic messages: the face half is a caller's request in and our answer out."""

from bff.dialects.anthropic_messages.names import NAME

__all__ = ["NAME"]
