"""Keyed hashes that stand in the books for recipients who must be known again and no longer be named."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field

HASH_PREFIX = "hash:"
_BYTES_OF_A_KEY = 32
# So many that no two phones of the world are likely to share a hash; no more, because the books keep each of them.
_BYTES_OF_A_HASH = 16


@dataclass(frozen=True, slots=True)
class RecipientHashes:
    """The hashes that are made with one key.

    There are few enough phones to hash them all: whoever has the key and a hash finds the phone behind it. Without the
    key nobody does, and nobody sees that two stores know the same person.

    :param key: the secret, in hexadecimal.
    """

    key: str = field(repr=False)

    def of(self, recipient_key: str) -> str:
        """Return what stands for a recipient: alike for alike, and never a phone.

        :param recipient_key: what the recipient was known by: the phone as E.164 digits, or what stood instead of one.
        """
        digest = hashlib.blake2b(recipient_key.encode(), key=bytes.fromhex(self.key), digest_size=_BYTES_OF_A_HASH)
        return HASH_PREFIX + digest.hexdigest()


def new_hash_key() -> str:
    """Return a key that nobody can guess."""
    return secrets.token_hex(_BYTES_OF_A_KEY)
