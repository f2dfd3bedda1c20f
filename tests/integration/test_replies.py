"""A reply of a person, from its push to the suppression of the phone and to the warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.receiver.app import ReportsApp
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.outbox.claims import claim_batches
from airflow_provider_rcs.warehouse.load import load
from tests.stores import postgres_store, sqlite_store
from tests.unit.receiver.pushing import LOOK_UPS, push
from tests.unit.store.given import ANA, BEA, planned, sent
from tests.unit.warehouse.test_load import rows

REPLY = {
    "Servicio": "SMSRECIBIDO",
    "Movil": "34600000001",
    "Mensaje": "Nó, más!",
    "Remitente": "BANCO",
    "Fecha": "2026-05-01 14:00:00",
    "idR": "77",
    "idM": f"m-{ANA}",
}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """A store and an engine of this test alone, because the receiver's threads fold for a while after it."""
    if request.param == "sqlite":
        engine = engine_from_url(sqlite_store(tmp_path / "store.db"))
        yield engine
        engine.dispose()
    else:
        with postgres_store(request.getfixturevalue("postgres")) as url:
            engine = engine_from_url(url)
            yield engine
            engine.dispose()


@pytest.mark.parametrize("format_", ["json", "data"])
def test_a_pushed_reply_opts_out_before_it_is_answered_and_reaches_the_warehouse(
    engine: sa.Engine, tmp_path: Path, format_: str
) -> None:
    app = ReportsApp(lambda: engine, LOOK_UPS, opt_out_words=["NO MAS"])
    sent(engine)
    attempt = planned(engine, [ANA, BEA], "summer")

    pushed: dict[str, Any] = {format_: REPLY}
    answers = [push(app, **pushed).json() for _ in range(2)]
    [claim] = claim_batches(engine, attempt, 10)

    assert (answers, claim.phones) == ([{"committed": 1}] * 2, [BEA])
    warehouse = sa.create_engine(f"sqlite:///{tmp_path}/warehouse.db")
    load(engine, warehouse, None)
    loaded = rows(warehouse, "SELECT campaign, phone, text, opt_out, sender FROM rcs_inbound")
    assert loaded == [("spring", ANA, "Nó, más!", "NO MAS", "BANCO")]
    warehouse.dispose()
