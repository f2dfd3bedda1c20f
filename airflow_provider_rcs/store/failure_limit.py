"""How many of a campaign's messages may fail before somebody has to look."""

from __future__ import annotations

from airflow_provider_rcs.api.errors import RcsTooManyFailuresError
from airflow_provider_rcs.api.outcomes import REJECTED_BY_SERVICE
from airflow_provider_rcs.store.funnel import Funnel


def require_few_failures(campaign_name: str, funnel: Funnel, most_failed: float) -> None:
    """Make sure that not too many of a campaign's messages have failed, by all that is known so far.

    The share is taken of all its messages, whether or not there is a word on them yet, so that it only grows: the first
    message that fails is not a share of all.

    :param funnel: where its recipients stand.
    :param most_failed: the largest share of the messages that may have failed.
    :raises RcsTooManyFailuresError: if more have.
    """
    messages = funnel.sendable + funnel.refused
    # 0.07 of 100 is a little more than 7 to a computer; 7 are no more than that.
    if funnel.failed <= round(messages * most_failed, 6):
        return
    raise RcsTooManyFailuresError(
        f"campaign {campaign_name!r}: {funnel.failed} of its {messages} messages have failed "
        f"({funnel.failed / messages:.1%}), and most_failed={most_failed} allows {most_failed:.1%}. {_told(funnel)}. "
        f"{RcsTooManyFailuresError.remedy}"
    )


def _told(funnel: Funnel) -> str:
    """Return the messages by what became of them."""
    parts = [f"{count} {status}" for status, count in funnel.statuses.items() if count]
    if funnel.unreported:
        parts.append(f"{funnel.unreported} without a report")
    if funnel.refused:
        parts.append(f"{funnel.refused} rejected ({REJECTED_BY_SERVICE})")
    return ", ".join(parts)
