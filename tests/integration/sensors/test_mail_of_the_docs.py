"""The mails of the page on waiting: the blocks of the page are run, and a server takes what they send."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from email.message import EmailMessage
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import Context
from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.providers.smtp.operators.smtp import EmailOperator
from airflow.sdk import DAG, task

from airflow_provider_rcs.sensors.rcs import RcsCampaignSensor
from tests.integration.sensors.smtp_server import smtp_server
from tests.unit.warehouse.test_load import report, send

PAGE = (Path(__file__).parents[3] / "docs" / "wait-for-a-campaign.md").read_text(encoding="utf-8")
NAME = "spring <b>&amp;"
PHONES = ["+34600000001", "+34600000002"]


@pytest.fixture
def mails(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EmailMessage]]:
    with smtp_server() as (port, taken):
        connection = {
            "conn_type": "smtp",
            "host": "127.0.0.1",
            "port": port,
            "extra": {"disable_ssl": True, "disable_tls": True, "from_email": "airflow@shop.example"},
        }
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(connection))
        yield taken


def blocks() -> dict[str, Any]:
    """Run the blocks on mails in a DAG whose sensor is ``wait``, and return what they define."""
    section = PAGE.partition("## Send the funnel by mail")[2].partition("\n## ")[0]
    with DAG("mails", schedule=None):
        names: dict[str, Any] = {
            "wait": RcsCampaignSensor(task_id="wait", campaign=NAME, at_least=0.5, deferrable=False)
        }
        names |= {each.__name__: each for each in (EmailOperator, SmtpHook, TemporaryDirectory, Path, escape)}
        names["task"] = task
        for code in re.findall(r"```python\n(.*?)```", section, re.DOTALL):
            exec(compile(code, "wait-for-a-campaign.md", "exec"), names)
    return names


def xcoms_of(sensor: RcsCampaignSensor, context: Context) -> dict[str, Any]:
    """Run the sensor, and return the XComs that it has then: what it pushed, and what it returned."""
    pushed: dict[str, Any] = {}
    context["ti"].xcom_push = lambda key, value: pushed.update({key: value})  # type: ignore[method-assign]
    returned = sensor.execute(context)
    return {**pushed, "return_value": returned}


def html_of(mail: EmailMessage) -> str:
    body = mail.get_body(("html",))
    assert body is not None
    return str(body.get_content())


def test_the_mails_of_the_page_have_the_funnel_as_text_and_as_a_picture(
    store: sa.Engine, context: Context, mails: list[EmailMessage]
) -> None:
    report(store, send(store, NAME, PHONES), PHONES[0], "13")
    names = blocks()
    xcoms = xcoms_of(names["wait"], context)
    pulling = SimpleNamespace(xcom_pull=lambda _task_id, key="return_value": xcoms[key])

    names["mail"].render_template_fields({"ti": pulling})
    names["mail"].execute({"ti": pulling})
    names["mail_picture"].function(xcoms["funnel"])

    text, picture = mails
    assert text["subject"] == f"RCS campaign {NAME}"
    assert f"<pre>Campaign {escape(NAME)}" in html_of(text)
    assert all("Delivered                1   50.0%" in html_of(mail) for mail in mails)
    [attached] = picture.iter_attachments()
    assert attached.get_filename() == "funnel.svg"
    assert ET.fromstring(attached.get_content()).findtext("{http://www.w3.org/2000/svg}title") == f"Funnel of {NAME}"


def test_the_mails_of_the_page_are_sent_after_a_sensor_that_failed_as_well() -> None:
    names = blocks()

    assert {each.task_id: each.trigger_rule for each in names["wait"].downstream_list} == {
        "mail": "all_done",
        "mail_picture": "all_done",
    }
