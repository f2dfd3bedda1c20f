"""Campaigns sent shard by shard, or to a sample of the list first."""

from __future__ import annotations

import logging
import re
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, Context

from airflow_provider_rcs.api.models import shards
from airflow_provider_rcs.operators.assets import SENT_CAMPAIGNS
from airflow_provider_rcs.operators.rcs import RcsSendOperator
from airflow_provider_rcs.store.read.funnel import read_funnel
from tests.sandbox_process import SandboxProcess
from tests.unit.store.given import states

PHONES = [f"+346{number:08d}" for number in range(60)]

pytestmark = pytest.mark.usefixtures("sandbox")


@pytest.fixture
def campaign() -> str:
    """A name of its own for each test, because the sandbox is shared."""
    return f"campaign-{uuid4().hex[:8]}"


def operator(campaign: str, recipients: list[Any] | None = None, **changes: Any) -> RcsSendOperator:
    listed = [{"phone": phone} for phone in (PHONES if recipients is None else recipients)]
    arguments: dict[str, Any] = {"task_id": "send", "template_id": "1234569", "campaign": campaign}
    return RcsSendOperator(**(arguments | {"recipients": listed} | changes))


def test_the_shards_of_a_list_together_send_one_campaign_to_every_recipient(
    store: sa.Engine, context: Context, campaign: str
) -> None:
    accepted = [operator(campaign, shard=shard).execute(context)["accepted"] for shard in shards(3)]

    assert sorted(set(accepted)) == accepted
    assert accepted[-1] == len(PHONES)
    assert states(store, campaign) == dict.fromkeys(PHONES, "accepted")


def test_a_sample_is_sent_to_first_and_then_every_other_recipient(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    before = len(sandbox.accepted())

    canary = operator(campaign, sample="0.1").execute(context)
    again = operator(campaign, sample=0.1).execute(context)
    everybody = operator(campaign).execute(context)

    assert 0 < canary["requested"] == canary["accepted"] == again["accepted"] < 20
    assert everybody["requested"] == everybody["accepted"] == len(PHONES)
    assert len(sandbox.accepted()) - before == len(PHONES)


def test_an_empty_shard_sends_nothing_and_succeeds(store: sa.Engine, context: Context, campaign: str) -> None:
    counts = [operator(campaign, PHONES[:1], shard=shard).execute(context)["requested"] for shard in shards(4)]

    assert counts == sorted(counts)
    assert counts[-1] == 1


def test_an_empty_list_is_refused_by_every_shard(store: sa.Engine, context: Context, campaign: str) -> None:
    with pytest.raises(AirflowFailException, match="the list is empty"):
        operator(campaign, recipients=[], shard="1/2").execute(context)


def test_messages_in_doubt_fail_only_their_own_shard(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    sandbox.faults([{"next": 1, "kind": "reset_after"}])
    with pytest.raises(AirflowException, match=r"RcsInDoubtError: .*: [0-9]+ messages of shard 1/2 are in doubt"):
        operator(campaign, shard="1/2").execute(context)

    other = operator(campaign, shard="2/2").execute(context)

    assert other["in_doubt"] > 0
    assert other["in_doubt"] + other["accepted"] == len(PHONES)


def test_with_on_invalid_fail_only_the_shard_with_the_invalid_recipient_fails(
    store: sa.Engine, context: Context, campaign: str
) -> None:
    errors = {}
    for shard in shards(3):
        try:
            operator(campaign, [*PHONES, "nobody"], shard=shard, on_invalid="fail").execute(context)
        except AirflowException as error:
            errors[shard] = str(error)

    [(failed, error_text)] = errors.items()
    assert "1 of" in error_text
    sent = {phone for phone, state in states(store, campaign).items() if state == "accepted"}
    planned = {phone for phone, state in states(store, campaign).items() if state == "planned"}
    assert sent | planned == set(PHONES)
    assert 0 < len(planned) < len(PHONES) / 2
    assert operator(campaign, shard=failed).execute(context)["accepted"] == len(PHONES)


def test_a_shard_emits_no_event_because_the_campaign_may_not_be_sent_yet(
    store: sa.Engine, context: Context, campaign: str
) -> None:
    operator(campaign, shard="1/2").execute(context)

    assert context["outlet_events"][SENT_CAMPAIGNS].asset_alias_events == []


def test_the_log_says_how_much_of_the_list_is_sent_to(
    store: sa.Engine, context: Context, campaign: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        operator(campaign, shard="2/4", sample=0.5).execute(context)

    assert re.search(
        rf"{campaign} starts: [0-9]+ recipients are listed \(of 60 rows: shard 2/4, sample 0\.5\)\.", caplog.text
    )


def test_a_dry_run_of_a_shard_counts_only_the_shard(store: sa.Engine, context: Context, campaign: str) -> None:
    plans = [operator(campaign, shard=shard, dry_run=True).execute(context)["planned"] for shard in shards(2)]

    assert all(plans)
    assert sum(plans) == len(PHONES)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shard": "3"}, "shard: '3' is not a shard"),
        ({"shard": ""}, "shard: '' is not a shard"),
        ({"sample": "all"}, "sample: 'all' is not a fraction of the list"),
        ({"sample": ""}, "sample: '' is not a fraction of the list"),
    ],
    ids=str,
)
def test_an_unreadable_shard_or_sample_is_refused_before_anything_is_sent(
    store: sa.Engine, context: Context, campaign: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(AirflowFailException, match=message):
        operator(campaign, **changes).execute(context)

    assert read_funnel(store, campaign) is None
