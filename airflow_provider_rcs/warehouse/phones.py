"""The form of phones in the warehouse: plain, hashed or masked."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.masking import mask_phone, mask_phones_in_writing

_PHONES = ("phone", "phone_as_listed")
_TEXT = "text"


@dataclass(frozen=True, slots=True)
class PhoneForm:
    """A form of phones.

    :param show: returns a phone in this form; empty stays empty.
    :param with_extra: whether to load undocumented fields of reports, which can hold phones.
    """

    show: Callable[[str], str]
    with_extra: bool

    def show_text(self, text: str) -> str:
        """Return a text that a person wrote: as it is if phones are plain, and otherwise with phones masked."""
        return text if self.with_extra else mask_phones_in_writing(text)

    def conversions(self, table: sa.Table) -> Mapping[str, Callable[[str], str]]:
        """Return column -> function, for the columns of a table whose cells are not loaded as the store has them."""
        if self.with_extra:
            return {}
        texts = {_TEXT: self.show_text} if _TEXT in table.c else {}
        return {name: self.show for name in _PHONES if name in table.c} | texts


PLAIN = PhoneForm(str, with_extra=True)
MASKED = PhoneForm(mask_phone, with_extra=False)


def hashed(key: str) -> PhoneForm:
    """Return the form in which a phone is the HMAC-SHA256 of its E.164 form, with ``+``, in hexadecimal.

    :param key: the secret; without it the phones cannot be found by trying them all.
    :raises RcsInputError: if it is empty.
    """
    if not key:
        raise RcsInputError("phone_key_conn_id", "the key is empty", "Set the connection's password to it.")
    keyed = hmac.new(key.encode(), digestmod="sha256")

    def show(phone: str) -> str:
        if not phone:
            return ""
        # A copy takes two thirds of the time of a digest that begins with the key.
        of_phone = keyed.copy()
        of_phone.update(phone.encode())
        return of_phone.hexdigest()

    return PhoneForm(show, with_extra=False)
