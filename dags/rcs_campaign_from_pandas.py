"""Send a campaign to the recipients in a pandas DataFrame that an upstream task returns.

Use it where Python chooses the recipients or computes what they get. Airflow stores what a task returns: for a long
list, let the task write a file, and give its path. Fill in the task, the template and its variables. Connections:
``rcs_default`` (the RCS account) and ``rcs_store`` (the ledger).
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pendulum
from airflow.sdk import dag, task

from airflow_provider_rcs.operators.rcs import RcsSendOperator

if TYPE_CHECKING:
    import pandas as pd

WELCOME_TEMPLATE = "1234567"


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC),
    catchup=False,
    default_args={"retries": 3},
    tags=["rcs", "example"],
    doc_md=__doc__,
)
def rcs_campaign_from_pandas() -> None:
    @task
    def best_customers() -> pd.DataFrame:
        """Return the customers to thank, with the amount of their vouchers."""
        import pandas as pd

        customers = pd.DataFrame(
            {
                "phone": ["+34 600 000 001", "600 000 002", "0034600000003", None],
                "name": ["Pedro Pérez", "Ana González", "Núria Puig", "Íñigo Ruiz"],
                "spent": [1250.5, 980.0, 431.0, 760.0],
            }
        )
        customers["voucher"] = (customers["spent"] * 0.02).round(2)
        return customers

    RcsSendOperator(
        task_id="send",
        recipients=best_customers(),
        template_id=WELCOME_TEMPLATE,
        variables={"Importe": "voucher"},
        default_region="ES",
    )


rcs_campaign_from_pandas()
