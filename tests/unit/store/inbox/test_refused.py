"""Refused bodies: listed, and read again after an upgrade or with another setting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.accounts import ANOTHER_WAY, ReportsConnection
from airflow_provider_rcs.api.models import InboundMessage, Report
from airflow_provider_rcs.store.db.inbox_tables import inbound, report, report_refused
from airflow_provider_rcs.store.db.tables import suppression
from airflow_provider_rcs.store.inbox import refused
from airflow_provider_rcs.store.inbox.bodies import received, write_line
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, RefusedReport, land_all
from airflow_provider_rcs.store.inbox.refused import Reread, read_refused_body, refused_bodies, retry_refused
from tests.unit.store.given import ANA, BEA, NOON, count, report_on, row, sent

MADRID = ZoneInfo("Europe/Madrid")
MINUTE = timedelta(minutes=1)
BAJA = InboundMessage(ANA, "BAJA", api_inbound_id="r-1")

Upgrade = Callable[[ReceivedReports], None]


@pytest.fixture
def understand(monkeypatch: pytest.MonkeyPatch) -> Upgrade:
    """Have the next version understand every body as what is given."""

    def upgrade(push: ReceivedReports) -> None:
        def read(content_type: str, body: bytes, received_at: datetime, timezone: tzinfo) -> ReceivedReports:
            reasons = [RefusedReport(each.reason, content_type, body) for each in push.refused]
            return push._replace(received_at=received_at, refused=reasons)

        monkeypatch.setattr(refused, "received", read)

    return upgrade


def refuse(engine: sa.Engine, body: bytes = b"?", *reports: Report, times: int = 1) -> None:
    for number in range(times):
        push = ReceivedReports(NOON + number * MINUTE, reports, [RefusedReport("why", "text/plain", body)])
        land_all(engine, [push])


def retry(engine: sa.Engine, ids: list[int] | None = None) -> list[Reread]:
    return list(retry_refused(engine, MADRID, ids=ids))


def ids_of(engine: sa.Engine) -> list[int]:
    return [each.id for each in refused_bodies(engine)]


def codes(engine: sa.Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(report.c.status_code).order_by(report.c.id)).scalars())


def test_refused_bodies_are_listed_with_their_count_and_size(engine: sa.Engine) -> None:
    refuse(engine, b"??", times=20)

    [found] = refused_bodies(engine)

    assert (found.times, found.reason, found.content_type, found.size) == (20, "why", "text/plain", 2)
    assert (found.received_at, found.last_received_at) == (NOON, NOON + 19 * MINUTE)
    assert read_refused_body(engine, found.id) == b"??"


@pytest.mark.parametrize("body_id", [2**63 - 1, -(2**63) + 1, 0])
def test_a_body_with_any_id_that_a_row_can_have_is_read(engine: sa.Engine, body_id: int) -> None:
    refuse(engine, b"??")
    with engine.begin() as connection:
        connection.execute(report_refused.update().values(id=body_id))

    assert read_refused_body(engine, body_id) == b"??"
    assert read_refused_body(engine, 2**63) is None


def test_a_body_that_is_understood_now_lands_once_and_is_refused_no_more(
    engine: sa.Engine, understand: Upgrade
) -> None:
    taken = sent(engine)
    refuse(engine, times=20)
    understand(ReceivedReports(NOON, [report_on(taken)]))
    [body_id] = ids_of(engine)

    assert retry(engine) == [Reread(body_id, 1, "")]

    fold(engine)
    assert (codes(engine), ids_of(engine), row(engine).delivery_status) == (["13"], [], "delivered")
    with engine.connect() as connection:
        assert connection.execute(sa.select(report.c.received_at)).scalar_one() == NOON


def test_a_body_that_is_still_not_understood_stays_with_the_new_reason(engine: sa.Engine, understand: Upgrade) -> None:
    refuse(engine)
    understand(ReceivedReports(NOON, refused=[RefusedReport("another reason", "", b"")]))
    [body_id] = ids_of(engine)

    assert retry(engine) == [Reread(body_id, 0, "another reason")]

    assert [(each.reason, each.times) for each in refused_bodies(engine)] == [("another reason", 1)]


def test_a_body_is_read_again_by_the_real_reader(engine: sa.Engine) -> None:
    refuse(engine, b'{"Estado": "13", "Destinatario": "34600000001"}')
    refuse(engine, b"<html>")

    retry(engine)

    assert (codes(engine), [read_refused_body(engine, each) for each in ids_of(engine)]) == (["13"], [b"<html>"])


def test_only_the_bodies_that_are_named_are_read_again(engine: sa.Engine, understand: Upgrade) -> None:
    refuse(engine, b"1")
    refuse(engine, b"2")
    understand(ReceivedReports(NOON, [Report("13", ANA)]))
    first, second = ids_of(engine)

    assert [each.id for each in retry(engine, [second])] == [second]

    assert ids_of(engine) == [first]


def test_a_report_that_landed_beside_a_reply_does_not_land_again(engine: sa.Engine, understand: Upgrade) -> None:
    refused_part = RefusedReport("why", "text/plain", b"?")
    land_all(engine, [ReceivedReports(NOON, [Report("11", ANA)], [refused_part], [BAJA])])
    understand(ReceivedReports(NOON, [Report("11", ANA), Report("13", ANA)], inbound=[BAJA]))
    [body_id] = ids_of(engine)

    assert retry(engine) == [Reread(body_id, 1, "")]

    assert codes(engine) == ["11", "13"]


def test_what_was_understood_of_a_body_before_does_not_land_again(engine: sa.Engine, understand: Upgrade) -> None:
    refuse(engine, b"?", Report("11", ANA), Report("11", ANA))
    understand(ReceivedReports(NOON, [Report("11", ANA), Report("13", BEA), Report("11", ANA)]))
    [body_id] = ids_of(engine)

    assert retry(engine) == [Reread(body_id, 1, "")]

    assert codes(engine) == ["11", "11", "13"]


def test_of_equal_reports_in_a_body_only_as_many_as_landed_before_are_left_out(
    engine: sa.Engine, understand: Upgrade
) -> None:
    refuse(engine, b"?", Report("11", ANA))
    understand(ReceivedReports(NOON, [Report("11", ANA)] * 3))

    retry(engine)

    assert codes(engine) == ["11"] * 3


def test_a_report_that_landed_with_another_body_of_the_same_moment_lands_with_this_one_too(
    engine: sa.Engine, understand: Upgrade
) -> None:
    refuse(engine, b"1", Report("11", ANA))
    refuse(engine, b"2")
    understand(ReceivedReports(NOON, [Report("11", ANA)]))
    first, second = ids_of(engine)

    assert retry(engine) == [Reread(first, 0, ""), Reread(second, 1, "")]

    assert codes(engine) == ["11", "11"]


def test_a_body_whose_reports_were_pruned_lands_whole(engine: sa.Engine, understand: Upgrade) -> None:
    refuse(engine, b"?", Report("11", ANA))
    with engine.begin() as connection:
        connection.execute(report.delete())
    understand(ReceivedReports(NOON, [Report("11", ANA), Report("13", ANA)]))

    retry(engine)

    assert (codes(engine), ids_of(engine)) == (["11", "13"], [])


def test_a_body_that_is_understood_step_by_step_lands_each_report_once(engine: sa.Engine, understand: Upgrade) -> None:
    reports = [Report("10", ANA), Report("11", ANA), Report("13", ANA)]
    refuse(engine, b"?", *reports[:1])
    understand(ReceivedReports(NOON, reports[:2], [RefusedReport("the rest", "", b"")]))
    retry(engine)
    retry(engine)
    understand(ReceivedReports(NOON, reports))

    retry(engine)

    assert (codes(engine), ids_of(engine)) == (["10", "11", "13"], [])


def test_replies_in_a_refused_body_land_and_opt_out_once(engine: sa.Engine, understand: Upgrade) -> None:
    land_all(engine, [ReceivedReports(NOON, inbound=[BAJA], refused=[RefusedReport("why", "", b"?")])])
    understand(ReceivedReports(NOON, inbound=[BAJA, BAJA._replace(phone=BEA)]))

    retry(engine)

    with engine.connect() as connection:
        assert set(connection.execute(sa.select(suppression.c.phone)).scalars()) == {ANA, BEA}
    assert count(engine, inbound) == 2


@pytest.fixture
def slow(engine: sa.Engine, understand: Upgrade) -> Iterator[Reread]:
    """A retry that has read two bodies, and has landed the first one."""
    refuse(engine, b"1")
    refuse(engine, b"2")
    understand(ReceivedReports(NOON, [Report("13", ANA)]))
    retrying = retry_refused(engine, MADRID)
    next(retrying)
    return retrying


def test_a_body_that_another_process_has_read_meanwhile_does_not_land_again(
    engine: sa.Engine, slow: Iterator[Reread]
) -> None:
    retry(engine)

    assert (list(slow), codes(engine)) == ([], ["13", "13"])


def test_a_body_of_which_another_process_has_landed_more_meanwhile_does_not_land_again(
    engine: sa.Engine, slow: Iterator[Reread]
) -> None:
    with engine.begin() as connection:
        connection.execute(report_refused.update().values(landed=1))

    assert (list(slow), codes(engine), len(ids_of(engine))) == ([], ["13"], 1)


def test_a_kill_between_two_bodies_loses_and_doubles_nothing(engine: sa.Engine, understand: Upgrade) -> None:
    refuse(engine, b"1")
    refuse(engine, b"2")
    understand(ReceivedReports(NOON, [Report("13", ANA)]))
    killed = retry_refused(engine, MADRID)
    next(killed)
    killed.close()  # type: ignore[attr-defined]

    assert (codes(engine), len(ids_of(engine))) == (["13"], 1)
    retry(engine)
    assert (codes(engine), len(ids_of(engine))) == (["13", "13"], 0)


def test_a_body_that_the_database_refuses_stays_and_the_others_land(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(engine, b"bad")
    refuse(engine, b"good")
    first, second = ids_of(engine)

    if engine.dialect.name == "sqlite":
        with engine.begin() as connection:
            # Larger than SQLite allows a value to be.
            connection.exec_driver_sql(
                "CREATE TRIGGER refuse BEFORE INSERT ON rcs_inbound BEGIN SELECT zeroblob(2000000000); END"
            )

    def read(content_type: str, body: bytes, *_: object) -> ReceivedReports:
        bad = InboundMessage(ANA, "BAJA", api_inbound_id="\0")
        return ReceivedReports(NOON, [Report("13", ANA)], inbound=[bad] if body == b"bad" else [])

    monkeypatch.setattr(refused, "received", read)

    assert retry(engine) == [Reread(first, 0, "the database rejected it"), Reread(second, 1, "")]
    assert codes(engine) == ["13"]
    assert [(each.id, each.reason) for each in refused_bodies(engine)] == [(first, "the database rejected it")]


def test_the_time_zone_of_the_retry_counts(engine: sa.Engine) -> None:
    body = b'{"Estado": "13", "Destinatario": "34600000001", "Fecha": "2026-05-01 12:00:00"}'
    refuse(engine, body)

    list(retry_refused(engine, ZoneInfo("America/Bogota")))

    with engine.connect() as connection:
        assert connection.execute(sa.select(report.c.reported_at)).scalar_one() == NOON + timedelta(hours=5)
    assert received("", body, NOON, MADRID).reports[0].reported_at == NOON - timedelta(hours=2)


def test_a_body_that_is_refused_again_after_it_was_read_is_a_new_row(engine: sa.Engine, understand: Upgrade) -> None:
    refuse(engine)
    understand(ReceivedReports(NOON, [Report("13", ANA)]))
    retry(engine)

    refuse(engine)

    assert [each.times for each in refused_bodies(engine)] == [1]
    assert count(engine, report_refused) == 1


def test_a_body_that_two_connections_let_in_is_kept_for_each_and_lands_as_let_in_by_it(
    engine: sa.Engine, understand: Upgrade
) -> None:
    for panel in ("panel_es", "panel_pt"):
        push = ReceivedReports(
            NOON, refused=[RefusedReport("why", "", b"?")], let_in_by=ReportsConnection(panel, panel)
        )
        land_all(engine, [push, push])
    assert [(each.reports_conn_id, each.times) for each in refused_bodies(engine)] == [("panel_es", 2), ("panel_pt", 2)]

    understand(ReceivedReports(NOON, [Report("13", ANA)]))
    retry(engine)

    with engine.connect() as connection:
        landed = connection.execute(sa.text("SELECT reports_conn_id, account FROM rcs_report ORDER BY id")).all()
    assert [tuple(each) for each in landed] == [("panel_es", "panel_es"), ("panel_pt", "panel_pt")]


def set_aside(engine: sa.Engine, push: ReceivedReports, let_in_by: ReportsConnection) -> None:
    """Keep a push as the receiver does if the database rejects it, or if a line of the spool cannot be read."""
    line = RefusedReport("the database rejected it", "application/json", write_line(push))
    land_all(engine, [ReceivedReports(NOON, refused=[line], let_in_by=let_in_by)])


@pytest.mark.parametrize("is_known", [True, False])
def test_a_line_of_the_spool_lands_once_its_cause_is_mended(engine: sa.Engine, is_known: bool) -> None:
    panel = ReportsConnection("panel", "")
    taken = sent(engine)
    push = ReceivedReports(NOON, [report_on(taken)], (), [BAJA], panel)
    set_aside(engine, push, panel if is_known else ANOTHER_WAY)
    [body_id] = ids_of(engine)

    assert retry(engine) == [Reread(body_id, 2, "")]

    fold(engine)
    assert (ids_of(engine), row(engine).delivery_status, count(engine, suppression)) == ([], "delivered", 1)
    with engine.connect() as connection:
        landed = connection.execute(sa.select(report.c.received_at, report.c.reports_conn_id, report.c.account)).one()
    assert landed == (NOON, "panel", "")


def test_a_line_of_the_spool_lands_for_the_account_that_has_been_said_since(engine: sa.Engine) -> None:
    push = ReceivedReports(NOON, [Report("13", ANA)], let_in_by=ReportsConnection("panel", "before"))
    set_aside(engine, push, ReportsConnection("panel", "since"))

    retry(engine)

    with engine.connect() as connection:
        assert connection.execute(sa.select(report.c.account)).scalar_one() == "since"


def test_a_refused_body_in_a_line_of_the_spool_becomes_a_refused_body(engine: sa.Engine) -> None:
    push = ReceivedReports(NOON, [Report("13", ANA)], [RefusedReport("why", "text/plain", b"\xff?")])
    set_aside(engine, push, ANOTHER_WAY)
    [line] = ids_of(engine)

    assert retry(engine, [line]) == [Reread(line, 1, "")]

    [body] = refused_bodies(engine)
    assert (codes(engine), read_refused_body(engine, body.id), body.reason) == (["13"], b"\xff?", "why")
