"""The words by which people opt out when they reply to a message."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection

DEFAULT_OPT_OUT_WORDS = ("BAJA", "STOP")


def read_opt_out_words(text: str) -> tuple[str, ...]:
    """Return the words of a list with commas between them; the default if it has none."""
    return tuple(filter(None, map(str.strip, text.split(",")))) or DEFAULT_OPT_OUT_WORDS


def opt_out_word(text: str, words: Collection[str]) -> str:
    """Return the word of the list that a whole reply consists of, or empty text.

    Case, accents, punctuation and spaces around do not matter: ``¡Bájá!`` is ``BAJA``, and ``baja por favor`` is not.

    :param text: what the person wrote.
    :param words: the words, which may be several words each, such as ``NO MORE``.
    """
    written = _plain(text)
    return next((word for word in words if written and _plain(word) == written), "")


def _plain(text: str) -> str:
    letters = (
        each if each.isalnum() else " "
        for each in unicodedata.normalize("NFKD", text).casefold()
        if not unicodedata.combining(each)
    )
    return " ".join("".join(letters).split())
