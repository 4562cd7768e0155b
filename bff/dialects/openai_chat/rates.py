"""How a caller stands, in OpenAI's headers. Source: api-faces.md §7.2, OpenAI's page "Rate
limits".
"""

import math

from bff.records import Standing


def write_standing(standing: Standing, _now: float) -> dict[str, str]:
    """The reset is how long until all requests may begin again, as a duration: `6m0s`."""
    minutes, seconds = divmod(math.ceil(standing.reset_s), 60)
    return {
        "x-ratelimit-limit-requests": str(standing.limit),
        "x-ratelimit-remaining-requests": str(standing.remaining),
        "x-ratelimit-reset-requests": f"{minutes}m{seconds}s" if minutes else f"{seconds}s",
    }
