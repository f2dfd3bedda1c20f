"""The checks of a receiver's address, on receivers and on what may stand in their place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.doctor.findings import Check, Level, run_checks
from airflow_provider_rcs.doctor.receiver import check_receiver
from examples.demo.home import free_port
from tests.integration.hooks.answering import http, server_that_answers
from tests.integration.hooks.certificates import Authority
from tests.integration.hooks.https import service_over_tls
from tests.receiver_process import ReceiverProcess

RECEIVER = (http("200 OK"), http("401 Unauthorized"), http("200 OK", b'{"status": "ready"}'))


def levels(url: str) -> list[tuple[Level, str]]:
    return [(each.level, each.text) for each in check_receiver(url)]


def against(*answers: bytes) -> dict[Level, str]:
    """Check an address that gives these answers to GET, POST and the health check."""
    with server_that_answers(*answers) as (url, _):
        return dict(levels(f"{url}/rcs/reports"))


def test_a_running_receiver_is_ready_and_stores_nothing_that_the_check_sends(store: sa.Engine, tmp_path: Path) -> None:
    url = store.url.render_as_string(hide_password=False)
    with ReceiverProcess(url, environment={"AIRFLOW_RCS_SPOOL": str(tmp_path / "spool")}) as receiver:
        found = levels(receiver.url)

    assert found == [
        (Level.OK, "the address is that of a receiver"),
        (Level.OK, "a report without login and password is refused"),
        (Level.OK, "ready"),
    ]
    with store.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM rcs_report_refused").scalar_one() == 0


def test_the_address_behind_a_proxy_may_have_a_prefix_and_a_slash_at_its_end() -> None:
    with server_that_answers(*RECEIVER) as (url, requests):
        found = levels(f"{url}/airflow/rcs/reports/")

    assert {level for level, _ in found} == {Level.OK}
    assert requests[2].startswith(b"GET /airflow/rcs/health ")


@pytest.mark.parametrize("url", ["", "ftp://host/rcs/reports", "https://host/", "https:///rcs/reports", "host/rcs"])
def test_anything_but_the_address_of_a_receiver_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(RcsInputError, match=r"receiver_url: it is no address of a receiver. Use https://HOST/rcs/"):
        list(check_receiver(url))


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (http("302 Found", Location="https://login.example/x?token=secret"), "redirects (to login.example)"),
        (http("404 Not Found", b"{}"), "GET is answered 404, not as a receiver does"),
        (http("200 OK", b"<html>"), "GET is answered 200, not as a receiver does"),
    ],
)
def test_an_address_that_is_not_a_receivers_is_a_failure(answer: bytes, text: str) -> None:
    assert text in against(answer, *RECEIVER[1:])[Level.FAILED]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (http("200 OK"), "is answered 200: anybody can push"),
        (http("503 Unavailable"), "it has no login and password to check reports against"),
        (http("403 Forbidden"), "is answered 403, not 401"),
    ],
)
def test_an_address_that_does_not_ask_for_credentials_is_a_failure(answer: bytes, text: str) -> None:
    assert text in against(RECEIVER[0], answer, RECEIVER[2])[Level.FAILED]


@pytest.mark.parametrize(
    ("health", "level", "text"),
    [
        ({"status": "degraded"}, Level.WARNING, "they wait in the spool"),
        ({"status": "ready", "folding": "behind"}, Level.WARNING, "not folded for a while"),
        ({"status": "not ready"}, Level.FAILED, "a report would not be accepted now"),
        (["ready"], Level.WARNING, "without a status"),
    ],
)
def test_bad_health_is_explained(health: object, level: Level, text: str) -> None:
    assert text in against(*RECEIVER[:2], http("200 OK", json.dumps(health).encode()))[level]


def test_nothing_at_the_address_is_a_failure() -> None:
    [(level, text)] = levels(f"http://127.0.0.1:{free_port()}/rcs/reports")

    assert level is Level.FAILED
    assert text.startswith("no reply (ConnectionError). Check that it runs")


def test_a_silent_address_is_a_failure_and_does_not_stop_the_next_check() -> None:
    with server_that_answers() as (url, _):
        checks = [Check("receiver", lambda: check_receiver(f"{url}/rcs/reports")), Check("next", list)]
        [found] = run_checks(checks, 0.5)

    assert (found.level, found.what) == (Level.FAILED, "receiver")
    assert found.text.startswith("no result within 0.5 s")


def test_a_certificate_that_nobody_knows_is_a_failure(tmp_path: Path) -> None:
    with service_over_tls(Authority(tmp_path).certify("localhost")) as (url, received):
        [(level, text)] = levels(f"{url}/rcs/reports")

    assert level is Level.FAILED
    assert text.startswith("its certificate is not trusted here")
    assert received == []


def test_http_to_another_machine_is_a_warning() -> None:
    first = next(iter(check_receiver("http://reports.example/rcs/reports")))

    assert (first.level, first.text[:20]) == (Level.WARNING, "the address is http,")
