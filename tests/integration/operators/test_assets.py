"""The asset events that a send emits."""

from __future__ import annotations

from uuid import uuid4

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import Asset, Context

from airflow_provider_rcs.operators.assets import CAMPAIGNS, SENT_CAMPAIGNS
from airflow_provider_rcs.operators.rcs import RcsSendOperator
from tests.integration.operators.test_rcs import operator, people
from tests.sandbox_process import SandboxProcess

pytestmark = pytest.mark.usefixtures("sandbox", "store")


def test_a_send_emits_one_event_with_the_campaigns_name_and_counts(context: Context) -> None:
    campaign = f"campaign-{uuid4().hex[:8]}"

    operator(campaign, people(3)).execute(context)

    (emitted,) = context["outlet_events"][SENT_CAMPAIGNS].asset_alias_events
    assert emitted.dest_asset_key.uri == "rcs://store/campaigns"
    assert (emitted.extra["campaign"], emitted.extra["requested"], emitted.extra["accepted"]) == (campaign, 3, 3)
    assert "34600000001" not in str(emitted.extra)


def test_a_dry_run_emits_nothing(context: Context) -> None:
    operator("spring", people(3), dry_run=True).execute(context)

    assert context["outlet_events"][SENT_CAMPAIGNS].asset_alias_events == []


def test_the_users_own_outlets_are_kept(sandbox: SandboxProcess, store: sa.Engine) -> None:
    own = Asset("s3://bucket/sent")

    sending = RcsSendOperator(task_id="send", template_id="1", recipients=[], outlets=[own])

    assert sending.outlets == [own, SENT_CAMPAIGNS]


def test_airflow_does_not_change_the_assets_uri() -> None:
    assert CAMPAIGNS.uri == "rcs://store/campaigns"
