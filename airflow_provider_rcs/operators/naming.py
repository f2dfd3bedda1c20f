"""The name of the campaign that a task sends, which tells the lists of mapped tasks apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.errors import RcsInputError

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, Context

    from airflow_provider_rcs.store.outbox.attempts import StartedBy

DEFAULT_CAMPAIGN = "{{ dag.dag_id }}/{{ task.task_id }}/{{ run_id }}"

_REMEDY = (
    'Name it by what its list is: expand_kwargs([{"recipients": ..., "campaign": "spring/madrid"}, '
    '{"recipients": ..., "campaign": "spring/sevilla"}]). Or divide one list with shard=shards(4).'
)


@dataclass(frozen=True, slots=True)
class CampaignNaming:
    """How a DAG names a campaign, noted before its templates are rendered.

    :param is_default: whether the DAG leaves it at the default.
    :param is_by_map_index: whether the name is rendered from the index of a mapped task.
    """

    is_default: bool
    is_by_map_index: bool

    def require_list_named(self) -> None:
        """Check that the tasks of a mapping name their campaigns, and not by the map index.

        The index would not do: after a clear, an upstream task may return its lists in another order, and each list
        would be sent again, under the name of another.

        :raises RcsInputError: if they do not.
        """
        if self.is_default:
            raise RcsInputError(
                "campaign",
                "all tasks of a mapping would send their lists as the campaign of the run, with the same terms",
                _REMEDY,
            )
        if self.is_by_map_index:
            raise RcsInputError(
                "campaign",
                "it is named by the map index, which an upstream task may give to another list after a clear; nobody "
                "would be known to have been messaged",
                _REMEDY,
            )


def read_naming(campaign: object) -> CampaignNaming:
    """Return how a DAG names a campaign.

    :param campaign: the argument, before it is rendered.
    """
    # Also by ``rendered_map_index``: where arguments are rendered, it is not there yet.
    is_by_map_index = isinstance(campaign, str) and "map_index" in campaign
    return CampaignNaming(campaign == DEFAULT_CAMPAIGN, is_by_map_index)


def is_mapped(context: Context) -> bool:
    """Return whether a task is one of a mapping, of its own or of its task group."""
    task_instance = context.get("ti")
    return getattr(task_instance, "map_index", None) not in (None, -1)


def name_without_rendering(operator: BaseOperator, context: Context) -> str:
    """Return the default name of a campaign where Airflow has not rendered it, such as in a test or inside a task.

    Without a run it is the same each time, so that nobody is messaged twice.
    """
    task_instance = context.get("ti")
    if task_instance is None:
        operator.log.warning(
            "The task has no run that its campaign could be named after: under the default name, nobody is messaged "
            "twice, ever. Give campaign a name."
        )
        return f"{operator.dag_id}/{operator.task_id}"
    return f"{task_instance.dag_id}/{operator.task_id}/{task_instance.run_id}"


def started_by_task(operator: BaseOperator, context: Context) -> StartedBy:
    """Return the task instance, as what makes an attempt."""
    from airflow_provider_rcs.store.outbox.attempts import StartedBy

    task_instance = context.get("ti")
    if task_instance is None:
        return StartedBy(operator.dag_id, operator.task_id)
    return StartedBy(
        task_instance.dag_id,
        task_instance.task_id,
        task_instance.run_id,
        getattr(task_instance, "map_index", None),
        getattr(task_instance, "try_number", None),
    )
