"""A campaign that partly falls back from RCS to SMS, from the sandbox to the warehouse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import Context

from airflow_provider_rcs.operators.rcs import RcsSendOperator
from airflow_provider_rcs.sandbox.options import ReportShares, SandboxStatus
from airflow_provider_rcs.sandbox.pushes.reports import plan_reports
from airflow_provider_rcs.sensors.rcs import RcsCampaignSensor
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.read.funnel import read_funnel
from airflow_provider_rcs.warehouse.load import load
from tests.integration.operators.conftest import connect, context, store
from tests.reporting_sandbox import reporting_sandbox, wait_until_reports_have_landed
from tests.sandbox_process import SandboxProcess

__all__ = ["context", "store"]

SEED = 3
SHARES = ReportShares(failed=0.2, only_sent=0.1, fallback=0.5, read=0.5, repeated=0.2, out_of_order=0.2)
PEOPLE = [{"phone": f"+346{number:08d}", "name": f"Person {number}"} for number in range(300)]


CHANNELS = {"rcs": "SMS", "sms-7": "SMSMASIVO", "sms-5.8": "SMS"}
"""The channel of the reports of a fallback, by the format in which the service writes them."""


@pytest.fixture(params=CHANNELS)
def sms(request: pytest.FixtureRequest) -> str:
    """Return the format of the fallback's reports."""
    return str(request.param)


@pytest.fixture
def sandbox(store: sa.Engine, monkeypatch: pytest.MonkeyPatch, sms: str) -> Iterator[SandboxProcess]:
    """Run a sandbox whose reports are saved to the store."""
    shares = {f"{name}_share": share for name, share in asdict(SHARES).items()}
    store_url = store.url.render_as_string(hide_password=False)
    with reporting_sandbox(
        store_url, seed=SEED, code={"read": 20}, report_jitter=0.02, fallback_format=sms, **shares
    ) as sandbox:
        connect(monkeypatch, sandbox, extra={"status_codes": {"20": "read"}})
        yield sandbox


def expected_outcomes(sandbox: SandboxProcess, sms: str) -> Counter[tuple[str, str]]:
    """Count the accepted messages by the final status and channel that the sandbox reports.

    A message that failed twice failed on either channel: not every format has dates, which would tell the last.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for entry in sandbox.accepted():
        last = max(plan_reports(entry["message_id"], SEED, SHARES), key=lambda report: report.second)
        channel = CHANNELS[sms] if last.fallback else "RCS"
        counts[last.status, "" if last.status is SandboxStatus.FAILED else channel] += 1
    return counts


def test_funnel_sensor_and_warehouse_agree_on_what_each_channel_delivered(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, tmp_path: Path, sms: str
) -> None:
    RcsSendOperator(task_id="send", recipients=PEOPLE, template_id="1234569", campaign="spring").execute(context)
    wait_until_reports_have_landed(sandbox, store)
    fold(store)

    expected = expected_outcomes(sandbox, sms)
    by_rcs = expected[SandboxStatus.DELIVERED, "RCS"] + expected[SandboxStatus.READ, "RCS"]
    by_sms = expected[SandboxStatus.DELIVERED, CHANNELS[sms]]
    assert by_rcs > 20
    assert by_sms > 80
    assert expected[SandboxStatus.FAILED, ""] > 10
    funnel = read_funnel(store, "spring")
    assert funnel is not None
    assert funnel.delivered_by_channel == {"RCS": by_rcs, CHANNELS[sms]: by_sms}
    counts_of_sensor = RcsCampaignSensor(task_id="wait", campaign="spring", at_least=0.8, deferrable=False).execute(
        context
    )
    assert counts_of_sensor["delivered_by_channel"] == funnel.delivered_by_channel
    warehouse = sa.create_engine(f"sqlite:///{tmp_path}/warehouse.db")
    load(store, warehouse, None)
    with warehouse.connect() as connection:
        counted = connection.execute(
            sa.text(
                "SELECT delivery_status, CASE WHEN delivery_status = 'failed' THEN '' ELSE delivery_channel END, "
                "COUNT(*) FROM rcs_message GROUP BY 1, 2"
            )
        )
        assert {(status, channel): count for status, channel, count in counted} == dict(expected)
