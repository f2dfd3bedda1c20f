"""``airflow-rcs prune`` in a process that is killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from airflow_provider_rcs.cli.main import main
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.inbox_tables import report
from tests.stores import sqlite_store
from tests.unit.store.given import count, funnel, land_and_fold, phones, report_on, rows, sent
from tests.unit.store.privacy.test_retention import claim_listed, make_old


def test_a_prune_that_is_killed_loses_nothing_and_another_run_completes_it(tmp_path: Path) -> None:
    engine_url = sqlite_store(tmp_path / "store.db")
    engine = engine_from_url(engine_url)
    people = phones(40)
    claim = sent(engine, people)
    land_and_fold(engine, *(report_on(claim, phone) for phone in people))
    make_old(engine)
    before = funnel(engine)

    _prune_until_killed(engine_url, after_batches=2)

    pseudonymous = sum(key.startswith("pseudonym:") for key in rows(engine))
    assert 20 <= pseudonymous < 40
    assert claim_listed(engine, people) == []
    assert main(["prune", "--store-url", engine_url, "--older-than", "180d"]) == 0
    assert all(each.phone is None for each in rows(engine).values())
    assert count(engine, report) == 0
    assert funnel(engine) == before


def _prune_until_killed(url: str, after_batches: int) -> None:
    """Prune in another process, in batches of ten, and kill it in the batch after these."""
    code = f"""
from datetime import UTC, datetime, timedelta
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.privacy import retention
retention._ROWS_PER_BATCH = 10
pseudonymise, batches = retention.pseudonymise_messages, []
def pseudonymise_then_wait(*arguments):
    changed = pseudonymise(*arguments)
    batches.append(changed)
    if len(batches) > {after_batches}:
        print("in the middle", flush=True)
        input()
    return changed
retention.pseudonymise_messages = pseudonymise_then_wait
list(retention.prune(engine_from_url({url!r}), retention.RetentionLimit(datetime.now(UTC) - timedelta(days=180))))
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"in the middle\n"
    process.kill()
    process.communicate()
