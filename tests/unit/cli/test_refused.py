"""``airflow-rcs refused``."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.cli.main import main
from airflow_provider_rcs.store.db.inbox_tables import report
from airflow_provider_rcs.store.db.tables import suppression
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, RefusedReport, land_all
from airflow_provider_rcs.store.inbox.refused import refused_bodies
from tests.unit.store.given import ANA, NOON, count

Refused = Callable[..., int]

GOOD = b'{"Estado": "13", "Destinatario": "34600000001", "Fecha": "2026-05-01 12:00:00"}'


@pytest.fixture
def run(store_url: str) -> Refused:
    return lambda action, *options: main(["refused", action, "--store-url", store_url, *options])


def refuse(engine: sa.Engine, *bodies: bytes, content_type: str = "text/plain") -> None:
    for number, body in enumerate(bodies):
        refused = [RefusedReport("it cannot be read", content_type, body)]
        land_all(engine, [ReceivedReports(NOON + timedelta(minutes=number), refused=refused)])


def test_it_lists_refused_bodies_without_their_content(
    engine: sa.Engine, run: Refused, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse(engine, b"secret", b"secret", content_type="text/x; phone=34600000001")

    assert run("list") == 0

    headings, _, line = capsys.readouterr().out.splitlines()
    assert [each.strip() for each in headings.split("  ") if each] == [
        "id",
        "since (UTC)",
        "last (UTC)",
        "count",
        "reason",
        "let in by",
        "content type",
        "bytes",
    ]
    assert [each.strip() for each in line.split("  ") if each.strip()] == [
        "1",
        "2026-05-01 12:00",
        "2026-05-01 12:01",
        "2",
        "it cannot be read",
        "-",
        "text/x; phone=********001",
        "6",
    ]


@pytest.mark.parametrize(
    "body",
    [
        b'<x>\n{"Destinatario": "34600000001"}',
        b"Destinatario=%2B34%20600%20000%20001",
        b"to: +34 (600) 000-001",
        b'"\\u0033\\u0034600000001"',
        "34600000001".encode("utf-16"),
        gzip.compress(b"to 34600000001", mtime=0),
        base64.b64encode(b"to 34600000001 or so"),
        "３４６０００００００１".encode(),  # noqa: RUF001
    ],
)
def test_it_shows_the_content_of_one_with_phones_masked(
    engine: sa.Engine, run: Refused, capsys: pytest.CaptureFixture[str], body: bytes
) -> None:
    refuse(engine, body)

    assert run("list", "--show", "1") == 0

    printed = capsys.readouterr().out
    digits = "".join(filter(str.isdecimal, printed))
    assert len(digits) <= 4
    assert base64.b64encode(b"to 34600000001")[:8].decode() not in printed


def test_control_characters_of_a_body_do_not_reach_the_terminal(
    engine: sa.Engine, run: Refused, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse(engine, b"\x1b[31mred\r")

    run("list", "--show", "1")

    assert capsys.readouterr().out == "\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}\n"


def test_it_reads_all_of_them_again(engine: sa.Engine, run: Refused, capsys: pytest.CaptureFixture[str]) -> None:
    refuse(engine, GOOD, b"<html>", GOOD)

    assert run("retry") == 0

    still, total = capsys.readouterr().out.splitlines()
    assert still.startswith("2: still refused: ")
    assert total == "1 body is refused no more, 1 still is; 1 report or reply landed."
    with engine.connect() as connection:
        assert connection.execute(sa.select(report.c.fold.is_not(None))).scalars().all() == [True]


@pytest.mark.parametrize("by", ["option", "environment"])
def test_the_time_zone_can_be_set(engine: sa.Engine, run: Refused, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    refuse(engine, GOOD)
    if by == "environment":
        monkeypatch.setenv("AIRFLOW_RCS_REPORTS_TIMEZONE", "UTC")

    run("retry", "1", *(["--timezone", "UTC"] if by == "option" else []))

    with engine.connect() as connection:
        assert connection.execute(sa.select(report.c.reported_at)).scalar_one() == NOON


@pytest.mark.slow
def test_a_reply_in_a_refused_body_opts_out_by_the_configured_words(
    engine: sa.Engine, run: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(engine, b'{"Servicio": "SMSRECIBIDO", "Movil": "34600000001", "Mensaje": "no mas", "idR": "1"}')
    monkeypatch.setenv("AIRFLOW_RCS_OPT_OUT_WORDS", "NO MAS")

    run("retry")

    with engine.connect() as connection:
        assert connection.execute(sa.select(suppression.c.phone)).scalars().all() == [ANA]


@pytest.mark.parametrize("id_of_none", ["7", str(2**63)])
def test_an_id_that_does_not_exist_is_an_error(
    engine: sa.Engine, run: Refused, capsys: pytest.CaptureFixture[str], id_of_none: str
) -> None:
    refuse(engine, GOOD)

    assert (run("retry", "1", id_of_none), run("list", "--show", id_of_none)) == (2, 2)

    assert capsys.readouterr().err.count(f"no refused body has the id {id_of_none}") == 2
    assert (len(list(refused_bodies(engine))), count(engine, report)) == (1, 0)


def test_without_refused_bodies_it_says_so(engine: sa.Engine, run: Refused, capsys: pytest.CaptureFixture[str]) -> None:
    run("list")

    assert capsys.readouterr().out == "No body is refused.\n"
