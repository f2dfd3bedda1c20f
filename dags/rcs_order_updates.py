"""Message customers about their orders as soon as another DAG has written a batch of updates.

Use it where an event should start a campaign. The task that writes the batches has ``outlets=[Asset("order_updates")]``
and, once a batch is complete, sets ``outlet_events[Asset("order_updates")].extra = {"batch": 12}``. Each batch is a
campaign, so an event that is repeated messages nobody twice. A phone gets one message for a batch, about the first of
its orders; to name all, aggregate them in the query. Fill in the query, the template and its variables. Connections: as
in ``rcs_campaign``; ``warehouse`` has a table ``order_update``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, Asset, task

from airflow_provider_rcs.transfers.sql_to_rcs import SqlToRcsOperator

UPDATES = Asset(name="order_updates", uri="warehouse://shop/order_update")
SQL = """
    SELECT full_name, phone, order_number, delivery_day FROM order_update WHERE batch = {batch} ORDER BY order_number
"""

with DAG(
    dag_id="rcs_order_updates",
    description="Send to the rows of each batch of updates that an asset event names",
    schedule=[UPDATES],
    start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC),
    catchup=False,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=20)},
    tags=["rcs", "example"],
    doc_md=__doc__,
):

    @task
    def batches(triggering_asset_events: Any = None) -> list[dict[str, str]]:
        """Return the campaign and the query of each batch; one run may have several events."""
        numbers = {int(event.extra["batch"]) for events in triggering_asset_events.values() for event in events}
        return [{"campaign": f"order-updates/{batch}", "sql": SQL.format(batch=batch)} for batch in sorted(numbers)]

    SqlToRcsOperator.partial(
        task_id="send",
        sql_conn_id="warehouse",
        template_id="1234568",
        name_column="full_name",
        reference_column="order_number",
        variables={"Pedido": "order_number", "Fecha": "delivery_day"},
        default_region="ES",
        on_empty="skip",
    ).expand_kwargs(batches())
