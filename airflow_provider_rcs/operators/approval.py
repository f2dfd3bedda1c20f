"""An operator that has a person approve the plan of a campaign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator

from airflow_provider_rcs.api.errors import RcsInputError, RcsPlanChangedError
from airflow_provider_rcs.hooks.airflow_errors import airflow_exceptions

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, XComArg

PLAN_HASH = "plan_hash"
_COUNTS = {
    "requested": "rows of the list",
    "planned": "would be sent to",
    "messaged_before": "messaged by this campaign before",
    "duplicate": "the same phone again",
    "rejected": "cannot be sent to",
    "suppressed": "must not be sent to",
}


class RcsApprovalOperator(ApprovalOperator):
    """Airflow's own approval, bound to the plan that the person was shown; the run waits until somebody answers.

    Keeps the plan's hash under the key ``plan_hash``, for the send:
    ``approved_plan="{{ ti.xcom_pull(task_ids='approve', key='plan_hash') }}"``. "Reject" skips what is downstream. The
    other arguments are those of ``ApprovalOperator``, such as ``assigned_users``, ``notifiers`` and
    ``response_timeout``.

    :param plan: what a dry run of a sending operator returned: the ``output`` of that task. (templated)
    :param subject: the question; by default with the number of messages. (templated)
    :param body: what is shown below it, in Markdown, before the plan's hash; by default the plan's counts and samples.
        (templated)
    """

    template_fields: Sequence[str] = ("plan", *ApprovalOperator.template_fields)

    def __init__(
        self, *, plan: Mapping[str, Any] | XComArg, subject: str = "", body: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(subject=subject, body=body, **kwargs)
        self.plan = plan

    def execute(self, context: Context) -> Any:
        """Show the plan and ask, in Airflow's UI, and wait for the answer."""
        with airflow_exceptions():
            plan = self._read_plan()
            self.subject = self.subject or f"Send {plan['planned']} messages of {plan['campaign']}?"
            self.body = f"{self.body or question_of(plan)}\n\nPlan {plan[PLAN_HASH]}"
            self._require_own_question(context["ti"].id, plan)
        context["ti"].xcom_push(PLAN_HASH, plan[PLAN_HASH])
        return super().execute(context)

    def _read_plan(self) -> Mapping[str, Any]:
        if isinstance(self.plan, Mapping) and PLAN_HASH in self.plan:
            return self.plan
        raise RcsInputError(
            "plan", f"a {type(self.plan).__name__} is not a plan", "Give it the output of a task with dry_run=True."
        )

    def _require_own_question(self, task_instance_id: Any, plan: Mapping[str, Any]) -> None:
        """Make sure that Airflow shows this plan.

        Of a task that is cleared, Airflow 3.1 to 3.3 goes on showing what it asked first
        (https://github.com/apache/airflow/pull/73235): the approval would be of a plan that nobody has seen.
        """
        from airflow.sdk.execution_time.comms import CreateHITLDetailPayload, HITLDetailRequestResult
        from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

        asked = {
            "ti_id": task_instance_id,
            "options": self.options,
            "subject": self.subject,
            "body": self.body,
            "defaults": self.defaults,
            "multiple": self.multiple,
            "params": self.serialized_params,
            "assigned_users": self.assigned_users or [],
        }
        shown = SUPERVISOR_COMMS.send(CreateHITLDetailPayload.model_validate(asked))
        if isinstance(shown, HITLDetailRequestResult) and plan[PLAN_HASH] in str(shown.body):
            return
        raise RcsPlanChangedError(
            "plan: it has changed since this run asked about it, and Airflow would go on showing the old one. "
            f"{RcsPlanChangedError.remedy}"
        )


def question_of(plan: Mapping[str, Any]) -> str:
    """Return what a person needs to see of a plan, in Markdown."""
    template, requests = plan["template"], plan["requests"]
    reasons = [f"- {count} {state}: {why}" for state, those in plan["reasons"].items() for why, count in those.items()]
    samples = [f"- {sample['phone']}, {sample['name']}: {sample['variables']}" for sample in plan["samples"]]
    unasked = "" if plan["store_asked"] else "Who was messaged before or is suppressed is not known: no store."
    parts = [
        f"Campaign **{plan['campaign']}** with template {template['id']} ({template['name']}).",
        "\n".join(["| | recipients |", "| --- | --- |", *(f"| {of} | {plan[key]} |" for key, of in _COUNTS.items())]),
        unasked,
        "\n".join(reasons),
        f"{requests['count']} requests, {requests['total_bytes']} bytes in all. Samples, masked:",
        "\n".join(samples),
    ]
    return "\n\n".join(filter(None, parts))
