from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.sensors.credit import RcsCreditSensor


@pytest.mark.parametrize(
    ("waits", "argument"),
    [
        ({"poke_interval": 59}, "poke_interval"),
        ({"poke_interval": timedelta(seconds=3)}, "poke_interval"),
        ({"poke_interval": 119, "exponential_backoff": True}, "poke_interval"),
        ({"poke_interval": 600, "exponential_backoff": True, "max_wait": 30}, "max_wait"),
    ],
)
@pytest.mark.parametrize("mode", ["poke", "reschedule"])
def test_pokes_less_than_a_minute_apart_are_refused_at_parse_time(
    waits: dict[str, Any], argument: str, mode: str
) -> None:
    with pytest.raises(RcsInputError, match=f"^{argument}: .*the service blocks accounts that connect too often"):
        RcsCreditSensor(task_id="wait", min_credits=5, mode=mode, **waits)


@pytest.mark.parametrize(
    "waits",
    [{}, {"poke_interval": 60}, {"poke_interval": timedelta(minutes=2), "exponential_backoff": True, "max_wait": 3600}],
)
def test_pokes_at_least_a_minute_apart_are_accepted(waits: dict[str, Any]) -> None:
    RcsCreditSensor(task_id="wait", min_credits=5, **waits)
