"""AddonSettings' `val` read and written: what a signed install said, however it was stored.

Not SQL and not memory. The Node app's store writes an object, older ones of it a string that holds
one; hands and scripts have left worse. Source: node-bff.md §3.6, §6; atlassian-connect-express 7
and 11, store/sequelize.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from bff.dialects.json_text import read_json
from bff.records import Tenant

RETIRED_AT = "retiredAt"

_NESTED_TEXT = 3  # JSON in JSON in JSON; nobody has seen more


def read_val(stored: object) -> dict[str, Any] | None:
    """The object *stored* holds, directly or as JSON text; None when it holds anything else."""
    value = stored
    for _ in range(_NESTED_TEXT):
        if not isinstance(value, str | bytes):
            break
        try:
            value = read_json(value.encode() if isinstance(value, str) else value)
        except ValueError:
            return None
    return value if isinstance(value, dict) else None


def read_secret(install: Mapping[str, Any] | None) -> str | None:
    """The shared secret, if it is one that can sign."""
    secret = install.get("sharedSecret") if install else None
    return secret if isinstance(secret, str) and secret else None


def read_tenant(client_key: str, newest_first: Iterable[object]) -> Tenant | None:
    """One tenant from all its stored `val`s; None when none of them says anything."""
    installs = [install for install in map(read_val, newest_first) if install is not None]
    if not installs:
        return None
    secrets = (read_secret(install) for install in installs)
    unique = dict.fromkeys(secret for secret in secrets if secret)
    newest = next((install for install in installs if read_secret(install)), installs[0])
    return Tenant(
        client_key=client_key,
        base_url=_text(newest, "baseUrl"),
        key=_text(newest, "key"),
        secrets=tuple(unique),
        settings=newest,
    )


def retire(install: Mapping[str, Any], at: str) -> dict[str, Any]:
    """*install* without anything that signs, opens or proves, marked with when (*at*, ISO 8601)."""
    return {**without_secrets(install), RETIRED_AT: at}


def without_secrets(install: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of *install* without the fields that are secret by their name, at any depth."""
    return {name: _clean(value) for name, value in install.items() if not _is_secret(name)}


def _clean(value: object) -> object:
    if isinstance(value, dict):
        return without_secrets(value)
    if isinstance(value, list):
        return [_clean(inner) for inner in value]
    return value


def _is_secret(name: str) -> bool:
    lowered = name.lower()
    return lowered == "jwt" or any(word in lowered for word in ("secret", "token", "password"))


def _text(install: Mapping[str, Any], name: str) -> str:
    value = install.get(name)
    return value if isinstance(value, str) else ""
