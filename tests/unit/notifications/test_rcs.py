from __future__ import annotations

import json
import re
from typing import Any

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.notifications.rcs import RcsNotifier


def notifier(**changes: Any) -> RcsNotifier:
    arguments: dict[str, Any] = {"template_id": "1234569", "phones": ["+34600000001"]}
    return RcsNotifier(**(arguments | changes))


@pytest.mark.parametrize("phones", ["+34600000001", "{{ var.value.phones }}", [], None, {"+34600000001"}])
def test_phones_that_are_not_a_list_are_refused_at_parse_time(phones: object) -> None:
    with pytest.raises(RcsInputError, match="^phones: it is not a list of phones. Give a list"):
        notifier(phones=phones)


@pytest.mark.parametrize("variables", ["Text", ["Text"], [("Text", "x")]])
def test_variables_that_are_not_a_dict_are_refused_at_parse_time(variables: object) -> None:
    with pytest.raises(RcsInputError, match="^variables: it is not a dict"):
        notifier(variables=variables)


def test_an_undefined_connection_is_logged_as_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    notifier(rcs_conn_id="nowhere")({})

    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "`nowhere` isn't defined" in caplog.text


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"phones": ["+34 600 12"]}, r"phones\[0\], '\*+ 12': it is not a valid international number. No one was"),
        ({"phones": ["{{ nobody }}"]}, r"phones\[0\], '': it is missing. No one was notified"),
        ({"phones": ["600000001"]}, r"it has no \+ and no country; write \+, or set default_region"),
        ({"variables": {"Text": "\ud800"}}, r"variables\['Text'\]: it has a control character. No one was notified"),
        ({"variables": {"Text": "{{ 1 / 0 }}"}}, r"variables: it cannot be rendered .ZeroDivisionError.. Check its"),
        ({"phones": ["{{ 34600000001 / 0 }}"]}, "phones: it cannot be rendered .ZeroDivisionError"),
        ({"phones": ["+34600000001", "+34600000002"]}, "phones: 2 are too many for one request. Use RcsSendOperator"),
    ],
)
def test_bad_input_is_one_warning_without_phones_and_nothing_is_sent(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, changes: dict[str, Any], warning: str
) -> None:
    nowhere = {"conn_type": "rcs", "host": "http://127.0.0.1:1", "login": "me", "password": "secret-token"}
    monkeypatch.setenv("AIRFLOW_CONN_RCS_DEFAULT", json.dumps(nowhere | {"extra": {"batch_size": 1}}))

    notifier(**changes)({})

    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert re.search(warning, caplog.text)
    assert "3460000000" not in caplog.text
