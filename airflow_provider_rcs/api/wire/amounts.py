"""Amounts of credit, as numbers or as texts in the notation of Spain or of programs."""

from __future__ import annotations

import math
import re

from airflow_provider_rcs.api.wire.lenient_json import JsonNumber

_PLAIN = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]+)?")
_POINTS_FOR_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+(?:,[0-9]+)?")
_COMMAS_FOR_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+\.[0-9]+|(?:,[0-9]{3}){2,})")


def read_amount(value: object) -> float | None:
    """Return an amount of credit, or ``None`` if the value is none.

    A number of a JSON text is read as JSON. A text is read as Spain writes amounts (public): a comma before decimals,
    points between thousands, as in ``14.970,00`` and ``14.970``, which is 14970. Where the notation leaves no doubt, it
    is read as programs write amounts: ``12.50``, ``14,970.00``. The text ``14,970`` is 14.97.
    """
    text = str(value).strip()
    if not isinstance(value, JsonNumber) and _POINTS_FOR_THOUSANDS.fullmatch(text):
        text = text.replace(".", "")
    elif _COMMAS_FOR_THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    if isinstance(value, bool) or not _PLAIN.fullmatch(text):
        return None
    amount = float(text.replace(",", "."))
    return amount if math.isfinite(amount) else None
