from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.cli.main import main
from airflow_provider_rcs.store.outbox.settlement import mark_in_doubt
from airflow_provider_rcs.store.privacy.retention import prune
from airflow_provider_rcs.warehouse.load import Loaded, load
from tests.unit.store.given import ANA, BEA, dispatched, land_and_fold, report_on, rows, sent
from tests.unit.store.privacy.test_retention import HALF_A_YEAR, make_old

Prune = Callable[..., int]


@pytest.fixture
def run(store_url: str) -> Prune:
    return lambda *options: main(["prune", "--store-url", store_url, *options])


@pytest.mark.slow
def test_it_prints_the_pruned_rows(engine: sa.Engine, run: Prune, capsys: pytest.CaptureFixture[str]) -> None:
    land_and_fold(engine, report_on(sent(engine, [ANA])))
    make_old(engine)

    assert run("--older-than", "180d") == 0

    printed = capsys.readouterr().out
    assert re.search(r"rcs_message +1\n", printed)
    assert re.search(r"rcs_report +1\n", printed)
    assert ANA not in rows(engine)


def test_a_dry_run_prunes_nothing(engine: sa.Engine, run: Prune, capsys: pytest.CaptureFixture[str]) -> None:
    sent(engine, [ANA])
    make_old(engine)

    run("--older-than", "180d", "--dry-run")

    assert re.search(r"rcs_message +1\n", capsys.readouterr().out)
    assert list(rows(engine)) == [ANA]


def test_it_prints_how_many_old_messages_in_doubt_were_not_pruned(
    engine: sa.Engine, run: Prune, capsys: pytest.CaptureFixture[str]
) -> None:
    mark_in_doubt(engine, dispatched(engine, [ANA, BEA]), "the connection broke")
    make_old(engine)

    run("--older-than", "180d")

    assert "2 old messages were not pruned: they are in doubt" in capsys.readouterr().out


@pytest.mark.slow
def test_campaign_prunes_only_that_campaign_and_names_an_unknown_one(
    engine: sa.Engine, run: Prune, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("spring", "summer"):
        sent(engine, [ANA], name)
        make_old(engine, name)

    assert run("--older-than", "180d", "--campaign", "summer") == 0
    assert run("--older-than", "180d", "--campaign", "autumn") == 2

    assert (list(rows(engine)), ANA in rows(engine, "summer")) == ([ANA], False)
    assert "no campaign 'autumn'" in capsys.readouterr().err


@pytest.mark.slow
def test_the_next_load_updates_pruned_messages_and_keeps_loaded_reports(engine: sa.Engine, tmp_path: Path) -> None:
    warehouse = sa.create_engine(f"sqlite:///{tmp_path}/warehouse.db")
    land_and_fold(engine, report_on(sent(engine, [ANA])))
    make_old(engine)
    load(engine, warehouse, None)

    pruned = [each.rows for each in prune(engine, HALF_A_YEAR)]
    loaded = load(engine, warehouse, None)

    assert pruned[:2] == [1, 1]
    assert loaded == Loaded(campaigns=1, messages=1, reports=0)
    with warehouse.connect() as connection:
        assert connection.execute(sa.text("SELECT phone, state FROM rcs_message")).one() == (None, "accepted")
        assert connection.execute(sa.text("SELECT count(*) FROM rcs_report")).scalar_one() == 1
