"""How phones are shown in the warehouse: plain, hashed or masked."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.masking import mask_phone


@dataclass(frozen=True, slots=True)
class PhoneForm:
    """How phones are shown.

    :param show: given a phone, returns what is shown of it; empty stays empty.
    :param with_extra: whether fields of reports that nobody has described come along: they can hold phones.
    """

    show: Callable[[str], str]
    with_extra: bool


PLAIN = PhoneForm(str, with_extra=True)
MASKED = PhoneForm(mask_phone, with_extra=False)


def hashed(key: str) -> PhoneForm:
    """Return the form in which a phone is the HMAC-SHA256 of its digits, in hexadecimal: alike for alike.

    :param key: the secret without which nobody can try all phones.
    :raises RcsInputError: if it is empty.
    """
    if not key:
        raise RcsInputError("phone_key_conn_id", "the key is empty", "Set the connection's password to it.")
    secret = key.encode()
    return PhoneForm(
        lambda phone: hmac.digest(secret, phone.encode(), "sha256").hex() if phone else "", with_extra=False
    )
