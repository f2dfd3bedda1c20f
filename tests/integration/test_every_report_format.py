"""Every form in which the service may push reports and replies, from the sandbox's push to the warehouse's row."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import Context

from airflow_provider_rcs.operators.rcs import RcsSendOperator
from airflow_provider_rcs.sandbox.options import Compression, ReportFormat, ReportShares
from airflow_provider_rcs.sandbox.pushes.reports import plan_reports
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.warehouse.load import load
from tests.integration.operators.conftest import connect, context, store
from tests.reporting_sandbox import reporting_sandbox, wait_until_reports_have_landed

__all__ = ["context", "store"]

SEED = 5
SHARES = ReportShares(failed=0, only_sent=0, temporarily_failed=0, fallback=0.5, read=0)
ANA, BEA = "+34600000001", "+34600000002"
PEOPLE = [{"phone": f"+346{number:08d}", "reference": f"customer-{number}"} for number in range(1, 13)]
COMPRESSIONS = [each for each in Compression if each is not Compression.NONE]
CASES = [
    *product(ReportFormat, [Compression.NONE], ["sms-7"], [""]),
    *product([ReportFormat.JSON, ReportFormat.FORM], COMPRESSIONS, ["sms-5.8"], [""]),
    *product([ReportFormat.JSON, ReportFormat.FORM, ReportFormat.MULTIPART], [Compression.NONE], ["rcs"], ["latin-1"]),
]


@pytest.mark.parametrize("formats", CASES, ids="-".join)
def test_reports_and_replies_reach_the_warehouse_in_every_format(
    store: sa.Engine,
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    formats: tuple[str, str, str, str],
) -> None:
    report_format, compression, fallback_format, quirk = formats
    url = store.url.render_as_string(hide_password=False)
    shares = {"failed_share": 0, "only_sent_share": 0, "temporarily_failed_share": 0, "fallback_share": 0.5}
    with reporting_sandbox(
        url,
        seed=SEED,
        report_jitter=0,
        read_share=0,
        quirk=[quirk] if quirk else [],
        report_format=report_format,
        report_compression=compression,
        fallback_format=fallback_format,
        **shares,
    ) as sandbox:
        connect(monkeypatch, sandbox)
        RcsSendOperator(
            task_id="send",
            recipients=PEOPLE,
            reference_column="reference",
            template_id="1234569",
            campaign="spring",
        ).execute(context)
        sandbox.push_reply(ANA, "¡BAJA!")
        sandbox.push_reply(BEA, "Mañana voy")
        wait_until_reports_have_landed(sandbox, store)
        accepted = sandbox.accepted()

    fold(store)
    warehouse = sa.create_engine(f"sqlite:///{tmp_path}/warehouse.db")
    load(store, warehouse, None)

    with warehouse.connect() as connection:
        messages = connection.execute(sa.text("SELECT phone, delivery_status, delivery_channel FROM rcs_message")).all()
        reports = connection.execute(sa.text("SELECT COUNT(*), COUNT(message_id) FROM rcs_report")).one()
        replies = connection.execute(sa.text("SELECT phone, text, opt_out, campaign FROM rcs_inbound ORDER BY 1")).all()
    planned = {f"+{entry['phone']}": plan_reports(entry["message_id"], SEED, SHARES) for entry in accepted}
    sms = "SMSMASIVO" if fallback_format == "sms-7" else "SMS"
    by_fallback = {phone for phone, plan in planned.items() if any(report.fallback for report in plan)}
    assert 0 < len(by_fallback) < len(PEOPLE)
    assert set(messages) == {(phone, "delivered", sms if phone in by_fallback else "RCS") for phone in planned}
    assert reports == (sum(map(len, planned.values())),) * 2
    assert [tuple(reply) for reply in replies] == [
        (ANA, "¡BAJA!", "BAJA", "spring"),
        (BEA, "Mañana voy", "", "spring"),
    ]
