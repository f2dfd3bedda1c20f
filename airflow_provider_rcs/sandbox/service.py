"""How the service processes a send."""

from __future__ import annotations

import re
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider_rcs.sandbox.model import AcceptedMessage, AcceptedSend, NotEnoughCreditError, SendOutcome

if TYPE_CHECKING:
    from airflow_provider_rcs.sandbox.model import ReceivedSend, SandboxRecipient
    from airflow_provider_rcs.sandbox.options import SandboxAccount
    from airflow_provider_rcs.sandbox.record import SandboxRecord

_PHONE = re.compile(r"[1-9][0-9]{7,14}")


class RequestLimit:
    """Takes so many sends in any second, and refuses the others; those that it refuses do not count.

    :param requests_per_second: the most sends; ``None`` for no limit.
    """

    def __init__(self, requests_per_second: int | None) -> None:
        self.refused = 0
        self._taken = None if requests_per_second is None else deque[float](maxlen=requests_per_second)

    def seconds_to_wait(self, now: float) -> float:
        """Take a send, and return 0, or refuse it, and return after how many seconds one would be taken.

        :param now: seconds of a clock.
        """
        if self._taken is None:
            return 0.0
        if len(self._taken) == self._taken.maxlen and now - self._taken[0] < 1:
            self.refused += 1
            return self._taken[0] + 1 - now
        self._taken.append(now)
        return 0.0


class SandboxService:
    """Accepts the messages of an account; each costs one credit."""

    def __init__(self, account: SandboxAccount, record: SandboxRecord) -> None:
        self._account = account
        self._record = record

    @property
    def credit(self) -> int:
        return max(0, self._account.credit - self._record.messages)

    def send(self, request: ReceivedSend, number: int) -> SendOutcome:
        """Accept every valid recipient; when this returns, they are in the record.

        :param number: number of the send request, counted from 1.
        :raises NotEnoughCreditError: if the credit does not cover all messages; then none is accepted.
        """
        chosen, refused, duplicates = self._choose(request)
        if len(chosen) > self.credit:
            raise NotEnoughCreditError
        return self._outcome(request, number, chosen, refused, duplicates)

    def send_half(self, request: ReceivedSend, number: int) -> SendOutcome:
        """Accept the first half of the valid recipients, and return the others as not sent.

        :param number: number of the send request, counted from 1.
        """
        chosen, refused, duplicates = self._choose(request)
        half = min((len(chosen) + 1) // 2, self.credit)
        return self._outcome(request, number, chosen[:half], [*chosen[half:], *refused], duplicates)

    def _choose(self, request: ReceivedSend) -> tuple[list[SandboxRecipient], list[SandboxRecipient], int]:
        """Return the valid recipients, each phone once, the invalid ones, and the number of duplicates."""
        chosen: dict[str, SandboxRecipient] = {}
        refused = []
        duplicates = 0
        required = request.template.required
        refused_phones = self._account.refused_phones
        for recipient in request.recipients:
            phone = recipient.phone
            if not _PHONE.fullmatch(phone) or phone in refused_phones or not recipient.variables.keys() >= required:
                refused.append(recipient)
            elif phone in chosen:
                duplicates += 1
            else:
                chosen[phone] = recipient
        return list(chosen.values()), refused, duplicates

    def _outcome(
        self,
        request: ReceivedSend,
        number: int,
        chosen: list[SandboxRecipient],
        refused: list[SandboxRecipient],
        duplicates: int,
    ) -> SendOutcome:
        accepted = self._accept(request, number, chosen) if chosen else None
        return SendOutcome(len(request.recipients), accepted, refused, duplicates)

    def _accept(self, request: ReceivedSend, number: int, recipients: list[SandboxRecipient]) -> AcceptedSend:
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
