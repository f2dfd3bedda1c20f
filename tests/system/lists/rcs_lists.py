"""Lists of people whose names look like templates, given to tasks in every way that Airflow has."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.sdk import DAG, task

from airflow_provider_rcs.notifications.rcs import RcsNotifier
from airflow_provider_rcs.operators.rcs import RcsSendOperator
from airflow_provider_rcs.sensors.rcs import RcsCampaignSensor

if TYPE_CHECKING:
    import pandas as pd

PLAIN, WITH_VALUE = "1234569", "1234567"
SECRET, BROKEN = "{{ conn.rcs_default.password }}", "{{ oops"
DAG_ARGUMENTS: dict[str, Any] = {
    "start_date": datetime(2026, 1, 1, tzinfo=pendulum.UTC),
    "catchup": False,
    # Of a busy machine, a task may not report back in time; what this provider refuses is not retried.
    "default_args": {"retries": 2, "retry_delay": timedelta(seconds=1)},
}
NIGHT = [{"start": "22:00", "end": "09:00"}]


def people_of(way: int, count: int = 2) -> list[dict[str, str]]:
    return [
        {"phone": f"+34600{way:02d}{number:04d}", "name": (SECRET, BROKEN)[number % 2], "city": "Ávila"}
        for number in range(count)
    ]


with DAG("rcs_lists", schedule=None, **DAG_ARGUMENTS):
    common: dict[str, Any] = {"template_id": PLAIN}

    @task
    def returned() -> list[dict[str, str]]:
        return people_of(1, 1_000)

    @task
    def frame() -> pd.DataFrame:
        import pandas as pd

        return pd.DataFrame(people_of(2))

    @task
    def first_half() -> list[dict[str, str]]:
        return people_of(3)

    @task
    def arguments() -> list[dict[str, Any]]:
        return [
            {"recipients": people_of(5), "campaign": "kwargs-5", "constants": {"Importe": SECRET}},
            {"recipients": people_of(6), "campaign": "kwargs-{{ 6 }}", "constants": {"Importe": BROKEN}},
        ]

    @task
    def halves() -> list[list[dict[str, str]]]:
        return [people_of(7), people_of(8)]

    @task
    def count() -> str:
        return "3 errors in {{ oops"

    RcsSendOperator(task_id="of_a_task", recipients=returned(), **common)
    RcsSendOperator(task_id="of_a_frame", recipients=frame(), **common)
    RcsSendOperator(
        task_id="written_and_returned",
        recipients=[{"phone": "+34600040000", "name": count()}, *people_of(4)],
        **common,
    )
    RcsSendOperator.partial(task_id="of_kwargs", template_id=WITH_VALUE).expand_kwargs(arguments())
    RcsSendOperator.partial(
        task_id="of_expand", template_id=WITH_VALUE, campaign="expanded", constants={"Importe": "{{ 3 + 4 }}"}
    ).expand(recipients=halves())
    RcsSendOperator.partial(task_id="written_kwargs", **common).expand_kwargs(
        [{"recipients": people_of(9), "campaign": "written-{{ 9 }}"}]
    )

with DAG("rcs_native_lists", schedule=None, render_template_as_native_obj=True, **DAG_ARGUMENTS):

    @task
    def natively() -> list[dict[str, str]]:
        return people_of(20)

    send = RcsSendOperator(
        task_id="send",
        recipients="{{ ti.xcom_pull('natively') }}",
        template_id="{{ '1234567' }}",
        campaign="{{ '20261129' }}",
        agent="{{ '007' }}",
        constants={"Importe": "{{ '12.50' }}"},
    )
    again = RcsSendOperator(
        task_id="again",
        recipients="{{ ti.xcom_pull('natively') + ti.xcom_pull('natively') }}",
        template_id="{{ '1234567' }}",
        campaign="{{ '20261129' }}",
        agent="{{ '007' }}",
        constants={"Importe": "1e3"},
    )
    waits = [
        RcsCampaignSensor(
            task_id=name, campaign="{{ '20261129' }}", poke_interval=1, timeout=120, deferrable=name == "deferred"
        )
        for name in ("poked", "deferred")
    ]

    @task(
        retries=0,
        on_failure_callback=RcsNotifier(
            template_id="{{ '1234567' }}", phones=["+34600210000"], variables={"Importe": "{{ exception }}"}
        ),
    )
    def fail() -> None:
        raise RuntimeError("12.50")

    natively() >> send >> again >> waits
    fail()

with DAG("rcs_mapped_lists", schedule=None, **DAG_ARGUMENTS):

    @task
    def lists() -> list[list[dict[str, str]]]:
        return [people_of(30), people_of(31)]

    RcsSendOperator.partial(task_id="unnamed", template_id=PLAIN).expand(recipients=lists())
    RcsSendOperator.partial(task_id="by_index", template_id=PLAIN, campaign="index-{{ ti.map_index }}").expand(
        recipients=lists()
    )
    by_day = RcsSendOperator(task_id="by_day", recipients=people_of(32), template_id=PLAIN, campaign="two-lists")
    by_night = RcsSendOperator.partial(task_id="by_night", template_id=PLAIN, campaign="two-lists").expand_kwargs(
        [{"recipients": people_of(33), "quiet_hours": NIGHT}, {"recipients": people_of(34)}]
    )
    by_day >> by_night
