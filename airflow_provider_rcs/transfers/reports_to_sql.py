"""The operator that loads delivery reports from the store into warehouse tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook, BaseOperator

from airflow_provider_rcs.api.counts import counted
from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.get_provider_info import DEFAULT_RCS_CONN_ID
from airflow_provider_rcs.hooks.airflow_errors import airflow_exceptions
from airflow_provider_rcs.hooks.status_codes import outdated_warnings
from airflow_provider_rcs.hooks.store import store_engine
from airflow_provider_rcs.operators.lineage import lineage_of_load
from airflow_provider_rcs.operators.rendering import RendersToText

if TYPE_CHECKING:
    import sqlalchemy as sa
    from airflow.providers.common.compat.sdk import Context
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_rcs.warehouse.phones import PhoneForm


class RcsReportsToSqlOperator(RendersToText, BaseOperator):
    """Upsert new campaigns, message states and delivery reports from the store into warehouse tables.

    The tables are ``rcs_campaign``, ``rcs_message``, ``rcs_message_channel``, ``rcs_report`` and ``rcs_inbound``, which
    has the replies of people; ``rcs_status_code`` says what the status codes mean. Only data that has changed since the
    last load is read, and a load can be repeated after it was killed. The tables and the views ``rcs_campaign_funnel``
    and ``rcs_message_times`` are created if they do not exist, new columns are added, and nothing is dropped. Several
    stores may load into the same tables. A target that holds a store is refused, because its tables have the same
    names. Returns the numbers of loaded campaigns, messages and reports. Warns of campaigns whose reports were folded
    with other status codes than those of now.

    :param target_conn_id: the connection to the warehouse; its hook must offer a SQLAlchemy engine. (templated)
    :param schema: the warehouse's schema; by default the connection's own. (templated)
    :param store_conn_id: the connection to the store; by default ``[rcs] store_conn_id``. (templated)
    :param phones: how phones are written to the warehouse: ``"plain"``; ``"hashed"``, which gives the same text for the
        same phone; or ``"masked"``, which shows only the last digits. Unless they are plain, report fields that the
        API's document does not name are left out. (templated)
    :param phone_key_conn_id: the connection whose password is the key of the hashes. (templated)
    :param rcs_conn_id: the connection whose status codes count for the campaigns of its account; if it is not defined,
        those count that each campaign was last sent with. (templated)
    """

    template_fields: Sequence[str] = (
        "target_conn_id",
        "schema",
        "store_conn_id",
        "phones",
        "phone_key_conn_id",
        "rcs_conn_id",
    )
    ui_color = "#ece3f5"

    def __init__(
        self,
        *,
        target_conn_id: str,
        schema: str | None = None,
        store_conn_id: str | None = None,
        phones: str = "plain",
        phone_key_conn_id: str | None = None,
        rcs_conn_id: str = DEFAULT_RCS_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.target_conn_id = target_conn_id
        self.schema = schema
        self.store_conn_id = store_conn_id
        self.phones = phones
        self.phone_key_conn_id = phone_key_conn_id
        self.rcs_conn_id = rcs_conn_id
        self._loaded_campaigns: tuple[str, ...] = ()

    def execute(self, context: Context) -> dict[str, int]:  # noqa: ARG002
        """Load the new data."""
        from airflow_provider_rcs.warehouse.load import load

        with airflow_exceptions():
            phones = self._phone_form()
            store = store_engine(self.store_conn_id)
            loaded = load(store, self._warehouse(), self.schema or None, phones)
            for warning in outdated_warnings(store, self.rcs_conn_id):
                self.log.warning(warning)
        self.log.info(
            "Loaded %s, %s, %s and %s.",
            counted(loaded.campaigns, "campaign", "campaigns"),
            counted(loaded.messages, "message", "messages"),
            counted(loaded.reports, "report", "reports"),
            counted(loaded.inbound, "reply", "replies"),
        )
        self._loaded_campaigns = loaded.campaign_names
        return {"campaigns": loaded.campaigns, "messages": loaded.messages, "reports": loaded.reports}

    def get_openlineage_facets_on_complete(self, task_instance: object) -> OperatorLineage[Any, Any] | None:  # noqa: ARG002
        """Return the loaded campaigns and the warehouse tables, for Airflow's OpenLineage provider."""
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
                        "phone_key_conn_id", "hashed phones need a key", "Give a connection whose password is the key."
                    )
                return hashed(BaseHook.get_connection(self.phone_key_conn_id).password or "")
        raise RcsInputError("phones", f"{self.phones!r} is not a choice", "Use 'plain', 'hashed' or 'masked'.")

    def _warehouse(self) -> sa.Engine:
        hook = BaseHook.get_connection(self.target_conn_id).get_hook()
        if not hasattr(hook, "get_sqlalchemy_engine"):
            raise RcsInputError(
                "target_conn_id",
                f"the connection {self.target_conn_id!r} is not to a SQL database",
                "Give a connection whose hook has get_sqlalchemy_engine().",
            )
        engine: sa.Engine = hook.get_sqlalchemy_engine()
        # Otherwise SQLAlchemy's errors quote the rows, which contain phones.
        engine.hide_parameters = True
        return engine
