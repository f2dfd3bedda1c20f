"""Erasure: a person is taken out of the store; the books of the campaigns stay, and so does whom not to message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInFlightError, RcsInputError
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.recipients.phones import could_be_phone
from airflow_provider_rcs.store.campaign.campaigns import find_campaign, lock_campaign
from airflow_provider_rcs.store.db.bulk import insert_or_ignore, insert_or_update
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.tables import (
    campaign,
    erasure,
    exclusion,
    exclusion_pseudonym,
    message,
    report,
    report_refused,
    store,
    suppression,
    suppression_pseudonym,
)
from airflow_provider_rcs.store.inbox.folding import lock_folding
from airflow_provider_rcs.store.outbox.recovery import recover_dead_attempts
from airflow_provider_rcs.store.privacy.pseudonyms import (
    ANONYMOUS_REPORT,
    ERASED_UNSENT,
    IDENTIFIES_RECIPIENT,
    IS_PSEUDONYMISED,
    Pseudonyms,
    create_pseudonyms,
    find_pseudonyms,
    pseudonymise_messages,
)

SUPPRESSED_ON_REQUEST = "erased on request"


_ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class IdentifiableMessage:
    """A message that names a person."""

    id: int
    campaign_id: int
    recipient_key: str


@dataclass(frozen=True, slots=True)
class PersonalData:
    """Where a person is in the store.

    :param messages: the messages that name the person, those too that were rejected because the phone was no phone.
    :param hashed_messages: ids of the messages that the store knows to be the person's, and that name nobody.
    :param reports: ids of the delivery reports that name the person.
    :param refused_reports: ids of the bodies, kept because they could not be understood, that the phone stands in.
    :param exclusions: how many campaigns exclude the phone.
    :param suppressions: whether the phone is suppressed: 1 or 0.
    """

    messages: Sequence[IdentifiableMessage] = ()
    hashed_messages: Sequence[int] = ()
    reports: Sequence[int] = ()
    refused_reports: Sequence[int] = ()
    exclusions: int = 0
    suppressions: int = 0

    @property
    def all_messages(self) -> list[int]:
        """Ids of all messages of the person, whether the store names them still or not."""
        return sorted([*(each.id for each in self.messages), *self.hashed_messages])

    def as_counts(self) -> dict[str, int]:
        """Return what names the person: table -> rows."""
        return {
            "rcs_message": len(self.messages),
            "rcs_report": len(self.reports),
            "rcs_report_refused": len(self.refused_reports),
            "rcs_exclusion": self.exclusions,
            "rcs_suppression": self.suppressions,
        }


def find_personal_data(engine: sa.Engine, phone: str) -> PersonalData:
    """Return where a person is in the store. Nothing is written.

    :param phone: E.164 digits.
    """
    with reading(engine) as connection:
        return _find(connection, find_pseudonyms(connection), phone, report.c.fold.is_not(None))


def erase(engine: sa.Engine, phone: str, erased_by: str, *, suppress: bool = False) -> PersonalData:
    """Take a person out of the store, all at once or not at all, and return where they were.

    Each message keeps its row, with a hash for the phone and nothing else that tells who it was: so the counts of the
    campaigns stay, and none of them messages the phone again. Reports lose the phone too; those that come later lose
    it when they are folded. Whoever was suppressed or excluded stays so, by the hash.

    :param phone: E.164 digits.
    :param erased_by: who erases, for the books.
    :param suppress: whether no campaign may ever message the phone again, also where that was not so before.
    :raises RcsInFlightError: if a message to the phone is being sent.
    """
    if not erased_by.strip():
        raise RcsInputError("by", "it is empty", "Say who erases, for the books.")
    _bury_the_dead_that_send_to(engine, phone)
    # All reports are looked through before the folds are held up, and then only those that were folded meanwhile.
    looked_to = _last_fold(engine)
    found = find_personal_data(engine, phone).reports
    with transaction(engine) as connection:
        fold = lock_folding(connection)
        hashes = create_pseudonyms(connection)
        folded_meanwhile = report.c.fold.between(looked_to + 1, fold)
        # An empty list would be a subquery, for which PostgreSQL looks all reports through once more.
        among = sa.or_(report.c.id.in_(found), folded_meanwhile) if found else folded_meanwhile
        traces = _find(connection, hashes, phone, among)
        _replace_messages(connection, hashes, traces.messages)
        _blank_reports(connection, traces.reports, fold)
        connection.execute(report_refused.delete().where(report_refused.c.id.in_(traces.refused_reports)))
        _keep_out_by_hash(connection, hashes, phone, suppress)
        row = {"pseudonym": hashes.of(phone), "erased_by": erased_by, "erased_at": datetime.now(UTC)}
        insert_or_update(
            connection,
            erasure,
            [row],
            ["pseudonym"],
            lambda new: {"erased_by": new.erased_by, "erased_at": new.erased_at},
        )
    return traces


def _last_fold(engine: sa.Engine) -> int:
    with reading(engine) as connection:
        return int(connection.execute(sa.select(store.c.fold).where(store.c.id == 1)).scalar_one())


def _find(connection: sa.Connection, hashes: Pseudonyms | None, phone: str, among: sa.ColumnElement[bool]) -> PersonalData:
    """Return where a person is, of the reports those among some that are folded."""
    # Campaign by campaign: that is how the index knows whom a message is to.
    in_any = message.c.campaign_id.in_(sa.select(campaign.c.id))
    columns = (message.c.id, message.c.campaign_id, message.c.recipient_key)
    own = [
        IdentifiableMessage(*row) for row in connection.execute(sa.select(*columns).where(in_any, message.c.recipient_key == phone))
    ]
    hashed: Sequence[int] = []
    if hashes:
        of_hash = sa.select(message.c.id).where(in_any, message.c.recipient_key == hashes.of(phone))
        hashed = connection.execute(of_hash).scalars().all()
    named = [*own, *_unreadable(connection, phone)]
    is_theirs = sa.or_(report.c.phone == phone, report.c.message_id.in_([*(each.id for each in named), *hashed]))
    # One that is not folded yet loses its person when it is.
    reports = sa.select(report.c.id).where(among, IDENTIFIES_RECIPIENT, is_theirs)
    excluded = sa.select(sa.func.count()).select_from(exclusion).where(exclusion.c.phone == phone)
    suppressed = sa.select(sa.func.count()).select_from(suppression).where(suppression.c.phone == phone)
    return PersonalData(
        named,
        hashed,
        connection.execute(reports).scalars().all(),
        list(_refused(connection, phone)),
        connection.execute(excluded).scalar_one(),
        connection.execute(suppressed).scalar_one(),
    )


def _unreadable(connection: sa.Connection, phone: str) -> Iterator[IdentifiableMessage]:
    """Give the messages without a phone whose text may mean this one."""
    listed = sa.select(message.c.id, message.c.campaign_id, message.c.recipient_key, message.c.phone_as_listed).where(
        message.c.phone.is_(None), sa.not_(IS_PSEUDONYMISED)
    )
    for row in connection.execute(listed, execution_options={"yield_per": _ROWS_AT_ONCE}):
        if could_be_phone(row.phone_as_listed, phone):
            yield IdentifiableMessage(row.id, row.campaign_id, row.recipient_key)


def _refused(connection: sa.Connection, phone: str) -> Iterator[int]:
    bodies = sa.select(report_refused.c.id, report_refused.c.body)
    for row in connection.execute(bodies, execution_options={"yield_per": _ROWS_AT_ONCE // 10}):
        if phone.encode() in row.body.translate(None, b" -.()"):
            yield row.id


def _bury_the_dead_that_send_to(engine: sa.Engine, phone: str) -> None:
    with reading(engine) as connection:
        found = connection.execute(_campaigns_that_send_to(message.c.recipient_key == phone)).scalars().all()
    for name in found:
        if sending := find_campaign(engine, name):
            recover_dead_attempts(engine, sending)


def _replace_messages(connection: sa.Connection, hashes: Pseudonyms, messages: Sequence[IdentifiableMessage]) -> None:
    # In the order of their numbers, as a fold does, so that two processes never wait for each other crosswise.
    for campaign_id in sorted({each.campaign_id for each in messages}):
        revision = lock_campaign(connection, campaign_id)
        recipients = [(each.id, each.recipient_key) for each in messages if each.campaign_id == campaign_id]
        _require_none_under_way(connection, [row for row, _ in recipients])
        pseudonymise_messages(connection, hashes, campaign_id, revision, recipients, ERASED_UNSENT, sa.true())


def _require_none_under_way(connection: sa.Connection, messages: Sequence[int]) -> None:
    name = connection.execute(_campaigns_that_send_to(message.c.id.in_(messages))).scalars().first()
    if name is not None:
        raise RcsInFlightError(
            f"campaign {name!r}: a message to this phone is being sent right now, or its task died less than a lease "
            "ago. Nothing was erased. Run it again when the task has ended."
        )


def _campaigns_that_send_to(which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Return the names of the campaigns that are sending such messages."""
    of_message = message.c.campaign_id == campaign.c.id
    return sa.select(campaign.c.name).join(message, of_message).where(which, message.c.state == MessageState.SENDING)


def _blank_reports(connection: sa.Connection, reports: Sequence[int], fold: int) -> None:
    # With the number of a new fold, so that the next load brings them to the warehouse again.
    connection.execute(report.update().where(report.c.id.in_(reports)).values(fold=fold, **ANONYMOUS_REPORT))


def _keep_out_by_hash(connection: sa.Connection, hashes: Pseudonyms, phone: str, suppress: bool) -> None:
    key = hashes.of(phone)
    excluded_from = connection.execute(
        exclusion.delete().where(exclusion.c.phone == phone).returning(exclusion.c.campaign_id)
    )
    exclusions = [{"campaign_id": row.campaign_id, "pseudonym": key} for row in excluded_from]
    insert_or_ignore(connection, exclusion_pseudonym, exclusions, key=["campaign_id", "pseudonym"])
    suppressed = connection.execute(
        suppression.delete().where(suppression.c.phone == phone).returning(suppression.c.reason, suppression.c.since)
    )
    suppressions = [{"pseudonym": key, "reason": row.reason, "since": row.since} for row in suppressed]
    if suppress:
        suppressions.append({"pseudonym": key, "reason": SUPPRESSED_ON_REQUEST, "since": datetime.now(UTC)})
    insert_or_ignore(connection, suppression_pseudonym, suppressions[:1], key=["pseudonym"])
