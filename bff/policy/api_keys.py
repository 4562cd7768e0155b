"""What a key of ours looks like, what is stored of it, and which models it may name.

Where keys are kept is the store's business. Source: contract api-faces.md §1, §7.4.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from fnmatch import fnmatchcase
from hashlib import sha256

PREFIX = "sk-bff-"
KEY_BYTES = 32  # of chance: a key is proved by a plain hash, so it must not be worth guessing
ID_BYTES = 6
SHOWN = len(PREFIX) + 4  # characters that a list may show, to tell a key by

_OURS = re.compile(re.escape(PREFIX) + r"[A-Za-z0-9_-]{43}", re.ASCII)


def write_key(chance: bytes) -> str:
    """The key that KEY_BYTES bytes of *chance* make: `sk-bff-` and base64url without padding."""
    return PREFIX + urlsafe_b64encode(chance).rstrip(b"=").decode("ascii")


def write_id(chance: bytes) -> str:
    """A key's public name, of ID_BYTES bytes of *chance*: `key_` and 12 hexadecimal digits, in
    which no log sees a secret to be masked.
    """
    return "key_" + chance.hex()


def own_tenant(key_id: str) -> str:
    """The tenant that a key is by itself."""
    return f"key:{key_id}"


def is_ours(text: str) -> bool:
    """Whether *text* could be a key of ours; any other needs no look at what is stored."""
    return _OURS.fullmatch(text) is not None


def beginning_of(key: str) -> str:
    """What may be shown of a key later: `sk-bff-AbCd…`."""
    return f"{key[:SHOWN]}…"


def hash_of(key: str) -> str:
    """What is stored of a key: SHA-256 in hex. Plain, for nobody can try 2^256 keys."""
    return sha256(key.encode()).hexdigest()


def is_same(one: str, other: str) -> bool:
    """Whether two hashes are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(one, other)


def allows(patterns: Iterable[str], *names: str) -> bool:
    """Whether a key whose models are *patterns* may ask a model that goes by *names*: as the caller
    named it, and as `provider/model`. One name and one pattern are enough; case counts, `*` also
    stands for slashes. No pattern at all allows every model.
    """
    given = tuple(patterns)
    return not given or any(fnmatchcase(name, pattern) for name in names for pattern in given)
