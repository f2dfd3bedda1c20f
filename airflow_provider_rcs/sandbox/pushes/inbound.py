"""The replies of people to the messages that they got."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_rcs.sandbox.options import SandboxStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_rcs.sandbox.model import AcceptedMessage, AcceptedSend
    from airflow_provider_rcs.sandbox.pushes.reports import PlannedReport

# Opt-outs as people write them, and texts that are none although some hold the words.
TEXTS = (
    "BAJA",
    "Stop!",
    "baja.",
    "Gracias",
    "¿Quién es?",
    "Vale, mañana me paso",
    "No quiero darme de baja, solo cambiar la talla",
    "don't stop",
    "👍",
)
_LONGEST_WAIT = 600
_LARGEST_ID = 1_000_000_000


@dataclass(frozen=True, slots=True)
class InboundReply:
    """A text that a person sent to the account.

    :param phone: the person's.
    :param message_id: the message that it answers; empty if the person has got none.
    :param reference: the recipient's reference in that message.
    :param sender: who sent that message.
    :param pause: fraction of the jitter to wait before the push, from 0 to 1.
    """

    reply_id: int
    phone: str
    text: str
    received_at: datetime
    message_id: str = ""
    reference: str = ""
    sender: str = ""
    pause: float = 0.0


def plan_reply(
    send: AcceptedSend, message: AcceptedMessage, reports: Sequence[PlannedReport], seed: int, share: float
) -> InboundReply | None:
    """Return the reply to a message, if its person answers; it depends on the arguments alone.

    :param reports: those of the message; only who got it answers.
    :param share: of the messages delivered, how many are answered.
    """
    delivered = [report.second for report in reports if report.status is SandboxStatus.DELIVERED]
    # Not the generator of the reports: the share of replies must not change which reports a message gets.
    chance = random.Random(f"{seed}:{message.message_id}:reply")  # noqa: S311 -- must be repeatable, need not be secret
    if not delivered or chance.random() >= share:
        return None
    return InboundReply(
        reply_id=chance.randrange(1, _LARGEST_ID),
        phone=message.phone,
        text=chance.choice(TEXTS),
        received_at=send.accepted_at + timedelta(seconds=delivered[0] + chance.randint(1, _LONGEST_WAIT)),
        message_id=str(message.message_id),
        reference=message.reference,
        sender=send.agent,
        pause=chance.random(),
    )


def given_reply(phone: str, text: str, answered: tuple[AcceptedSend, AcceptedMessage] | None) -> InboundReply:
    """Return a reply that was asked for.

    :param answered: the last message to the phone, if it got one.
    """
    now = datetime.now(UTC)
    reply_id = random.randrange(1, _LARGEST_ID)  # noqa: S311 -- need not be secret
    if answered is None:
        return InboundReply(reply_id, phone, text, now)
    send, message = answered
    return InboundReply(reply_id, phone, text, now, str(message.message_id), message.reference, send.agent)
