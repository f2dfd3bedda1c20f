"""Operators on what reports have left in the store: refolding, pruning old data, and refused bodies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_rcs.api.texts import text_of
from airflow_provider_rcs.get_provider_info import DEFAULT_RCS_CONN_ID
from airflow_provider_rcs.operators.maintenance.base import RcsMaintenanceOperator

if TYPE_CHECKING:
    import sqlalchemy as sa
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_rcs.store.privacy.old_rows import RetentionLimit


class RcsRefoldOperator(RcsMaintenanceOperator):
    """Apply changed status codes to the reports that have landed, like ``airflow-rcs refold``.

    Returns ``{"messages": ..., "changed": ...}``.

    :param campaign: the only campaign to refold; all by default. (templated)
    :param rcs_conn_id: the connection whose status codes count for the campaigns of its account. (templated)
    """

    template_fields: Sequence[str] = ("campaign", "rcs_conn_id", *RcsMaintenanceOperator.template_fields)

    def __init__(self, *, campaign: str = "", rcs_conn_id: str = DEFAULT_RCS_CONN_ID, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.campaign = campaign
        self.rcs_conn_id = rcs_conn_id

    def maintain(self, engine: sa.Engine, context: Context) -> dict[str, int]:  # noqa: ARG002
        """Refold the campaigns whose reports were folded with other codes."""
        from airflow_provider_rcs.hooks.status_codes import codes_of_connection
        from airflow_provider_rcs.store.maintenance.long_work import refold_store

        codes = codes_of_connection(self.rcs_conn_id)
        if codes is None:
            self.log.warning("No connection: campaigns keep the status codes that they were last sent with.")
        messages, changed = refold_store(engine, codes, self.campaign or None, self.log.info)
        self.log.info("Messages computed anew: %d; changed: %d.", messages, changed)
        return {"messages": messages, "changed": changed}


class RcsOldDataOperator(RcsMaintenanceOperator):
    """Do something with what is old enough to be pruned.

    :param older_than: the minimum age since the last change: ``"180d"``, or ``"26w"``. (templated)
    :param campaign: the only campaign that it concerns. (templated)
    """

    template_fields: Sequence[str] = ("older_than", "campaign", *RcsMaintenanceOperator.template_fields)

    def __init__(self, *, older_than: str, campaign: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.older_than = older_than
        self.campaign = campaign

    def read_limit(self, engine: sa.Engine) -> RetentionLimit:
        """Return what is old enough.

        :raises RcsInputError: if ``older_than`` is not an age, or the store has no such campaign.
        """
        from airflow_provider_rcs.store.maintenance.long_work import read_limit

        return read_limit(engine, "older_than", text_of("older_than", self.older_than), self.campaign or None)


class RcsCountPrunableOperator(RcsOldDataOperator):
    """Count what :class:`RcsPruneOperator` would prune, like ``airflow-rcs prune --dry-run``.

    Returns table -> rows.

    :param older_than: the minimum age since the last change: ``"180d"``, or ``"26w"``. (templated)
    :param campaign: the only campaign to look at. (templated)
    """

    def maintain(self, engine: sa.Engine, context: Context) -> dict[str, int]:  # noqa: ARG002
        """Count the rows."""
        from airflow_provider_rcs.store.privacy.retention import count_prunable

        limit = self.read_limit(engine)
        counts = dict(count_prunable(engine, limit))
        self.log.info("Rows that would be pruned: %s", counts)
        return counts


class RcsPruneOperator(RcsOldDataOperator):
    """Remove old data from the store, like ``airflow-rcs prune``, without allowing a second message to anyone.

    Old messages keep their row and state, with a pseudonym in place of the phone. It can run on a schedule. Returns
    table -> pruned rows.

    :param older_than: the minimum age since the last change: ``"180d"``, or ``"26w"``. (templated)
    :param campaign: the only campaign to prune. (templated)
    """

    def maintain(self, engine: sa.Engine, context: Context) -> dict[str, int]:  # noqa: ARG002
        """Prune the store."""
        from airflow_provider_rcs.store.maintenance.long_work import prune_store
        from airflow_provider_rcs.store.privacy.retention import count_unfinished

        limit = self.read_limit(engine)
        counts = dict(prune_store(engine, limit, self.log.info))
        self.log.info("Pruned rows: %s", counts)
        if unfinished := count_unfinished(engine, limit):
            self.log.warning(
                "Old messages that were not pruned, because they are in doubt (resolve them) or in use by a task: %d.",
                unfinished,
            )
        return counts


class RcsListRefusedOperator(RcsMaintenanceOperator):
    """Log the bodies that could not be read, without their content, like ``airflow-rcs refused list``.

    Returns ``{"refused": ...}``, their number.
    """

    def maintain(self, engine: sa.Engine, context: Context) -> dict[str, int]:  # noqa: ARG002
        """List the bodies."""
        from airflow_provider_rcs.api.tables import aligned
        from airflow_provider_rcs.store.inbox.refused import refused_bodies

        rows = [
            [
                str(each.id),
                f"{each.received_at:%Y-%m-%d %H:%M}",
                f"{each.last_received_at:%Y-%m-%d %H:%M}",
                each.times,
                each.reason,
                each.size,
            ]
            for each in refused_bodies(engine)
        ]
        headings = ["id", "since (UTC)", "last (UTC)", "count", "reason", "bytes"]
        self.log.info("%s", f"\n{aligned(headings, rows)}" if rows else "No body is refused.")
        return {"refused": len(rows)}


class RcsRetryRefusedOperator(RcsMaintenanceOperator):
    """Read all refused bodies again, after an upgrade or with a new setting, like ``airflow-rcs refused retry``.

    Dates and opt-outs are read by ``[rcs] reports_timezone`` and ``[rcs] opt_out_words``. Returns
    ``{"understood": ..., "refused": ..., "landed": ...}``.
    """

    def maintain(self, engine: sa.Engine, context: Context) -> dict[str, int]:  # noqa: ARG002
        """Read the bodies again, and fold what has landed."""
        from airflow_provider_rcs.hooks.reports import opt_out_words_from_airflow, timezone_from_airflow
        from airflow_provider_rcs.store.inbox.folding import fold_if_possible
        from airflow_provider_rcs.store.inbox.refused import retry_refused

        counts = {"understood": 0, "refused": 0, "landed": 0}
        for each in retry_refused(engine, timezone_from_airflow(), opt_out_words_from_airflow()):
            counts["refused" if each.reason else "understood"] += 1
            counts["landed"] += each.landed
            if each.reason:
                self.log.warning("%d: still refused: %s", each.id, each.reason)
        fold_if_possible(engine)
        self.log.info("Refused bodies, read again: %s", counts)
        return counts
