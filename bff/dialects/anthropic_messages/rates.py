"""How a caller stands, in Anthropic's headers. Source: api-faces.md §7.2, Anthropic's page
"Rate limits".
"""

import math
from datetime import UTC, datetime

from bff.records import Standing


def write_standing(standing: Standing, now: float) -> dict[str, str]:
    """*now* is seconds since 1970. The reset is when all requests may begin again (RFC 3339)."""
    reset = datetime.fromtimestamp(math.ceil(now + standing.reset_s), UTC)
    return {
        "anthropic-ratelimit-requests-limit": str(standing.limit),
        "anthropic-ratelimit-requests-remaining": str(standing.remaining),
        "anthropic-ratelimit-requests-reset": reset.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
