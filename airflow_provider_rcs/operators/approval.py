"""The operator that asks a person to approve the plan of a campaign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator

from airflow_provider_rcs.api.dates import read_timezone
from airflow_provider_rcs.api.errors import RcsInputError, RcsPlanChangedError
from airflow_provider_rcs.hooks.airflow_errors import airflow_exceptions
from airflow_provider_rcs.operators.links import RcsCampaignLink, page_url, show_link
from airflow_provider_rcs.operators.rendering import RendersToText

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, XComArg

PLAN_HASH = "plan_hash"
_ASKED_PLAN_HASH = "asked_plan_hash"


class RcsApprovalOperator(RendersToText, ApprovalOperator):
    """Ask a person to approve the plan of a campaign, and wait for the answer.

    This is Airflow's ``ApprovalOperator``, bound to the plan that the person was shown. Once it is approved, the plan's
    hash is pushed as the XCom ``plan_hash``, for the task that sends:
    ``approved_plan="{{ ti.xcom_pull(task_ids='approve', key='plan_hash') }}"``. "Reject" skips the downstream tasks.
    The other arguments are those of ``ApprovalOperator``, such as ``assigned_users``, ``notifiers`` and
    ``response_timeout``.

    :param plan: the result of a sending operator's dry run: the ``output`` of that task. (templated)
    :param subject: the question; by default it names the campaign and the number of messages. (templated)
    :param body: the text below the question, in Markdown, to which the plan's hash is added; by default the plan's
        counts, how its phones were read, when it goes out, its samples, and to which phones a test was sent.
        (templated)
    :param timezone: the time zone of the people who are asked, such as ``"Europe/Madrid"``, in which the default text
        shows dates besides UTC; by default that of the campaign's ``send_at``. (templated)
    """

    template_fields: Sequence[str] = ("plan", "timezone", *ApprovalOperator.template_fields)
    operator_extra_links = (*ApprovalOperator.operator_extra_links, RcsCampaignLink())

    def __init__(
        self,
        *,
        plan: Mapping[str, Any] | XComArg,
        subject: str = "",
        body: str | None = None,
        timezone: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(subject=subject, body=body, **kwargs)
        self.plan = plan
        self.timezone = timezone

    def execute(self, context: Context) -> Any:
        """Show the plan in Airflow's UI and wait for the answer."""
        with airflow_exceptions():
            plan = self._read_plan()
            self.subject = self.subject or f"Send {plan['planned']} messages of {plan['campaign']}?"
            self.body = f"{self.body or self._describe(plan)}\n\nPlan {plan[PLAN_HASH]}"
            self._require_plan_is_shown(context["ti"].id, plan)
        context["ti"].xcom_push(_ASKED_PLAN_HASH, plan[PLAN_HASH])
        show_link(self, context)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Push the hash of the plan that was shown, if it was approved.

        Not earlier: a task that does not wait for the answer, or runs despite a rejection, must not find it.
        """
        answer = super().execute_complete(context, event)
        if self.APPROVE in answer["chosen_options"]:
            ti = context["ti"]
            # Not that of ``plan``, which is rendered again and may have changed since.
            ti.xcom_push(PLAN_HASH, ti.xcom_pull(key=_ASKED_PLAN_HASH, map_indexes=ti.map_index))
        return answer

    @property
    def linked_campaign(self) -> str:
        """The campaign that the task's link leads to, once its plan is known."""
        return str(self.plan.get("campaign", "")) if isinstance(self.plan, Mapping) else ""

    def _describe(self, plan: Mapping[str, Any]) -> str:
        from airflow_provider_rcs.sending.preview.markdown import describe_plan

        return describe_plan(plan, page_url, read_timezone(self.timezone) if self.timezone else None)

    def _read_plan(self) -> Mapping[str, Any]:
        if isinstance(self.plan, Mapping) and PLAN_HASH in self.plan:
            return self.plan
        raise RcsInputError(
            "plan", f"a {type(self.plan).__name__} is not a plan", "Give the output of a task with dry_run=True."
        )

    def _require_plan_is_shown(self, task_instance_id: Any, plan: Mapping[str, Any]) -> None:
        """Check that Airflow shows this plan.

        When a task is cleared, Airflow 3.1 to 3.3 still shows the question of its first run
        (https://github.com/apache/airflow/pull/73235): the person would approve a plan that was never shown.
        """
        from airflow.sdk.execution_time.comms import CreateHITLDetailPayload, HITLDetailRequestResult
        from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

        question = {
            "ti_id": task_instance_id,
            "options": self.options,
            "subject": self.subject,
            "body": self.body,
            "defaults": self.defaults,
            "multiple": self.multiple,
            "params": self.serialized_params,
            "assigned_users": self.assigned_users or [],
        }
        shown = SUPERVISOR_COMMS.send(CreateHITLDetailPayload.model_validate(question))
        if isinstance(shown, HITLDetailRequestResult) and plan[PLAN_HASH] in str(shown.body):
            return
        raise RcsPlanChangedError(
            "plan: it has changed since this run asked for approval, and Airflow would still show the old one. "
            f"{RcsPlanChangedError.remedy}"
        )
