"""Reports arrive at the user's own script, with the duplicates and disorder of a real service."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.sandbox.client import send
from tests.integration.sandbox.report_listener import ReportListener
from tests.sandbox_process import SandboxProcess

ORDERLY = {"repeated_share": 0, "out_of_order_share": 0, "temporarily_failed_share": 0, "report_jitter": 0}
MANY = tuple(str(34600000000 + number) for number in range(200))


@pytest.fixture(scope="module")
def orderly() -> Iterator[SandboxProcess]:
    """A sandbox where every message is delivered, then read, and each report is pushed once."""
    with SandboxProcess(reply_shape="object", failed_share=0, read_share=1, **ORDERLY) as sandbox:
        yield sandbox


@pytest.fixture
def reporting(orderly: SandboxProcess, listener: ReportListener) -> Iterator[SandboxProcess]:
    orderly.send_reports_to(listener.url)
    yield orderly
    orderly.wait_until_reports_are_pushed()


def accepted(reply: Any) -> list[int]:
    return [sent["idMensaje"] for sent in reply.json()["Enviados"]]


def codes(reports: list[dict[str, str]]) -> list[str]:
    return [report["Estado"] for report in reports]


def test_each_change_of_status_is_reported(reporting: SandboxProcess, listener: ReportListener) -> None:
    reply = send(reporting, "34600000001", Report="1", Referenciausuario="spring-1")
    listener.wait_for(3)

    reports = listener.of(accepted(reply)[0])

    assert codes(reports) == ["10", "13", "20"]
    assert sorted({report["Fecha"] for report in reports}) == [report["Fecha"] for report in reports]
    assert reports[0] | {"Fecha": ""} == {
        "Servicio": "RCS",
        "Estado": "10",
        "Agente": "my-rcs-agent",
        "Destinatario": "34600000001",
        "RefCampaign": "spring-1",
        "RefMensaje": "R1",
        "Fecha": "",
        "idCampaign": str(reply.json()["idEnvio"]),
        "idMensaje": str(accepted(reply)[0]),
    }


def test_reports_have_the_credentials_of_the_panel(reporting: SandboxProcess, listener: ReportListener) -> None:
    reporting.send_reports_to(listener.url, "me", "pässword")

    reply = send(reporting, "34600000001", Report="1", Referenciausuario="año & más")
    listener.wait_for(3)

    first = listener.received[0]
    assert first.content_type == "application/json"
    assert first.headers["Authorization"] == f"Basic {b64encode('me:pässword'.encode()).decode()}"
    assert first.fields["RefCampaign"] == "año & más"
    assert first.fields["idMensaje"] == str(accepted(reply)[0])


def test_send_that_asks_for_no_reports_gets_none(reporting: SandboxProcess, listener: ReportListener) -> None:
    silent = send(reporting, "34600000001", Report="0")
    send(reporting, "34600000002", Report="1")
    listener.wait_for(3)

    reporting.wait_until_reports_are_pushed()

    assert listener.of(accepted(silent)[0]) == []


def test_held_reports_are_pushed_when_released(reporting: SandboxProcess, listener: ReportListener) -> None:
    reporting.hold_reports()
    send(reporting, *MANY, Report="1")

    assert reporting.statistics()["reports_pending"] == len(MANY)
    assert listener.received == []

    reporting.release_reports()
    listener.wait_for(3 * len(MANY))


def test_all_reports_can_be_pushed_again(listener: ReportListener) -> None:
    with SandboxProcess(**ORDERLY) as sandbox:
        send(sandbox, *MANY, Report="1")
        send(sandbox, Report="0")
        sandbox.send_reports_to(listener.url)

        sandbox.push_reports_again()
        sandbox.wait_until_reports_are_pushed()
        first = sorted(str(report.fields) for report in listener.received)
        sandbox.push_reports_again()
        sandbox.wait_until_reports_are_pushed()

        again = sorted(str(report.fields) for report in listener.received[len(first) :])
        assert {report.fields["Destinatario"] for report in listener.received} == set(MANY)
        assert again == first


def test_same_seed_gives_the_same_reports_and_some_are_repeated(listener: ReportListener) -> None:
    rounds = []
    for _ in range(2):
        with SandboxProcess(report_url=listener.url, seed=5, report_jitter=0.01) as sandbox:
            send(sandbox, *MANY, Report="1")
            sandbox.wait_until_reports_are_pushed()
        rounds.append(Counter((each.fields["idMensaje"], each.fields["Estado"]) for each in listener.received))
        listener.received.clear()

    assert rounds[0] == rounds[1]
    assert max(rounds[0].values()) == 2
    assert {code for _, code in rounds[0]} >= {"10", "13", "20", "50"}


def test_reports_have_the_configured_codes(listener: ReportListener) -> None:
    with SandboxProcess(
        report_url=listener.url, failed_share=0, read_share=1, code={"sent": 12, "read": 77}, **ORDERLY
    ) as sandbox:
        send(sandbox, "34600000001", Report="1")
        sandbox.wait_until_reports_are_pushed()

    assert codes([each.fields for each in listener.received]) == ["12", "13", "77"]


def test_fallback_is_reported_by_both_services_under_the_same_ids(listener: ReportListener) -> None:
    with SandboxProcess(
        report_url=listener.url,
        reply_shape="object",
        failed_share=0,
        fallback_share=1,
        fallback_format="rcs",
        **ORDERLY,
    ) as sandbox:
        reply = send(sandbox, "34600000001", Report="1")
        sandbox.wait_until_reports_are_pushed()

    reports = listener.of(accepted(reply)[0])
    assert [(each["Servicio"], each["Estado"]) for each in reports] == [
        ("RCS", "10"),
        ("RCS", "50"),
        ("SMS", "10"),
        ("SMS", "13"),
    ]
    assert len({(each["idCampaign"], each["RefCampaign"], each["RefMensaje"]) for each in reports}) == 1


def test_report_that_is_not_accepted_is_retried(reporting: SandboxProcess, listener: ReportListener) -> None:
    listener.answers.extend([500, 503])

    reply = send(reporting, "34600000001", Report="1")
    listener.wait_for(5)

    assert codes(listener.of(accepted(reply)[0])) == ["10", "10", "10", "13", "20"]


def test_report_that_is_never_accepted_is_dropped_and_counted(listener: ReportListener) -> None:
    with SandboxProcess(report_url=listener.url, failed_share=0, read_share=1, **ORDERLY) as sandbox:
        listener.answers.extend([404] * 4)

        send(sandbox, "34600000001", Report="1")
        sandbox.wait_until_reports_are_pushed()

        assert codes([each.fields for each in listener.received]) == ["10"] * 4 + ["13", "20"]
        assert sandbox.statistics()["reports_dropped"] == 1
        assert sandbox.statistics()["reports_pushed"] == 2


def test_unreachable_url_drops_reports_without_harm() -> None:
    with SandboxProcess(report_url="http://127.0.0.1:9/reports", report_jitter=0) as sandbox:
        send(sandbox, Report="1")
        sandbox.wait_until_reports_are_pushed()

        assert sandbox.statistics()["reports_dropped"] >= 4
        assert send(sandbox).status_code == 200


def test_no_more_connections_than_workers_are_opened(listener: ReportListener) -> None:
    with SandboxProcess(report_url=listener.url, **ORDERLY) as sandbox:
        send(sandbox, *MANY, Report="1")
        sandbox.wait_until_reports_are_pushed()

    assert len(listener.received) > len(MANY)
    assert len(listener.connections) <= 16
