"""What a reply proves about each recipient of its request."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_rcs.api.errors import RcsNothingDoneError, RcsRefusedError
from airflow_provider_rcs.api.models import Outcome, SendResult
from airflow_provider_rcs.api.statuses import MessageState

REJECTED_BY_SERVICE = "the service rejected the phone without giving a reason; check the number"
DUPLICATE_FOR_SERVICE = "the service left it out as a duplicate"
NOT_IN_REPLY = "the service's reply does not show whether this recipient was messaged"
NAMED_TWICE = "the service's reply names the phone as sent and as not sent; it counts as sent"
REFUSED = "the service refused the request"

_State = tuple[MessageState, str]
_PLANNED = (MessageState.PLANNED, REFUSED)
_REJECTED = (MessageState.REJECTED, REJECTED_BY_SERVICE)
_DUPLICATE = (MessageState.DUPLICATE, DUPLICATE_FOR_SERVICE)
_ACCEPTED = (MessageState.ACCEPTED, "")
_IN_DOUBT = (MessageState.IN_DOUBT, NOT_IN_REPLY)


def outcomes_of_reply(phones: Sequence[str], result: SendResult) -> list[Outcome]:
    """Return the outcome of each phone of a request, in the order given.

    A recipient named as sent is accepted, whatever else the reply says. One named as not sent is rejected or, if the
    reply refuses the request as a whole, planned again. Counts decide about the others if they allow no other reading:
    998 accepted and 2 rejected do not show which 2. If the reply refuses the request, and nothing in it says that some
    of it was sent, the others are planned again. All that remain are in doubt.

    :param phones: the phones of the request, each once.
    :param result: the reply to the request.
    """
    not_sent = _PLANNED if _refuses_all(result) else _REJECTED
    others = _state_of_unnamed(phones, result)
    outcomes = []
    for phone in phones:
        if phone in result.accepted:
            reason = NAMED_TWICE if phone in result.rejected else ""
            outcomes.append(Outcome(phone, MessageState.ACCEPTED, result.accepted[phone], reason))
        else:
            state, reason = not_sent if phone in result.rejected else others
            outcomes.append(Outcome(phone, state, reason=reason))
    return outcomes


def refusal_of(result: SendResult, outcomes: Sequence[Outcome]) -> RcsRefusedError | None:
    """Return the refusal of a request, or ``None`` if the reply refuses nothing but recipients by themselves.

    :param outcomes: of its recipients, as :func:`outcomes_of_reply` returns them.
    """
    is_planned = any(outcome.state is MessageState.PLANNED for outcome in outcomes)
    return result.refused if is_planned or _refuses_all(result) else None


def says_that_some_were_sent(result: SendResult) -> bool:
    """Return whether anything in a reply says, or may say, that a recipient was messaged."""
    return bool(
        result.messages > 0
        or result.accepted
        or result.accepted_count
        or result.duplicates  # They were left out because they, or others of the same phone, were sent to.
        or result.api_campaign_id
        or result.is_unclear
    )


def _refuses_all(result: SendResult) -> bool:
    # Where the service only did nothing, those that it names are rejected for themselves.
    return result.refused is not None and not isinstance(result.refused, RcsNothingDoneError)


def _state_of_unnamed(phones: Sequence[str], result: SendResult) -> _State:
    """Return the state, with its reason, that the recipients whose phones the reply does not name have in common."""
    named = result.accepted.keys() | result.rejected
    unnamed = sum(phone not in named for phone in phones)
    names_strangers = len(phones) - unnamed < len(named)
    if (counted := _state_by_counts(unnamed, result)) and not names_strangers:
        return counted
    # A count of some who were not sent, without the others, does not show that nobody was.
    is_partial = bool(result.rejected_count) and result.accepted_count is None
    if result.refused is None or is_partial or says_that_some_were_sent(result):
        return _IN_DOUBT
    return _PLANNED


def _state_by_counts(unnamed: int, result: SendResult) -> _State | None:
    """Return the state that the counts prove about all unnamed recipients; ``None`` if they allow another reading."""
    if result.is_unclear or not unnamed:
        return None
    accepted, rejected, duplicates = result.accepted_count or 0, result.rejected_count or 0, result.duplicates
    if _refuses_all(result):
        says_sent = result.messages or result.accepted or accepted or duplicates
        return _PLANNED if rejected == unnamed and not says_sent else None
    named, has_sent = len(result.accepted), bool(result.accepted) or result.accepted_count is not None
    if result.messages == named + accepted:
        match (accepted, rejected, duplicates):
            case (0, 0, count) if count == unnamed:
                return _DUPLICATE
            case (count, 0, 0) if count == unnamed:
                return _ACCEPTED
            case (0, count, 0) if count == unnamed:
                return _REJECTED
    is_total = result.messages == unnamed and not (has_sent or result.rejected or rejected or duplicates)
    return _ACCEPTED if is_total else None
