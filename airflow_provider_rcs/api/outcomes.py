"""What a reply proves about each recipient of its request."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_rcs.api.models import Outcome, SendResult
from airflow_provider_rcs.api.statuses import MessageState

REJECTED_BY_SERVICE = "the service rejected the phone without giving a reason; check the number"
DUPLICATE_FOR_SERVICE = "the service left it out as a duplicate"
NOT_IN_REPLY = "the service's reply does not show whether this recipient was messaged"


def outcomes_of_reply(phones: Sequence[str], result: SendResult) -> list[Outcome]:
    """Return the outcome of each phone of a request, in the order given.

    A recipient is accepted or rejected if the reply names its phone, or if the reply's counts allow no other reading.
    All others are in doubt: counts of 998 accepted and 2 rejected do not show which 2.

    :param phones: the phones of the request, each once.
    :param result: the reply to the request.
    """
    unnamed = [phone for phone in phones if phone not in result.accepted and phone not in result.rejected]
    others = _outcome_of_unnamed(len(unnamed), len(phones), result)
    return [_outcome(phone, result, others) for phone in phones]


def _outcome(phone: str, result: SendResult, others: tuple[MessageState, str]) -> Outcome:
    if phone in result.accepted:
        return Outcome(phone, MessageState.ACCEPTED, api_message_id=result.accepted[phone])
    if phone in result.rejected:
        return Outcome(phone, MessageState.REJECTED, reason=REJECTED_BY_SERVICE)
    state, reason = others
    return Outcome(phone, state, reason=reason)


def _outcome_of_unnamed(unnamed: int, requested: int, result: SendResult) -> tuple[MessageState, str]:
    """Return the outcome, with its reason, that the recipients whose phones the reply does not name have in common."""
    if unnamed == result.duplicates and not (result.accepted_count or result.rejected_count):
        return MessageState.DUPLICATE, DUPLICATE_FOR_SERVICE
    if unnamed == result.accepted_count and not (result.rejected_count or result.duplicates):
        return MessageState.ACCEPTED, ""
    if unnamed == result.rejected_count and not (result.accepted_count or result.duplicates):
        return MessageState.REJECTED, REJECTED_BY_SERVICE
    if unnamed == requested == result.messages and not (result.rejected_count or result.duplicates):
        return MessageState.ACCEPTED, ""
    return MessageState.IN_DOUBT, NOT_IN_REPLY
