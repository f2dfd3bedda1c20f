"""Previews, sends and results without a DAG."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sqlalchemy as sa

from airflow_provider_rcs import campaigns
from airflow_provider_rcs.api.errors import (
    RcsCampaignConflictError,
    RcsEmptyListError,
    RcsInputError,
    RcsPlanChangedError,
    RcsStoreError,
)
from airflow_provider_rcs.api.models import FrequencyCap
from airflow_provider_rcs.api.wire.calls import DEFAULT_PATHS
from airflow_provider_rcs.operators.rcs import RcsSendOperator
from airflow_provider_rcs.store.db.tables import attempt
from tests.sandbox_process import SandboxProcess
from tests.stores import sqlite_store

PLAIN = "1234569"


def people(campaign: str, count: int) -> pd.DataFrame:
    """Return recipients whose phones no other campaign has."""
    start = int(campaign.removeprefix("campaign-")[:4], 16) * 1_000
    return pd.DataFrame({"phone": [f"+346{start + number:08d}" for number in range(count)], "name": "Ana"})


def times_messaged(sandbox: SandboxProcess, frame: pd.DataFrame) -> list[int]:
    """Return how many messages each of the people got."""
    messages = sandbox.messages_per_phone()
    return [messages.get(phone.removeprefix("+"), 0) for phone in frame["phone"]]


def test_a_send_returns_counts_and_ids_and_no_recipients(
    sandbox: SandboxProcess, store: sa.Engine, campaign: str
) -> None:
    frame = pd.concat([people(campaign, 3), pd.DataFrame({"phone": [None], "name": ["Nobody"]})])

    sent = campaigns.send(frame, template_id=PLAIN, campaign=campaign)

    assert (sent.requested, sent.accepted, sent.rejected, len(sent.api_campaign_ids)) == (4, 3, 1, 1)
    assert repr(sent) == (
        f"Campaign '{campaign}': 4 requested, 3 accepted, 1 rejected\n  rejected: phone: it is missing: 1"
    )
    with pytest.raises(FrozenInstanceError):
        sent.accepted = 5  # type: ignore[misc]


def test_a_send_that_is_repeated_messages_nobody_again(
    sandbox: SandboxProcess, store: sa.Engine, campaign: str
) -> None:
    campaigns.send(people(campaign, 3), template_id=PLAIN, campaign=campaign)

    sent = campaigns.send(people(campaign, 5), template_id=PLAIN, campaign=campaign)

    assert sent.accepted == 5
    assert times_messaged(sandbox, people(campaign, 5)) == [1] * 5


def test_a_send_by_a_user_without_a_name_is_recorded_with_the_users_number(
    sandbox: SandboxProcess, store: sa.Engine, campaign: str, no_name: None
) -> None:
    campaigns.send(people(campaign, 1), template_id=PLAIN, campaign=campaign)

    with store.connect() as connection:
        by = connection.execute(sa.select(attempt.c.started_by).order_by(attempt.c.id.desc())).scalars().first()
    assert by == f"user {os.getuid()} with airflow_provider_rcs.campaigns.send"


@pytest.mark.parametrize(
    "made_of",
    [
        pl.from_pandas,
        lambda frame: pa.Table.from_pandas(frame),
        lambda frame: frame.to_dict("records"),
        lambda frame: iter(frame.to_dict("records")),
        lambda frame: [frame.iloc[:1], frame.iloc[1:]],
    ],
    ids=["polars", "arrow", "dicts", "an iterator", "several tables"],
)
def test_recipients_come_in_every_form_that_the_operator_takes(
    sandbox: SandboxProcess, store: sa.Engine, campaign: str, made_of: Callable[[pd.DataFrame], Any]
) -> None:
    sent = campaigns.send(made_of(people(campaign, 2)), template_id=PLAIN, campaign=campaign)

    assert sent.accepted == 2


def test_recipients_come_from_files_with_their_options(
    sandbox: SandboxProcess, store: sa.Engine, campaign: str, tmp_path: Path
) -> None:
    people(campaign, 2).to_csv(tmp_path / "people.csv", sep=";", index=False)

    sent = campaigns.send(
        f"file://{tmp_path}/people.csv", template_id=PLAIN, campaign=campaign, read_options={"separator": ";"}
    )

    assert sent.accepted == 2


def test_results_can_be_the_funnel_as_it_is_after_the_send(
    sandbox: SandboxProcess, store: sa.Engine, campaign: str
) -> None:
    campaigns.send(people(campaign, 3), template_id=PLAIN, campaign=campaign)

    shown = campaigns.results(campaign, form="text")

    assert shown.splitlines()[:2] == [f"Campaign {campaign}", f"Requested                3  100.0%  {'█' * 30}"]
    assert campaigns.results(campaign, form="svg").startswith("<svg ")
    assert "| Requested | 3 | 100.0% |" in campaigns.results(campaign, form="markdown")


def test_a_preview_shows_the_plan_masked_and_records_nothing(
    sandbox: SandboxProcess, store: sa.Engine, campaign: str
) -> None:
    frame = people(campaign, 3)

    text = repr(campaigns.preview(frame, template_id=PLAIN, campaign=campaign))

    assert "would be sent to                  3" in text
    assert text.endswith("Nothing was sent or recorded.")
    assert "Ana" not in text
    assert not any(phone in text for phone in frame["phone"])
    with pytest.raises(RcsInputError, match="the store has no campaign"):
        campaigns.results(campaign)


def test_a_preview_without_a_store_says_what_is_unknown(sandbox: SandboxProcess, campaign: str) -> None:
    plan = campaigns.preview(people(campaign, 1), template_id=PLAIN, campaign=campaign, store_conn_id="no_store")

    assert "already messaged recipients are unknown: store_conn_id: the connection 'no_store' is not" in repr(plan)


def test_only_the_plan_that_was_previewed_is_sent(sandbox: SandboxProcess, store: sa.Engine, campaign: str) -> None:
    plan = campaigns.preview(people(campaign, 3), template_id=PLAIN, campaign=campaign)

    with pytest.raises(RcsPlanChangedError):
        campaigns.send(people(campaign, 4), template_id=PLAIN, campaign=campaign, approved_plan=plan.plan_hash)
    campaigns.send(people(campaign, 3), template_id=PLAIN, campaign=campaign, approved_plan=plan.plan_hash)

    assert times_messaged(sandbox, people(campaign, 4)) == [1, 1, 1, 0]


def test_a_dag_and_a_notebook_send_the_same_campaign_on_the_same_terms(
    sandbox: SandboxProcess, store: sa.Engine, campaign: str
) -> None:
    RcsSendOperator(task_id="send", recipients=people(campaign, 2), template_id=PLAIN, campaign=campaign).execute(
        context={}
    )

    sent = campaigns.send(people(campaign, 3), template_id=PLAIN, campaign=campaign)
    with pytest.raises(RcsCampaignConflictError, match="request_reports"):
        campaigns.preview(people(campaign, 3), template_id=PLAIN, campaign=campaign, request_reports=False)

    assert sent.accepted == 3
    assert times_messaged(sandbox, people(campaign, 3)) == [1, 1, 1]


def test_people_are_left_out_by_a_query(
    sandbox: SandboxProcess, store: sa.Engine, campaign: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = people(campaign, 2)
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "sqlite:///%3Amemory%3A")

    sent = campaigns.send(
        frame,
        template_id=PLAIN,
        campaign=campaign,
        exclude_sql=f"SELECT '{frame['phone'][0]}'",
        exclude_conn_id="warehouse",
    )

    assert (sent.accepted, sent.suppressed) == (1, 1)


def test_a_campaign_can_be_left_to_the_store_until_its_date(
    sandbox: SandboxProcess, store: sa.Engine, campaign: str
) -> None:
    sent = campaigns.send(
        people(campaign, 2),
        template_id=PLAIN,
        campaign=campaign,
        send_at="2035-01-01T10:00",
        timezone="Europe/Madrid",
        scheduled_by="store",
        frequency_cap=FrequencyCap(at_most=2, within=pd.Timedelta(days=7).to_pytimedelta()),
    )

    assert sent.planned == 2
    assert times_messaged(sandbox, people(campaign, 2)) == [0, 0]


def test_results_have_a_row_for_each_message(sandbox: SandboxProcess, store: sa.Engine, campaign: str) -> None:
    frame = pd.concat([people(campaign, 2), pd.DataFrame({"phone": ["12"], "name": ["Nobody"]})])
    campaigns.send(frame.assign(id=["a", "b", "c"]), template_id=PLAIN, campaign=campaign, reference_column="id")

    outcomes = campaigns.results(campaign).set_index("reference")

    assert outcomes["state"].to_dict() == {"a": "accepted", "b": "accepted", "c": "rejected"}
    assert list(outcomes.loc[["a", "b"], "phone"]) == list(frame["phone"][:2])
    assert outcomes.loc["c", "phone"] is None
    assert outcomes.loc["c", "phone_as_listed"] == "12"
    assert str(outcomes["requested_at"].dtype) == "datetime64[us, UTC]"


def test_results_show_only_the_last_digits_of_phones_if_asked(
    sandbox: SandboxProcess, store: sa.Engine, campaign: str
) -> None:
    campaigns.send(people(campaign, 2), template_id=PLAIN, campaign=campaign)

    outcomes = campaigns.results(campaign, phones="masked")

    assert set(outcomes["phone"]) | set(outcomes["phone_as_listed"]) == {"*********000", "*********001"}


def test_the_store_can_be_named_by_its_url(
    sandbox: SandboxProcess, campaign: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = sqlite_store(tmp_path / "other.db")
    campaigns.send(people(campaign, 1), template_id=PLAIN, campaign=campaign, store_url=url)

    monkeypatch.setenv("AIRFLOW_RCS_STORE_URL", url)

    assert len(campaigns.results(campaign)) == 1
    with pytest.raises(RcsInputError, match="Give one of the two"):
        campaigns.results(campaign, store_url=url, store_conn_id="rcs_store")


@pytest.mark.parametrize(
    ("changes", "kind", "text"),
    [
        ({"rcs_conn_id": "no_rcs"}, RcsInputError, "rcs_conn_id: the connection 'no_rcs' is not defined. Define it"),
        ({"store_conn_id": "no_store"}, RcsStoreError, "airflow-rcs migrate --store-conn-id no_store"),
        ({"exclude_sql": "SELECT 1"}, RcsInputError, "exclude_conn_id: it is not set"),
        ({"exclude_sql": " ", "exclude_conn_id": "x"}, RcsInputError, "exclude_sql: it is empty"),
        ({"on_empty": "ignore"}, RcsInputError, "on_empty: 'ignore' is not a choice"),
        ({"quiet_hours": "22-9"}, RcsInputError, "quiet_hours: "),
    ],
)
def test_what_cannot_be_used_is_named_with_a_remedy(
    sandbox: SandboxProcess, store: sa.Engine, campaign: str, changes: dict[str, Any], kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind, match=text):
        campaigns.send(people(campaign, 1), template_id=PLAIN, campaign=campaign, **changes)


def test_an_empty_list_is_an_error_unless_it_may_be_empty(
    sandbox: SandboxProcess, store: sa.Engine, campaign: str
) -> None:
    with pytest.raises(RcsEmptyListError):
        campaigns.send([], template_id=PLAIN, campaign=campaign)

    assert campaigns.send([], template_id=PLAIN, campaign=campaign, on_empty="skip").requested == 0


def test_a_template_is_looked_up_again_by_each_preview(
    sandbox: SandboxProcess, store: sa.Engine, campaign: str
) -> None:
    for _ in range(2):
        campaigns.preview(people(campaign, 1), template_id=PLAIN, campaign=campaign)

    assert [each["call"] for each in sandbox.calls()[-2:]] == [DEFAULT_PATHS["get_template"]] * 2


def test_two_sends_at_once_message_nobody_twice(sandbox: SandboxProcess, store: sa.Engine, campaign: str) -> None:
    frame = people(campaign, 300)

    def send() -> None:
        campaigns.send(frame, template_id=PLAIN, campaign=campaign, batch_size=10)

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert times_messaged(sandbox, frame) == [1] * 300


def test_a_send_runs_inside_an_event_loop(sandbox: SandboxProcess, store: sa.Engine, campaign: str) -> None:
    async def cell() -> int:
        return campaigns.send(people(campaign, 2), template_id=PLAIN, campaign=campaign).accepted

    assert asyncio.run(cell()) == 2
