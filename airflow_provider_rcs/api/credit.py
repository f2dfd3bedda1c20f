"""The account's credit, compared with what a campaign requires."""

from __future__ import annotations

import math

from airflow_provider_rcs.api.errors import RcsCreditError, RcsInputError


def read_min_credits(value: object) -> float:
    """Return an amount of credit from a number, or the text of one.

    :raises RcsInputError: if it is not a number above 0.
    """
    try:
        amount = math.nan if isinstance(value, bool) else float(str(value))
    except ValueError:
        amount = math.nan
    if not 0 < amount < math.inf:
        raise RcsInputError(
            "min_credits", f"{value!r} is not an amount of credit", "Give a number above 0, or leave it out."
        )
    return amount


def require_credit(left: float, wanted: float) -> None:
    """Check that the account has as much credit as is wanted.

    :raises RcsCreditError: if it has less.
    """
    if left < wanted:
        raise RcsCreditError(
            f"min_credits: the account has {format_credits(left)} credits left, and {format_credits(wanted)} were asked for. Nothing "
            "was sent. Add credit, or ask for less, then run the task again."
        )


def format_credits(amount: float) -> str:
    """Return an amount of credit in full, as a person writes it."""
    return f"{amount:,.15g}"
