"""Erasure, which removes a person's data from the store without changing the counts of campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInFlightError, RcsInputError
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.campaigns import find_campaign, lock_campaign
from airflow_provider_rcs.store.db.bulk import insert_or_ignore, insert_or_update
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.inbox_tables import inbound, report, report_refused
from airflow_provider_rcs.store.db.tables import (
    campaign,
    capped_phone,
    erasure,
    message,
    store,
    suppression,
    suppression_pseudonym,
)
from airflow_provider_rcs.store.inbox.cursors import count_changed_reports
from airflow_provider_rcs.store.inbox.folding import lock_folding
from airflow_provider_rcs.store.inbox.opt_outs import opt_out_reason
from airflow_provider_rcs.store.outbox.recovery import recover_dead_attempts
from airflow_provider_rcs.store.privacy.personal_data import (
    IdentifiableMessage,
    PersonalData,
    find_inbound,
    find_messages,
    find_personal_data,
    find_reports,
)
from airflow_provider_rcs.store.privacy.pseudonyms import (
    ANONYMOUS_INBOUND,
    ANONYMOUS_REPORT,
    ERASED_UNSENT,
    Pseudonyms,
    create_pseudonyms,
    pseudonymise_messages,
)
from airflow_provider_rcs.store.privacy.tested_values import erase_tested_values, require_no_test_in_flight
from airflow_provider_rcs.store.privacy.turns import let_others_write

SUPPRESSED_ON_REQUEST = "erased on request"


def erase(engine: sa.Engine, phone: str, erased_by: str, *, suppress: bool = False) -> PersonalData:
    """Remove a person's data from the store, and return the rows that contained it.

    Each message keeps its row, with a pseudonym in place of the phone and without personal data: the counts of its
    campaign do not change, and the campaign does not message the phone again. Reports lose the phone as well; later
    ones lose it when they are folded. Suppressions remain, by pseudonym. Tests on the team's phones lose the values
    that they were sent with, which may be the person's.

    It is committed campaign by campaign, so that nobody waits for it. If it is stopped or killed, what is committed is
    right, and erasing again does the rest.

    :param phone: in E.164, such as ``+34600000001``.
    :param erased_by: who erases, for the record.
    :param suppress: whether to suppress the phone for all campaigns as well.
    :raises RcsInFlightError: if a message to the phone is being sent, or a test with values of real rows.
    """
    if not erased_by.strip():
        raise RcsInputError("by", "it is empty", "Enter who erases, for the record.")
    _recover_attempts_sending_to(engine, phone)
    searched_up_to = _last_fold(engine)
    found = find_personal_data(engine, phone)
    with reading(engine) as connection:
        _require_none_sending(connection, [each.id for each in found.messages], "Nothing was erased.")
    require_no_test_in_flight(engine, "Nothing was erased.")
    # First, because reports and replies that are folded from now on lose the phone if it is known as erased.
    pseudonyms = _record(engine, phone, erased_by, SUPPRESSED_ON_REQUEST if suppress else "")
    erased = _erase_messages(engine, pseudonyms, phone, found.messages)
    message_ids = [*(each.id for each in erased), *found.pseudonymous_messages]
    reports, replies = _erase_rest(engine, pseudonyms, phone, message_ids, found, searched_up_to)
    _forget_frequency_caps(engine, phone)
    erase_tested_values(engine)
    return PersonalData(
        erased,
        found.pseudonymous_messages,
        reports,
        replies,
        found.refused_reports,
        found.suppressions,
    )


def _last_fold(engine: sa.Engine) -> int:
    with reading(engine) as connection:
        return int(connection.execute(sa.select(store.c.fold).where(store.c.id == 1)).scalar_one())


def _recover_attempts_sending_to(engine: sa.Engine, phone: str) -> None:
    """Recover from dead attempts that were sending to the phone, so that they do not prevent the erasure."""
    with reading(engine) as connection:
        names = connection.execute(_campaigns_sending(message.c.recipient_key == phone)).scalars().all()
    for name in names:
        if sending := find_campaign(engine, name):
            recover_dead_attempts(engine, sending)


def _require_none_sending(connection: sa.Connection, messages: Sequence[int], so_far: str) -> None:
    name = connection.execute(_campaigns_sending(message.c.id.in_(messages))).scalars().first()
    if name is not None:
        raise RcsInFlightError(
            f"campaign {name!r}: a message to this phone is being sent right now, or its task died less than a lease "
            f"ago. {so_far} Run this again when the task has ended."
        )


def _campaigns_sending(condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Return the names of the campaigns that are sending messages which meet the condition."""
    of_campaign = message.c.campaign_id == campaign.c.id
    is_sending = message.c.state == MessageState.SENDING
    return sa.select(campaign.c.name).join(message, of_campaign).where(condition, is_sending)


def _record(engine: sa.Engine, phone: str, erased_by: str, reason: str) -> Pseudonyms:
    """Record the erasure, and replace the phone by its pseudonym in suppressions.

    :param reason: why to suppress it for all accounts as well; empty not to.
    """
    with transaction(engine) as connection:
        pseudonyms = create_pseudonyms(connection)
        row = {"pseudonym": pseudonyms.of(phone), "erased_by": erased_by, "erased_at": datetime.now(UTC)}
        insert_or_update(
            connection,
            erasure,
            [row],
            ["pseudonym"],
            lambda new: {"erased_by": new.erased_by, "erased_at": new.erased_at},
        )
        columns = (suppression.c.account, suppression.c.reason, suppression.c.since)
        suppressed = connection.execute(suppression.delete().where(suppression.c.phone == phone).returning(*columns))
        rows = [{"pseudonym": pseudonyms.of(phone), **row} for row in suppressed.mappings()]
        # Of two for all accounts, the first one stays.
        insert_or_ignore(connection, suppression_pseudonym, rows, key=["pseudonym", "account"])
        _suppress_pseudonym(connection, pseudonyms, phone, reason)
    return pseudonyms


def _suppress_pseudonym(connection: sa.Connection, pseudonyms: Pseudonyms, phone: str, reason: str) -> None:
    if reason:
        row = {"pseudonym": pseudonyms.of(phone), "account": "", "reason": reason, "since": datetime.now(UTC)}
        insert_or_ignore(connection, suppression_pseudonym, [row], key=["pseudonym", "account"])


def _erase_messages(
    engine: sa.Engine, pseudonyms: Pseudonyms, phone: str, found: Sequence[IdentifiableMessage]
) -> list[IdentifiableMessage]:
    """Pseudonymise a person's messages, campaign by campaign, and return them.

    :param found: messages of the person; those that other lists have added since are erased as well.
    """
    erased: list[IdentifiableMessage] = []
    left: Sequence[IdentifiableMessage] = sorted(found, key=attrgetter("campaign_id"))
    while left:
        for campaign_id, of_campaign in groupby(left, attrgetter("campaign_id")):
            messages = list(of_campaign)
            _erase_in_campaign(engine, pseudonyms, campaign_id, messages)
            erased += messages
            let_others_write(engine)
        with reading(engine) as connection:
            left = find_messages(connection, phone)
    return erased


def _erase_in_campaign(
    engine: sa.Engine, pseudonyms: Pseudonyms, campaign_id: int, messages: Sequence[IdentifiableMessage]
) -> None:
    # Nothing else is locked while the campaign's lock is awaited.
    with transaction(engine) as connection:
        revision = lock_campaign(connection, campaign_id)
        ids = [each.id for each in messages]
        _require_none_sending(connection, ids, "Only a part of the person's data is erased.")
        recipients = [(each.id, each.recipient_key) for each in messages]
        pseudonymise_messages(connection, pseudonyms, campaign_id, revision, recipients, ERASED_UNSENT, sa.true())


def _erase_rest(
    engine: sa.Engine,
    pseudonyms: Pseudonyms,
    phone: str,
    message_ids: Sequence[int],
    found: PersonalData,
    searched_up_to: int,
) -> tuple[Sequence[int], Sequence[int]]:
    """Blank what is about a person besides the messages; return the ids of reports and of the person's own messages.

    :param message_ids: the person's messages, which have pseudonyms now: later folds blank the reports on them.
    :param found: what was found without a lock.
    :param searched_up_to: the last fold when it was searched for; what was folded since is searched under the lock.
    """
    with transaction(engine) as connection:
        fold = lock_folding(connection)
        since = report.c.fold.between(searched_up_to + 1, fold)
        reports = sorted({*found.reports, *find_reports(connection, phone, message_ids, since)})
        is_found = sa.and_(report.c.id.in_(reports), report.c.fold.is_not(None))
        # With the number of a new fold, so that the next load updates them in the warehouse.
        connection.execute(report.update().where(is_found).values(fold=fold, **ANONYMOUS_REPORT))
        count_changed_reports(connection, fold)
        is_new = sa.or_(inbound.c.fold > searched_up_to, inbound.c.fold.is_(None))
        replies = sorted({*found.inbound, *find_inbound(connection, phone, message_ids, is_new)})
        _suppress_pseudonym(connection, pseudonyms, phone, _blank_inbound(connection, replies, fold))
        connection.execute(report_refused.delete().where(report_refused.c.id.in_(found.refused_reports)))
    return reports, replies


def _forget_frequency_caps(engine: sa.Engine, phone: str) -> None:
    # By itself and last: a claim under a cap may hold the row, and may have inserted it since the erasure began.
    with transaction(engine) as connection:
        connection.execute(capped_phone.delete().where(capped_phone.c.phone == phone))


def _blank_inbound(connection: sa.Connection, messages: Sequence[int], fold: int) -> str:
    """Remove personal data from messages of a person; return why the phone must be suppressed, or empty text.

    An opt-out whose phone could not be read is applied now that it is known whose it is.
    """
    is_one = inbound.c.id.in_(messages)
    waiting = sa.select(inbound.c.opt_out).where(is_one, inbound.c.is_unapplied).order_by(inbound.c.id).limit(1)
    word = connection.execute(waiting).scalar_one_or_none()
    connection.execute(inbound.update().where(is_one).values(fold=fold, is_unapplied=False, **ANONYMOUS_INBOUND))
    return opt_out_reason(word) if word else ""
