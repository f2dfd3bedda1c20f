"""The name of the campaign that a task sends."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, Context
from airflow.sdk import DAG, task_group

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.operators.naming import DEFAULT_CAMPAIGN, name_without_rendering, read_naming, started_by_task
from airflow_provider_rcs.operators.rcs import RcsSendOperator

ROWS = [{"phone": "+34600000001", "name": "Ana"}]
REMEDY = r"Name it by what its list is: expand_kwargs\(\[\{"


def operator(**changes: Any) -> RcsSendOperator:
    return RcsSendOperator(**({"task_id": "send", "recipients": ROWS, "template_id": "1"} | changes))


def context(map_index: int | None) -> Context:
    task_instance = SimpleNamespace(dag_id="dag", task_id="send", run_id="now", map_index=map_index, try_number=2)
    return cast("Context", {"ti": task_instance})


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize(
    ("campaign", "message"),
    [
        (DEFAULT_CAMPAIGN, "all tasks of a mapping"),
        ("spring-{{ ti.map_index }}", "named by the map index"),
        ("{{ ti.rendered_map_index }}", "named by the map index"),
    ],
)
def test_a_mapped_task_that_does_not_name_its_list_fails_without_retries(
    campaign: str, message: str, dry_run: bool
) -> None:
    with pytest.raises(AirflowFailException, match=f"campaign: .*{message}.*{REMEDY}"):
        operator(campaign=campaign, dry_run=dry_run).execute(context(0))


@pytest.mark.parametrize("campaign", ["spring", "{{ task.template_id }}", 20261129, None])
def test_other_names_are_names_of_lists(campaign: object) -> None:
    read_naming(campaign).require_list_named()


def test_a_task_of_a_mapped_group_that_does_not_name_its_list_is_an_error_of_the_dag() -> None:
    @task_group
    def city(people: Any) -> None:
        operator(recipients=people)

    with (
        DAG("dag", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)),
        pytest.raises(RcsInputError, match=REMEDY),
    ):
        city.expand(people=[ROWS])


@pytest.mark.parametrize("changes", [{"campaign": "spring"}, {"shard": "1/2"}])
def test_a_task_of_a_mapped_group_may_name_its_list_or_be_a_shard(changes: dict[str, Any]) -> None:
    with DAG("dag", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:

        @task_group
        def city(people: Any) -> None:
            operator(recipients=people, **changes)

        city.expand(people=[ROWS])

    assert list(dag.task_dict) == ["city.send"]


def test_a_task_inside_a_group_that_is_not_mapped_needs_no_name() -> None:
    with DAG("dag", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:

        @task_group
        def city() -> None:
            operator()

        city()

    assert list(dag.task_dict) == ["city.send"]


def test_an_attempt_is_made_by_the_task_instance_with_its_place_in_a_mapping() -> None:
    assert str(started_by_task(operator(), context(-1))).startswith("dag/send/now, try 2 (")
    assert str(started_by_task(operator(), context(3))).startswith("dag/send[3]/now, try 2 (")
    assert str(started_by_task(operator(), cast("Context", {}))).startswith("adhoc_airflow/send, without a run (")


def test_a_default_name_that_is_not_rendered_is_that_of_the_run_or_of_the_task() -> None:
    assert name_without_rendering(operator(), context(-1)) == "dag/send/now"
    assert name_without_rendering(operator(), cast("Context", {})).endswith("/send")
