"""A list without rows fails its task, or skips it if lists may be empty."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException, Context

from airflow_provider_rcs.operators.rcs import RcsSendOperator
from airflow_provider_rcs.operators.sending import RcsSendingOperator
from airflow_provider_rcs.store.campaign.campaigns import find_campaign
from airflow_provider_rcs.transfers.sql_to_rcs import SqlToRcsOperator
from tests.sandbox_process import SandboxProcess

ARGUMENTS: Any = {"task_id": "send", "template_id": "1234569", "campaign": "spring"}


@pytest.fixture(params=["query", "list", "iterator", "frame", "CSV"])
def empty(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what makes an operator with an empty list of each kind of source."""
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/w.db"}))
    (tmp_path / "people.csv").write_text("phone,name\n")
    recipients: dict[str, Any] = {
        "list": [],
        "iterator": iter([]),
        "frame": pd.DataFrame({"phone": []}),
        "CSV": f"{tmp_path.as_uri()}/people.csv",
    }

    def operator(**changes: Any) -> RcsSendingOperator:
        if request.param == "query":
            sql = "SELECT '34600000001' AS phone WHERE 1 = 0"
            return SqlToRcsOperator(sql=sql, sql_conn_id="warehouse", **ARGUMENTS, **changes)
        return RcsSendOperator(recipients=recipients[request.param], **ARGUMENTS, **changes)

    return operator


def test_an_empty_list_fails_its_task_by_default(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, empty: Any
) -> None:
    with pytest.raises(AirflowFailException, match=r"recipients: the list is empty.*on_empty='skip'"):
        empty().execute(context)


@pytest.mark.parametrize("dry_run", [False, True])
def test_an_empty_list_skips_a_task_whose_lists_may_be_empty(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, empty: Any, dry_run: bool
) -> None:
    with pytest.raises(AirflowSkipException, match="The list of recipients is empty"):
        empty(on_empty="skip", dry_run=dry_run).execute(context)

    assert find_campaign(store, "spring") is None


@pytest.mark.usefixtures("sandbox", "store")
def test_a_list_whose_recipients_are_all_invalid_is_not_empty(context: Context) -> None:
    operator = RcsSendOperator(recipients=[{"phone": "nobody"}], on_empty="skip", **ARGUMENTS)

    assert operator.execute(context)["rejected"] == 1


@pytest.mark.usefixtures("sandbox", "store")
def test_an_unknown_choice_for_empty_lists_is_refused(context: Context) -> None:
    with pytest.raises(AirflowFailException, match="on_empty: 'ignore' is not a choice. Use 'fail' or 'skip'"):
        RcsSendOperator(recipients=[{"phone": "34600000001"}], on_empty="ignore", **ARGUMENTS).execute(context)
