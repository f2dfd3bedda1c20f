"""From the store to warehouse tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook, BaseOperator

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.hooks.airflow_errors import airflow_exceptions
from airflow_provider_rcs.hooks.store import store_engine
from airflow_provider_rcs.operators.lineage import lineage_of_load

if TYPE_CHECKING:
    import sqlalchemy as sa
    from airflow.providers.common.compat.sdk import Context
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_rcs.warehouse.phones import PhoneForm


class RcsReportsToSqlOperator(BaseOperator):
    """Upsert what is new in the store into warehouse tables.

    They are ``rcs_campaign``, ``rcs_message``, ``rcs_message_channel`` and ``rcs_report``. Only what has changed since
    the last load is read; a load that is repeated or was killed does no harm. Tables and the view
    ``rcs_campaign_funnel`` are made where they are missing, new columns are added, and nothing is dropped. Returns the
    number of campaigns, messages and reports.

    :param target_conn_id: the connection of the warehouse: any with a SQL hook that gives a SQLAlchemy engine.
        (templated)
    :param schema: the warehouse's schema; by default the connection's own. (templated)
    :param store_conn_id: the connection of the store; by default ``[rcs] store_conn_id``. (templated)
    :param phones: how phones are shown in the warehouse: ``"plain"``; ``"hashed"``, which is the same text for the
        same phone; or ``"masked"``, of which the last digits can be read. Unless plain, the fields of reports that the
        API's document does not name are left out. (templated)
    :param phone_key_conn_id: the connection whose password is the key of the hashes. (templated)
    """

    template_fields: Sequence[str] = ("target_conn_id", "schema", "store_conn_id", "phones", "phone_key_conn_id")
    ui_color = "#ece3f5"

    def __init__(
        self,
        *,
        target_conn_id: str,
        schema: str | None = None,
        store_conn_id: str | None = None,
        phones: str = "plain",
        phone_key_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.target_conn_id = target_conn_id
        self.schema = schema
        self.store_conn_id = store_conn_id
        self.phones = phones
        self.phone_key_conn_id = phone_key_conn_id
        self._loaded_campaigns: tuple[str, ...] = ()

    def execute(self, context: Context) -> dict[str, int]:  # noqa: ARG002
        """Load what is new."""
        from airflow_provider_rcs.warehouse.load import load

        with airflow_exceptions():
            phones = self._phone_form()
            loaded = load(store_engine(self.store_conn_id), self._warehouse(), self.schema or None, phones)
        self.log.info(
            "Loaded %d campaigns, %d messages and %d reports.", loaded.campaigns, loaded.messages, loaded.reports
        )
        self._loaded_campaigns = loaded.campaign_names
        return {"campaigns": loaded.campaigns, "messages": loaded.messages, "reports": loaded.reports}

    def get_openlineage_facets_on_complete(self, task_instance: object) -> OperatorLineage[Any, Any] | None:  # noqa: ARG002
        """Tell the provider of OpenLineage of which campaigns something was loaded, and the tables."""
        return lineage_of_load(self._loaded_campaigns, self.target_conn_id, self.schema or None)

    def _phone_form(self) -> PhoneForm:
        from airflow_provider_rcs.warehouse.phones import MASKED, PLAIN, hashed

        match self.phones:
            case "plain":
                return PLAIN
            case "masked":
                return MASKED
            case "hashed":
                if not self.phone_key_conn_id:
                    raise RcsInputError(
                        "phone_key_conn_id", "hashed phones need a key", "Name a connection whose password is the key."
                    )
                return hashed(BaseHook.get_connection(self.phone_key_conn_id).password or "")
        raise RcsInputError("phones", f"{self.phones!r} is not known", "Use 'plain', 'hashed' or 'masked'.")

    def _warehouse(self) -> sa.Engine:
        hook = BaseHook.get_connection(self.target_conn_id).get_hook()
        if not hasattr(hook, "get_sqlalchemy_engine"):
            raise RcsInputError(
                "target_conn_id",
                f"the connection {self.target_conn_id!r} is not one to a SQL database",
                "Name one that is.",
            )
        engine: sa.Engine = hook.get_sqlalchemy_engine()
        # SQLAlchemy's errors would quote the rows, which hold phones.
        engine.hide_parameters = True
        return engine
