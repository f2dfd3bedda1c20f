"""Operators that suppress phones, allow them again, and erase people, without leaving their phones in Airflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from airflow_provider_rcs.api.texts import text_of
from airflow_provider_rcs.operators.maintenance.base import RcsMaintenanceOperator, who_decides
from airflow_provider_rcs.operators.maintenance.phones import cells_given, delete_variable, phones_of_variable

if TYPE_CHECKING:
    import sqlalchemy as sa
    from airflow.providers.common.compat.sdk import Context


class RcsSuppressOperator(RcsMaintenanceOperator):
    """Suppress phones, all or none, like ``airflow-rcs suppress add`` and ``import``: no campaign may message them.

    Give exactly one of ``phones_variable``, ``sql`` and ``path``. A cell that cannot be read as the phone of a mobile
    is an error, and so is a list without phones. Returns ``{"added": ..., "suppressed_before": ...}``.

    :param reason: why; recorded with each message that is left out, so it must not hold personal data. (templated)
    :param phones_variable: an Airflow variable with the phones, one a line; deleted afterwards. (templated)
    :param sql: a query with one column, the phones. (templated)
    :param sql_conn_id: the connection that runs the query. (templated)
    :param path: a CSV or Parquet file: its path, or its URL in any storage that Airflow can read. (templated)
    :param column: the column of the phones in the file. (templated)
    :param read_options: how a CSV file is written: ``{"separator": ";", "encoding": "latin-1"}``; by default with
        commas, in UTF-8. (templated)
    :param default_region: the region of phones without a country, such as ``"ES"``. (templated)
    :param phone_format: what such phones begin with: ``"e164"`` a country code, ``"national"`` never one.
    :param mobile_only: whether fixed lines are refused.
    :param rcs_conn_id: the connection of the only account that it concerns; by default all accounts. (templated)
    """

    template_fields: Sequence[str] = (
        "reason",
        "phones_variable",
        "sql",
        "sql_conn_id",
        "path",
        "column",
        "read_options",
        "default_region",
        "rcs_conn_id",
        *RcsMaintenanceOperator.template_fields,
    )
    template_ext: Sequence[str] = (".sql",)

    def __init__(
        self,
        *,
        reason: str,
        phones_variable: str = "",
        sql: str = "",
        sql_conn_id: str = "",
        path: str = "",
        column: str = "phone",
        read_options: Mapping[str, str] | None = None,
        default_region: str | None = None,
        phone_format: str | None = None,
        mobile_only: bool = True,
        rcs_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.reason = reason
        self.phones_variable = phones_variable
        self.sql = sql
        self.sql_conn_id = sql_conn_id
        self.path = path
        self.column = column
        self.read_options = read_options
        self.default_region = default_region
        self.phone_format = phone_format
        self.mobile_only = mobile_only
        self.rcs_conn_id = rcs_conn_id

    def maintain(self, engine: sa.Engine, context: Context) -> dict[str, int]:  # noqa: ARG002
        """Suppress the phones."""
        from airflow_provider_rcs.recipients.phones import PhoneRules
        from airflow_provider_rcs.sending.sources.phone_lists import suppress_list

        reason = text_of("reason", self.reason)
        rules = PhoneRules(self.default_region or None, self.phone_format, self.mobile_only)
        options = self.read_options or {}
        argument, chunks = cells_given(
            self.phones_variable, self.sql, self.sql_conn_id, self.path, self.column, options
        )
        added, before = suppress_list(engine, argument, chunks, rules, reason, _account(self.rcs_conn_id))
        if self.phones_variable:
            delete_variable(self.phones_variable)
        self.log.info("Phones that are suppressed now: %d; that were before: %d.", added, before)
        return {"added": added, "suppressed_before": before}


class RcsAllowAgainOperator(RcsMaintenanceOperator):
    """Allow messages to suppressed phones again, like ``airflow-rcs suppress remove``; to erased ones, too.

    Messages that were left out stay so. Returns ``{"removed": ..., "not_suppressed": ...}``.

    :param phones_variable: an Airflow variable with the phones, one a line; deleted afterwards. (templated)
    :param default_region: the region of phones without a country, such as ``"ES"``. (templated)
    :param rcs_conn_id: the connection of the account for which they were suppressed; by default those that are
        suppressed for all accounts. (templated)
    """

    template_fields: Sequence[str] = (
        "phones_variable",
        "default_region",
        "rcs_conn_id",
        *RcsMaintenanceOperator.template_fields,
    )

    def __init__(
        self, *, phones_variable: str, default_region: str | None = None, rcs_conn_id: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.phones_variable = phones_variable
        self.default_region = default_region
        self.rcs_conn_id = rcs_conn_id

    def maintain(self, engine: sa.Engine, context: Context) -> dict[str, int]:  # noqa: ARG002
        """Remove the suppressions."""
        from airflow_provider_rcs.store.outbox.suppression_list import remove_suppression

        account = _account(self.rcs_conn_id)
        phones = _phones(self.phones_variable, self.default_region)
        removed = sum(remove_suppression(engine, phone, account) for phone in phones)
        delete_variable(self.phones_variable)
        self.log.info("Phones that are not suppressed any more: %d.", removed)
        if removed < len(phones):
            self.log.warning("Phones that were not suppressed for this account, or for all: %d.", len(phones) - removed)
        return {"removed": removed, "not_suppressed": len(phones) - removed}


class RcsFindPersonOperator(RcsMaintenanceOperator):
    """Count the rows of the store that are about people, which is what ``airflow-rcs erase`` shows first.

    Returns the number of rows with personal data: table -> rows. The variable is not deleted.

    :param phones_variable: an Airflow variable with their phones, one a line. (templated)
    :param default_region: the region of phones without a country, such as ``"ES"``. (templated)
    """

    template_fields: Sequence[str] = ("phones_variable", "default_region", *RcsMaintenanceOperator.template_fields)

    def __init__(self, *, phones_variable: str, default_region: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.phones_variable = phones_variable
        self.default_region = default_region

    def maintain(self, engine: sa.Engine, context: Context) -> dict[str, int]:  # noqa: ARG002
        """Count the rows."""
        from airflow_provider_rcs.store.inbox.folding import fold_parked
        from airflow_provider_rcs.store.privacy.personal_data import find_personal_data

        phones = _phones(self.phones_variable, self.default_region)
        # First fold landed reports: those without a phone are found through their messages only.
        fold_parked(engine)
        counts = _total([find_personal_data(engine, phone).as_counts() for phone in phones])
        self.log.info("Phones: %d; rows with personal data: %s", len(phones), counts)
        return counts


class RcsErasePersonOperator(RcsMaintenanceOperator):
    """Erase people from the store, like ``airflow-rcs erase``; their messages keep counting.

    Logs the SQL for copies in a warehouse, by ids, without personal data. Returns the number of erased rows: table ->
    rows.

    :param phones_variable: an Airflow variable with their phones, one a line; deleted afterwards. (templated)
    :param suppress: whether to suppress the phones for all campaigns as well, by their pseudonyms.
    :param default_region: the region of phones without a country, such as ``"ES"``. (templated)
    :param decided_by: who erases, for the record; by default the user who triggered the run.
    """

    template_fields: Sequence[str] = ("phones_variable", "default_region", *RcsMaintenanceOperator.template_fields)

    def __init__(
        self,
        *,
        phones_variable: str,
        suppress: bool,
        default_region: str | None = None,
        decided_by: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.phones_variable = phones_variable
        self.suppress = suppress
        self.default_region = default_region
        self.decided_by = decided_by

    def maintain(self, engine: sa.Engine, context: Context) -> dict[str, int]:
        """Erase the people, one after the other."""
        from airflow_provider_rcs.store.inbox.folding import fold_parked
        from airflow_provider_rcs.store.privacy.erasure import erase
        from airflow_provider_rcs.store.privacy.warehouse_copies import what_is_left
        from airflow_provider_rcs.store.read.exports import store_identity

        decided_by = who_decides(context, self.decided_by)
        phones = _phones(self.phones_variable, self.default_region)
        fold_parked(engine)
        erased = [erase(engine, phone, decided_by, suppress=self.suppress) for phone in phones]
        delete_variable(self.phones_variable)
        messages, reports, inbound = (
            [row for data in erased for row in rows_of(data)]
            for rows_of in (attrgetter("message_ids"), attrgetter("reports"), attrgetter("inbound"))
        )
        self.log.info("%s", what_is_left(store_identity(engine), messages, reports, inbound))
        counts = _total([data.as_counts() for data in erased])
        self.log.info("People that are erased: %d; rows: %s", len(phones), counts)
        return counts


def _phones(variable: str, default_region: str | None) -> list[str]:
    from airflow_provider_rcs.sending.sources.phone_lists import read_one_phone

    given = phones_of_variable(text_of("phones_variable", variable))
    return [read_one_phone("phones_variable", each, default_region or None) for each in given]


def _account(rcs_conn_id: str | None) -> str:
    if not rcs_conn_id:
        return ""
    from airflow_provider_rcs.hooks.rcs import RcsHook

    return RcsHook(rcs_conn_id).account


def _total(counts: Sequence[dict[str, int]]) -> dict[str, int]:
    return {table: sum(each[table] for each in counts) for table in counts[0]}
