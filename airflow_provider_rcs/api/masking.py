"""What logs, errors and previews show of a phone or a text."""

from __future__ import annotations

import re
import string

_MAYBE_A_PHONE = re.compile(r"\d(?: ?\d){6,}")


_VISIBLE_DIGITS = 3


def mask_phone(phone: str) -> str:
    """Return a phone for logs and errors: only its last digits can be read."""
    hidden = max(len(phone) - _VISIBLE_DIGITS, 0)
    return "*" * hidden + phone[hidden:] if hidden else "*" * len(phone)


def mask_phones_in_text(text: str) -> str:
    """Return a text of somebody else's for logs and errors, with everything masked that may be a phone in it."""
    return _MAYBE_A_PHONE.sub(lambda found: mask_phone(found.group()), text)


_LONGEST_MASKED = 40


def mask_text(text: str) -> str:
    """Return the shape of a text, for logs and previews: letters as ``x`` and ``X``, digits as ``0``."""
    shape = "".join(_mask_character(character) for character in text[:_LONGEST_MASKED])
    return f"{shape}..." if len(text) > _LONGEST_MASKED else shape


def _mask_character(character: str) -> str:
    if character == " " or character in string.punctuation:
        return character
    if character.isnumeric():
        return "0"
    return "X" if character.isupper() else "x"
