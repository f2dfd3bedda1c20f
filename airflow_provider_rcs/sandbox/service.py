"""What the service does with a send: whom it takes, whom it leaves out, and what it costs."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider_rcs.sandbox.model import AcceptedMessage, AcceptedSend, Outcome
from airflow_provider_rcs.sandbox.refusals import NotEnoughCreditError

if TYPE_CHECKING:
    from airflow_provider_rcs.sandbox.model import Recipient, SendRequest
    from airflow_provider_rcs.sandbox.options import Account
    from airflow_provider_rcs.sandbox.record import Record

_PHONE = re.compile(r"[1-9][0-9]{7,14}")


class Service:
    """The account's side of a send; a message costs one credit."""

    def __init__(self, account: Account, record: Record) -> None:
        self._account = account
        self._record = record

    @property
    def credit(self) -> int:
        return max(0, self._account.credit - self._record.messages)

    def send(self, request: SendRequest, number: int) -> Outcome:
        """Accept whom it can; when this returns, the record has them.

        :param number: which send request this is, counted from 1.
        :raises NotEnoughCreditError: if the credit does not do for all; then nobody is sent to.
        """
        chosen: dict[str, Recipient] = {}
        refused = []
        duplicates = 0
        needed = request.template.needed
        refused_phones = self._account.refused_phones
        for recipient in request.recipients:
            phone = recipient.phone
            if not _PHONE.fullmatch(phone) or phone in refused_phones or not recipient.variables.keys() >= needed:
                refused.append(recipient)
            elif phone in chosen:
                duplicates += 1
            else:
                chosen[phone] = recipient
        if len(chosen) > self.credit:
            raise NotEnoughCreditError
        accepted = self._accept(request, number, list(chosen.values())) if chosen else None
        return Outcome(len(request.recipients), accepted, refused, duplicates)

    def _accept(self, request: SendRequest, number: int, recipients: list[Recipient]) -> AcceptedSend:
        first_id = self._record.last_message_id + 1
        send = AcceptedSend(
            request=number,
            send_id=self._record.last_send_id + 1,
            template_id=request.template.template_id,
            agent=request.agent,
            campaign_reference=request.campaign_reference,
            send_at=request.send_at,
            quiet_hours=request.quiet_hours,
            report=request.report,
            accepted_at=datetime.now(UTC),
            messages=[
                AcceptedMessage(message_id, *recipient) for message_id, recipient in enumerate(recipients, first_id)
            ],
        )
        self._record.append(send)
        return send
