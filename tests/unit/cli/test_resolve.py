"""``airflow-rcs resolve``."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.cli.main import main
from airflow_provider_rcs.store.outbox.settlement import mark_in_doubt
from tests.unit.store.given import ANA, BEA, dispatched, states


def test_without_a_verdict_it_shows_the_requests_in_doubt(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    claim = dispatched(engine, [ANA])
    mark_in_doubt(engine, claim, "the connection broke")

    main(["resolve", "spring", "--store-url", store_url])

    assert capsys.readouterr().out.splitlines()[2].split()[0] == claim.reference


def test_a_verdict_requires_a_reason(store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    mark_in_doubt(engine, dispatched(engine, [ANA]), "the connection broke")

    without = main(["resolve", "spring", "--as", "accepted", "--store-url", store_url])
    given = main(["resolve", "spring", "--as", "accepted", "--because", "seen in the panel", "--store-url", store_url])

    assert (without, given) == (2, 0)
    printed = capsys.readouterr()
    assert "because: it is empty" in printed.err
    assert "Campaign spring: 1 message was resolved as accepted." in printed.out


def test_an_unknown_campaign_is_named(store_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resolve", "autumn", "--store-url", store_url]) == 2

    assert "the store has no campaign 'autumn'" in capsys.readouterr().err


@pytest.mark.parametrize("phone", ["+34 600 000 001", "34600000001"])
def test_one_message_is_resolved_by_its_phone(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str], phone: str
) -> None:
    mark_in_doubt(engine, dispatched(engine, [ANA, BEA]), "the connection broke")
    verdict = ["--as", "accepted", "--because", "seen in the panel"]

    assert main(["resolve", "spring", *verdict, "--phone", phone, "--store-url", store_url]) == 0

    assert "1 message was resolved" in capsys.readouterr().out
    assert states(engine) == {ANA: "accepted", BEA: "in_doubt"}
