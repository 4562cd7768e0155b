"""The token of a call to a tenant's site: HS256, the app speaks, and it counts for one request.

Not a session token: this one carries the hash of the request it goes out with. Source: node-bff.md
§4.7; Atlassian Connect, "Understanding JWT". Pure.
"""

from bff.connect import jws
from bff.connect.qsh import query_string_hash
from bff.records import Tenant

HOST_TOKEN_SECONDS = 180


def write_host_token(tenant: Tenant, method: str, target: str, *, app_key: str, now: int) -> str:
    """*target* is the raw path and query below the tenant's base URL. Raises ValueError when the
    tenant has no secret left to sign with.
    """
    if not tenant.secrets:
        raise ValueError("the tenant has no secret")
    claims = {
        "iss": tenant.key or app_key,
        "iat": now,
        "exp": now + HOST_TOKEN_SECONDS,
        "aud": [tenant.client_key],
        "qsh": query_string_hash(method, target),
    }
    return jws.write_hs256(claims, tenant.secrets[0])
