"""What logs, errors and previews show of a phone or a text."""

from __future__ import annotations

import re
import string

_VISIBLE_DIGITS = 3
_LONGEST_SHAPE = 40
_POSSIBLE_PHONE = re.compile(r"\d(?: ?\d){6,}")
# With whatever people write between the digits of a phone; dates are masked with them.
_WRITTEN_PHONE = re.compile(r"\d(?:[ \u00a0().-]{0,3}\d){6,}")


def mask_phone(phone: str) -> str:
    """Return a phone for logs and errors, with all but its last three characters masked; all of a shorter one."""
    hidden = max(len(phone) - _VISIBLE_DIGITS, 0)
    return "*" * hidden + phone[hidden:] if hidden else "*" * len(phone)


def mask_phones_in_text(text: str) -> str:
    """Return a text from outside for logs and errors, with every run of seven or more digits masked as a phone."""
    return _POSSIBLE_PHONE.sub(lambda found: mask_phone(found.group()), text)


def mask_phones_in_writing(text: str) -> str:
    """Return what a person wrote, with runs of seven and more digits masked, whatever is written between the digits."""
    return _WRITTEN_PHONE.sub(lambda found: mask_phone(found.group()), text)


def mask_text(text: str) -> str:
    """Return the shape of a text for logs and previews: letters as ``x`` and ``X``, digits as ``0``; 40 characters."""
    shape = "".join(_mask_character(character) for character in text[:_LONGEST_SHAPE])
    return f"{shape}..." if len(text) > _LONGEST_SHAPE else shape


def _mask_character(character: str) -> str:
    if character == " " or character in string.punctuation:
        return character
    if character.isnumeric():
        return "0"
    return "X" if character.isupper() else "x"
