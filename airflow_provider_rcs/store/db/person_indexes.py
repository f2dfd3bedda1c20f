"""The indexes by which an erasure finds a person's rows; a send and a fold pay next to nothing for them."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_provider_rcs.store.db.inbox_tables import report
from airflow_provider_rcs.store.db.tables import message

HAS_NO_PHONE_BUT_TEXT = sa.and_(message.c.phone.is_(None), message.c.phone_as_listed != sa.literal_column("''"))

# By id: a text may be longer than an entry of an index.
sa.Index(
    "ix_rcs_message_without_phone",
    message.c.id,
    postgresql_where=HAS_NO_PHONE_BUT_TEXT,
    sqlite_where=HAS_NO_PHONE_BUT_TEXT,
)

# Small, and without an entry for each report. On SQLite an erasure reads all reports, without a lock.
sa.Index("ix_rcs_report_message", report.c.message_id, postgresql_using="brin").ddl_if(dialect="postgresql")

# The reports on a phone that are not found through its messages. A longer text is no phone, and no entry of an index.
IS_FOUND_BY_PHONE = sa.and_(
    report.c.fold.is_not(None),
    sa.or_(report.c.message_id.is_(None), report.c.names_other_phone),
    sa.func.length(report.c.phone) <= sa.literal_column("20"),
)

sa.Index("ix_rcs_report_phone", report.c.phone, postgresql_where=IS_FOUND_BY_PHONE, sqlite_where=IS_FOUND_BY_PHONE)
