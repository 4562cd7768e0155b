"""What is remembered of tokens that verified, so that each is verified once.

Holds no token and no secret, only their hashes. An entry counts while the token lasts and the
tenant still has the secret that signed it: a reinstall ends it at once. Time arrives as argument.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field

from bff.connect.tokens import Verified
from bff.records import Tenant

TOKENS_MOST = 4096
LOOKS_MOST = 4096
LOOK_AGAIN_SECONDS = 1


def fingerprint(text: str) -> bytes:
    """By which a token or a secret is known here."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


@dataclass(frozen=True, slots=True)
class Remembered:
    """A token that verified, and by which secret."""

    verified: Verified
    secret: bytes = field(repr=False)

    def is_of(self, tenant: Tenant) -> bool:
        """Whether the tenant still has the secret."""
        return any(fingerprint(secret) == self.secret for secret in tenant.secrets)


class RememberedTokens:
    """At most *size* of them; the one not used for longest goes first."""

    def __init__(self, size: int = TOKENS_MOST) -> None:
        self._size = size
        self._tokens: OrderedDict[bytes, Remembered] = OrderedDict()
        self._looks: OrderedDict[str, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._tokens)

    def recall(self, token: bytes, now: int) -> Remembered | None:
        """*token* is a fingerprint. Whether the tenant still has the secret is yours to ask."""
        known = self._tokens.get(token)
        if known is None:
            return None
        if known.verified.expires <= now:
            del self._tokens[token]
            return None
        self._tokens.move_to_end(token)
        return known

    def remember(self, token: bytes, verified: Verified, *, secret: str) -> None:
        self._tokens[token] = Remembered(verified, fingerprint(secret))
        self._tokens.move_to_end(token)
        if len(self._tokens) > self._size:
            self._tokens.popitem(last=False)

    def forget(self, token: bytes) -> None:
        self._tokens.pop(token, None)

    def may_look_again(self, client_key: str, now: int) -> bool:
        """Whether storage may be asked once more about a tenant before a signature is refused.

        Once a second for each: a reinstall seen by another process opens the door here, and
        somebody with made-up tokens cannot make the database work.
        """
        last = self._looks.get(client_key)
        if last is not None and abs(now - last) < LOOK_AGAIN_SECONDS:
            return False
        self._looks[client_key] = now
        self._looks.move_to_end(client_key)
        if len(self._looks) > LOOKS_MOST:
            self._looks.popitem(last=False)
        return True
