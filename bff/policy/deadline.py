"""The four upstream timers: named, frozen, each with its own error and its own setting.

Not a clock: how long, never when. Source: design.md 4.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timers:
    """Seconds: to connect, to the headers, between two reads, for the whole answer."""

    connect: float = 5.0
    first_byte: float = 60.0
    idle: float = 60.0
    total: float = 600.0
