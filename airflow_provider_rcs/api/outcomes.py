"""What a reply proves about each recipient of its request."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_rcs.api.models import Outcome, SendResult
from airflow_provider_rcs.api.statuses import MessageState

REJECTED_BY_SERVICE = "the service refused the phone, and gives no reason; check the number"


DUPLICATE_FOR_SERVICE = "the service left it out as a duplicate"


NOT_IN_REPLY = "the service's reply does not say what became of this recipient"


def outcomes_of_reply(phones: Sequence[str], result: SendResult) -> list[Outcome]:
    """Return what became of each phone of a request, in the order given.

    A recipient is accepted or rejected where the reply names it, or where its numbers leave no other reading.
    Whoever is left is in doubt: a count of 998 sent and 2 not sent does not tell which 2.

    :param phones: the phones of the request, each once.
    :param result: the reply to it.
    """
    unnamed = [phone for phone in phones if phone not in result.accepted and phone not in result.rejected]
    rest = _outcome_of_the_unnamed(len(unnamed), len(phones), result)
    return [_outcome(phone, result, rest) for phone in phones]


def _outcome(phone: str, result: SendResult, rest: tuple[MessageState, str]) -> Outcome:
    if phone in result.accepted:
        return Outcome(phone, MessageState.ACCEPTED, api_message_id=result.accepted[phone])
    if phone in result.rejected:
        return Outcome(phone, MessageState.REJECTED, reason=REJECTED_BY_SERVICE)
    state, reason = rest
    return Outcome(phone, state, reason=reason)


def _outcome_of_the_unnamed(unnamed: int, asked: int, result: SendResult) -> tuple[MessageState, str]:
    if unnamed == result.duplicates and not (result.accepted_count or result.rejected_count):
        return MessageState.DUPLICATE, DUPLICATE_FOR_SERVICE
    if unnamed == result.accepted_count and not (result.rejected_count or result.duplicates):
        return MessageState.ACCEPTED, ""
    if unnamed == result.rejected_count and not (result.accepted_count or result.duplicates):
        return MessageState.REJECTED, REJECTED_BY_SERVICE
    if unnamed == asked == result.messages and not (result.rejected_count or result.duplicates):
        return MessageState.ACCEPTED, ""
    return MessageState.IN_DOUBT, NOT_IN_REPLY
