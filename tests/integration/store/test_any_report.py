"""Any reports that the receiver accepts are folded, whatever their fields hold."""

from __future__ import annotations

import secrets
from typing import Any

import orjson
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from airflow_provider_rcs.store.db.inbox_tables import report
from airflow_provider_rcs.store.db.tables import metadata, store
from airflow_provider_rcs.store.inbox.backlog import Backlog, read_backlog
from airflow_provider_rcs.store.inbox.bodies import received
from airflow_provider_rcs.store.inbox.folding import fold, fold_parked
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, land_all
from airflow_provider_rcs.store.outbox.claims import Claim
from airflow_provider_rcs.store.privacy.erasure import erase
from tests.unit.store.given import ANA, BEA, EVA, NOON, land_and_fold, report_on, row, sent
from tests.unit.store.read.test_exports import reports_since

# No other report is about her.
DORA = "+34600000004"
REFERENCE = "the reference of the request"
# Random, so that no database can compress it below the limits of its indexes.
LONG = secrets.token_hex(4_000)
VALUES: dict[str, list[str | int]] = {
    "Servicio": ["RCS", "SMS", ""],
    "Estado": ["13", "11", "50", "99", 13],
    "Agente": ["agent"],
    "Destinatario": [ANA, BEA, EVA, "34600000001", "600", ""],
    "RefCampaign": [REFERENCE, "unknown", ""],
    "RefMensaje": [""],
    "Fecha": ["2026-05-01 12:00:00", "0001-01-01 00:00:00", "9999-12-31 23:59:59", "2026-02-30 00:00:00", ""],
    "idCampaign": ["e-1", "e-2", ""],
    "idMensaje": [f"m-{ANA}", f"m-{BEA}", "7", ""],
}
any_value = st.one_of(
    st.just(LONG),
    st.sampled_from(["é", "\U0001f600", "\u202e", "\x01", "'", "\\", "%s", "{}", "null"]).map(
        lambda text: text * 2_000
    ),
    st.text(max_size=20),
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
)
reports = st.builds(
    lambda documented, others: {**others, **documented},
    st.fixed_dictionaries({}, optional={name: st.sampled_from(known) | any_value for name, known in VALUES.items()}),
    st.dictionaries(st.text(max_size=10) | st.just(LONG), any_value, max_size=2),
)


def push(engine: sa.Engine, claim: Claim, fields: list[dict[str, Any]]) -> None:
    """Land what the receiver reads in a body."""
    for each in fields:
        if each.get("RefCampaign") == REFERENCE:
            each["RefCampaign"] = claim.reference
    try:
        body = orjson.dumps(fields)
    except TypeError:
        return  # numbers and text that JSON cannot represent
    land_all(engine, [ReceivedReports(NOON, received("application/json", body, NOON).reports)])


def empty(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
        connection.execute(store.insert(), {"id": 1, "fold": 0})


@settings(
    max_examples=150,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(bodies=st.lists(st.lists(reports, min_size=1, max_size=4), max_size=3), with_pseudonyms=st.booleans())
def test_no_report_stops_a_fold(engine: sa.Engine, bodies: list[list[dict[str, Any]]], with_pseudonyms: bool) -> None:
    empty(engine)
    claim = sent(engine, [ANA, BEA, EVA, DORA])
    if with_pseudonyms:
        erase(engine, EVA, "a test")

    for fields in bodies:
        push(engine, claim, fields)
        fold(engine)
    fold_parked(engine)

    land_and_fold(engine, report_on(claim, DORA))
    assert row(engine, DORA).delivery_status == "delivered"
    assert read_backlog(engine) == Backlog(unfolded=0, oldest=None, set_aside=0)
    with engine.connect() as connection:
        landed = connection.execute(sa.select(sa.func.count()).select_from(report)).scalar_one()
    assert sum(len(page) for page in reports_since(engine)) == landed
