"""The base of the operators that maintain the store, and who decides what they do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.hooks.airflow_errors import airflow_exceptions
from airflow_provider_rcs.hooks.store import store_engine
from airflow_provider_rcs.operators.rendering import RendersToText

if TYPE_CHECKING:
    import sqlalchemy as sa
    from airflow.providers.common.compat.sdk import Context


class RcsMaintenanceOperator(RendersToText, BaseOperator):
    """Base class: does to the store what a command of ``airflow-rcs`` does, for an Airflow without a shell.

    What the operators return and log holds no phone and no name of a person. They are not retried by default: a person
    waits for the result.

    :param store_conn_id: the connection to the store; by default ``[rcs] store_conn_id``. (templated)
    """

    template_fields: Sequence[str] = ("store_conn_id",)
    ui_color = "#eeeeee"

    def __init__(self, *, store_conn_id: str | None = None, **kwargs: Any) -> None:
        super().__init__(**{"retries": 0, **kwargs})
        self.store_conn_id = store_conn_id

    def execute(self, context: Context) -> Any:
        """Do the work, and return its counts."""
        with airflow_exceptions():
            return self.maintain(self.open_store(), context)

    def open_store(self) -> sa.Engine:
        """Return the store that the work is on."""
        return store_engine(self.store_conn_id or None)

    def maintain(self, engine: sa.Engine, context: Context) -> Any:
        """Do the work on the store, and return its counts, without personal data."""
        raise NotImplementedError


def who_decides(context: Context, decided_by: str | None) -> str:
    """Return who decides: as the DAG says, or else the user who triggered the run.

    :raises RcsInputError: if the DAG does not say, and no user triggered the run.
    """
    user = decided_by or getattr(context.get("dag_run"), "triggering_user_name", None)
    if not user:
        raise RcsInputError(
            "decided_by",
            "it is not set, and no user triggered this run",
            "Trigger it by hand, or name who decides; the ledger records it.",
        )
    return str(user)
