"""Operators that set the store up: creating and upgrading its tables, and checking all that the provider needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator

from airflow_provider_rcs.get_provider_info import DEFAULT_RCS_CONN_ID
from airflow_provider_rcs.hooks.store import unchecked_store_engine
from airflow_provider_rcs.operators.maintenance.base import RcsMaintenanceOperator
from airflow_provider_rcs.operators.rendering import RendersToText

if TYPE_CHECKING:
    import sqlalchemy as sa
    from airflow.providers.common.compat.sdk import Context


class RcsMigrateOperator(RcsMaintenanceOperator):
    """Create the store's tables, or upgrade them to the version of this provider, like ``airflow-rcs migrate``.

    Tables that are up to date stay as they are. Returns ``{"version": ...}``.
    """

    def open_store(self) -> sa.Engine:
        """Return the store, with or without tables."""
        return unchecked_store_engine(self.store_conn_id or None)

    def maintain(self, engine: sa.Engine, context: Context) -> dict[str, str]:  # noqa: ARG002
        """Migrate the store."""
        from airflow_provider_rcs.store.db.migrate import migrate

        version = migrate(engine)
        self.log.info("The store's tables are at version %s.", version)
        return {"version": version}


class RcsDoctorOperator(RendersToText, BaseOperator):
    """Check what a new setup gets wrong, like ``airflow-rcs doctor``, from the machine that the task runs on.

    Logs a line for each check, with what to do. Nothing is sent, and wrong credentials are shown to the service once.
    Fails at its end if a check failed. Returns the numbers of checks: ``{"ok": ..., "warning": ..., "failed": ...}``.

    :param receiver_url: the address that the panel of the RCS account has for reports, to check that too. (templated)
    :param sql: the query of a campaign, whose columns are compared with the variables of ``template_id``. (templated)
    :param sql_conn_id: the connection that runs the query. (templated)
    :param template_id: the template of that campaign. (templated)
    :param rcs_conn_id: the connection to the RCS API. (templated)
    :param store_conn_id: the connection to the store; by default ``[rcs] store_conn_id``. (templated)
    """

    template_fields: Sequence[str] = (
        "receiver_url",
        "sql",
        "sql_conn_id",
        "template_id",
        "rcs_conn_id",
        "store_conn_id",
    )
    template_ext: Sequence[str] = (".sql",)
    ui_color = "#eeeeee"

    def __init__(
        self,
        *,
        receiver_url: str = "",
        sql: str = "",
        sql_conn_id: str = "",
        template_id: str = "",
        rcs_conn_id: str = DEFAULT_RCS_CONN_ID,
        store_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"retries": 0, **kwargs})
        self.receiver_url = receiver_url
        self.sql = sql
        self.sql_conn_id = sql_conn_id
        self.template_id = template_id
        self.rcs_conn_id = rcs_conn_id
        self.store_conn_id = store_conn_id

    def execute(self, context: Context) -> dict[str, int]:  # noqa: ARG002
        """Run every check, and log its findings."""
        from airflow_provider_rcs.doctor.findings import Level
        from airflow_provider_rcs.doctor.setup import Setup, examine

        setup = Setup(
            rcs_conn_id=self.rcs_conn_id or DEFAULT_RCS_CONN_ID,
            store_conn_id=self.store_conn_id or None,
            receiver_url=self.receiver_url or "",
            sql=self.sql or "",
            sql_conn_id=self.sql_conn_id or "",
            template_id=str(self.template_id or ""),
        )
        counts = dict.fromkeys(map(str, Level), 0)
        log = {Level.OK: self.log.info, Level.WARNING: self.log.warning, Level.FAILED: self.log.error}
        for finding in examine(setup):
            log[finding.level]("%s", finding)
            counts[finding.level] += 1
        if counts[Level.FAILED]:
            raise AirflowFailException(f"{counts[Level.FAILED]} checks failed; the lines above say what to do.")
        return counts
