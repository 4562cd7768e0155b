"""Every setting, read once: the environment, then a `.env` file, then the defaults.

Not a place for decisions: rooms below get plain values from wiring. A setting that is wrong stops
the start with one line. Names and defaults: operations.md.
"""

from bff.settings.fields import Settings, UpstreamPlan
from bff.settings.kinds import CLOUDFLARE, OPENAI
from bff.settings.reading import WrongSetting, read_settings
from bff.settings.said import variables

__all__ = [
    "CLOUDFLARE",
    "OPENAI",
    "Settings",
    "UpstreamPlan",
    "WrongSetting",
    "read_settings",
    "variables",
]
