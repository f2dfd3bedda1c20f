"""The account's credit, compared with what a campaign requires."""

from __future__ import annotations

import math

from airflow_provider_rcs.api.errors import RcsCreditError, RcsInputError


def read_min_credits(value: object) -> float:
    """Return an amount of credit, given as a number or as its text.

    :raises RcsInputError: if it is not a number above 0.
    """
    try:
        amount = math.nan if isinstance(value, bool) else float(str(value))
    except ValueError:
        amount = math.nan
    if not 0 < amount < math.inf:
        raise RcsInputError(
            "min_credits", f"{value!r} is not an amount of credit", "Use a number above 0, or leave it out."
        )
    return amount


def require_credit(left: float, required: float) -> None:
    """Check that the account has enough credit left.

    :raises RcsCreditError: if it has less than required.
    """
    if left < required:
        raise RcsCreditError(
            f"min_credits: the account has {format_credits(left)} credits left, but {format_credits(required)} are "
            "required. Nothing was sent. Add credit or lower min_credits, then run the task again."
        )


def format_credits(amount: float) -> str:
    """Return an amount of credit with thousands separators, such as ``10,000,000`` or ``12.5``."""
    return f"{amount:,.15g}"
