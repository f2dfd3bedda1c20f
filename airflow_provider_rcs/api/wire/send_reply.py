"""The reply to a send request, read as its result."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import replace
from typing import Any, NamedTuple

from airflow_provider_rcs.api.errors import RcsOutcomeUnknown
from airflow_provider_rcs.api.models import SendResult
from airflow_provider_rcs.api.outcomes import says_that_some_were_sent
from airflow_provider_rcs.api.wire import lenient_json
from airflow_provider_rcs.api.wire.calls import Refusal, refusal, refusal_in
from airflow_provider_rcs.api.wire.replies import decode_reply, read_reply

NOTHING_SENT = "nothing_sent"  # assumed
ZERO_RESULTS = (NOTHING_SENT, "unknown")
"""What a ``Res`` of 0 may be set to prove about a send: that no message was sent, or nothing."""

_NOTHING_WAS_SENT = "Nothing of this request was sent"
_SOME_MAY_BE_SENT = "Some of this request was sent or may have been, and is not sent again"

# Fields that say of a send that something was sent, in JSON, text or XML, whole or not.
_MENTIONS_A_SEND = re.compile(
    r"""(?:enviados|idmensaje|idenvio|\bres(?=\W+[1-9]))(?:["'\\\s]|&quot;)*[:=>]""", re.IGNORECASE
)
_UNREADABLE = (KeyError, TypeError, ValueError)
_PHONE_KEYS = ("telefono", "movil")  # public


class _Sent(NamedTuple):
    """What a reply says of the recipients who were sent to.

    :param accepted: phone -> message id.
    :param total: their number, if the reply has it in place of the list.
    :param doubtful: phones that carry a message id, although the reply does not count or list them as sent.
    """

    accepted: Mapping[str, str] = {}
    total: int | None = None
    doubtful: Set[str] = frozenset()
    is_unclear: bool = False


def read_send_reply(
    body: bytes, status: int = 200, by_status: Refusal | None = None, zero_result: str = NOTHING_SENT
) -> SendResult:
    """Read the reply to a send.

    A ``Res`` above 0 is the number of messages sent (public); a value below 0 refuses the request (-3 sure, others
    public), and so do some HTTP statuses. What the reply names outweighs both (assumed): a reply that refuses the
    request and yet says something of its recipients is a result. What the result proves about each recipient is decided
    by :func:`~airflow_provider_rcs.api.outcomes.outcomes_of_reply`.

    :param body: in any of the forms that :func:`~airflow_provider_rcs.api.wire.replies.read_reply` reads.
    :param status: the HTTP status of the reply.
    :param by_status: the refusal that the HTTP status is.
    :param zero_result: what a ``Res`` of 0 proves, one of :data:`ZERO_RESULTS`.
    :raises RcsRefusedError: if the reply proves that no message was sent, and names nobody; a subclass says why.
    :raises RcsOutcomeUnknown: if the reply cannot be read, or if its ``Res`` of 0 proves nothing.
    """
    try:
        reply = read_reply(body)
    except ValueError:
        if by_status is None:
            raise _unknown(body, status) from None
        return _refused(by_status, SendResult(0, is_unclear=_may_be_a_reply(decode_reply(body))))
    result = _read_result(reply)
    said = _read_recipients(reply, result)
    if (refused := _refusal_of_request(reply, by_status)) is not None:
        is_unclear = said.is_unclear or _counts_processed(reply, said) or _hides_a_send(reply, said, body)
        return _refused(refused, replace(said, is_unclear=is_unclear))
    is_damaged = said.is_unclear or result is None or (result == 0 and _hides_a_send(reply, said, body))
    if is_damaged and not (said.accepted or said.rejected):
        raise _unknown(body, status)
    if result == 0 and zero_result == NOTHING_SENT:
        return _refused(refusal(0, reply), said)
    if result == 0 and not _says_something(said):
        raise RcsOutcomeUnknown(f"the service's reply to a send has a Res of 0. {RcsOutcomeUnknown.remedy}")
    return said


def _may_be_a_reply(text: str) -> bool:
    """Return whether a text that cannot be read may be a damaged reply, not a page of a proxy."""
    return text.lstrip(" \t\r\n\ufeff")[:1] in ("{", "[") or bool(_MENTIONS_A_SEND.search(text))


def _hides_a_send(reply: Mapping[str, Any], said: SendResult, body: bytes) -> bool:
    """Return whether a reply that seems to say nothing of its recipients has fields of a send in another place."""
    text = decode_reply(body)
    if "res" not in reply:
        return bool(_MENTIONS_A_SEND.search(text))
    return not _says_something(said) and "idmensaje" in text.lower()


def _refusal_of_request(reply: Mapping[str, Any], by_status: Refusal | None) -> Refusal | None:
    try:
        return refusal_in(reply, by_status)
    except (TypeError, ValueError):
        return by_status


def _refused(refused: Refusal, said: SendResult) -> SendResult:
    """Return the result of a reply that refuses its request, but says something of its recipients.

    :raises RcsRefusedError: if it says nothing of them.
    """
    if not _says_something(said):
        raise refused.error(_NOTHING_WAS_SENT)
    may_be_sent = says_that_some_were_sent(said)
    error = refused.error(_SOME_MAY_BE_SENT if may_be_sent else _NOTHING_WAS_SENT)
    error.nothing_sent = not may_be_sent
    return replace(said, refused=error)


def _says_something(said: SendResult) -> bool:
    return bool(says_that_some_were_sent(said) or said.rejected or said.rejected_count)


def _unknown(body: bytes, status: int) -> RcsOutcomeUnknown:
    return RcsOutcomeUnknown(
        f"the service's reply to a send cannot be read (HTTP {status}, {len(body)} bytes). {RcsOutcomeUnknown.remedy}"
    )


def _read_result(reply: Mapping[str, Any]) -> int | None:
    try:
        return lenient_json.integer(reply.get("res"))
    except (TypeError, ValueError):
        return None


def _read_recipients(reply: Mapping[str, Any], result: int | None) -> SendResult:
    """Read what a reply says of its recipients, whatever its ``Res`` is; what cannot be read makes it unclear."""
    is_unclear = result is None and reply.get("res") not in (None, "")
    said = SendResult(max(result or 0, 0), _read_id(reply.get("idenvio")), is_unclear=is_unclear)
    try:
        sent = _read_sent(reply)
    except _UNREADABLE:
        # Unread, it may name anybody, also recipients that the other list names as not sent.
        return replace(said, is_unclear=True)
    said = replace(said, accepted=sent.accepted, accepted_count=sent.total, is_unclear=is_unclear or sent.is_unclear)
    try:
        rejected, count = _read_list(reply.get("noenviados"))
        said = replace(said, rejected=frozenset(rejected.keys() - sent.doubtful), rejected_count=count)
        duplicates, count = _read_list(reply.get("duplicados"))
        return replace(said, duplicates=count or len(duplicates))
    except _UNREADABLE:
        return replace(said, is_unclear=True)


def _read_sent(reply: Mapping[str, Any]) -> _Sent:
    """Read the recipients who were sent to: in ``Enviados`` or, where that is their count, in ``Destinatarios``.

    The latter is the shape of certified e-mail on the same platform (public). In ``Destinatarios``, only those that
    carry a message id were sent to.
    """
    sent, count = _read_list(reply.get("enviados"))
    is_list = bool(sent) or _is_list(reply.get("enviados"))
    try:
        processed = _read_list(reply.get("destinatarios"))[0] if _is_list(reply.get("destinatarios")) else {}
    except _UNREADABLE:
        return _Sent(sent, count, is_unclear=not is_list)
    with_id = {phone: message_id for phone, message_id in processed.items() if message_id}
    if not is_list and count in (None, len(with_id)):
        return _Sent(with_id, None if with_id else count)
    doubtful = with_id.keys() - sent.keys()
    return _Sent(sent, count, doubtful, is_unclear=bool(doubtful))


def _is_list(value: object) -> bool:
    return isinstance(lenient_json.structure(value), list | dict)


def _read_list(value: object) -> tuple[dict[str, str], int | None]:
    """Return the phones of a list with their message ids, and its count; 0 for an empty list, ``None`` for another.

    :raises TypeError: if it cannot be read.
    :raises ValueError: likewise.
    """
    entries = lenient_json.entries(value)
    if entries is None:
        content = lenient_json.structure(value)
        return {}, None if content in (None, "") else lenient_json.count(content)
    phones: dict[str, str] = {}
    for entry in entries:
        phone, message_id = _read_phone(entry), _read_id(entry.get("idmensaje"))
        # With two ids, neither is certain; reports bring the right one.
        phones[phone] = message_id if phones.get(phone, message_id) == message_id else ""
    return phones, None if phones else 0


def _read_phone(entry: Mapping[str, Any]) -> str:
    phones = [lenient_json.phone(value) for key in _PHONE_KEYS if isinstance(value := entry.get(key), str) and value]
    if not phones or phones[0] != phones[-1]:
        raise ValueError("no phone, or two")
    return phones[0]


def _read_id(value: object) -> str:
    """Return an id as text; empty for none, which may be written as 0."""
    text = lenient_json.text(value or "").strip()
    return text if text.strip("0.") else ""


def _counts_processed(reply: Mapping[str, Any], said: SendResult) -> bool:
    """Return whether a reply counts more recipients as processed than it says were not sent to."""
    if said.accepted_count is not None or said.accepted:
        return False
    try:
        processed = lenient_json.count(reply.get("destinatarios"))
    except (TypeError, ValueError):
        return False
    return processed > len(said.rejected) + (said.rejected_count or 0)
