"""A notifier that sends an RCS message to a few phones."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from traceback import extract_tb
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseNotifier

from airflow_provider_rcs.api.errors import RcsAuthError, RcsError, RcsInputError
from airflow_provider_rcs.api.masking import mask_phone
from airflow_provider_rcs.api.models import Recipient, SendRequest
from airflow_provider_rcs.api.outcomes import outcomes_of_reply, refusal_of
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.get_provider_info import DEFAULT_RCS_CONN_ID
from airflow_provider_rcs.hooks.airflow_errors import describe_error
from airflow_provider_rcs.recipients.cells import cell_text
from airflow_provider_rcs.recipients.phone_cells import PhoneError
from airflow_provider_rcs.recipients.phones import PhoneRules, read_phone

if TYPE_CHECKING:
    import jinja2
    from airflow.providers.common.compat.sdk import Context

log = logging.getLogger(__name__)

CAMPAIGN_REFERENCE = "airflow-notification"
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class RcsNotifier(BaseNotifier):
    """Send a template to a few phones; for ``on_failure_callback`` and the like.

    A notification makes one request and never repeats it. An error is logged as one warning, without phones, and never
    raised: a notification must not change the state of a task. It needs no store and requests no delivery reports; the
    promise that no recipient is messaged twice holds for campaigns only.

    :param template_id: the template to send. (templated)
    :param phones: the phones to send it to, all mobiles. (templated)
    :param variables: template variable -> text; line breaks become spaces. (templated)
    :param default_region: region of national phones, such as ``"ES"``. (templated)
    :param agent: the RCS agent to send as; by default the connection's. (templated)
    :param rcs_conn_id: the connection to the RCS API. (templated)
    :raises RcsInputError: if ``phones`` is not a list or is empty, or ``variables`` is not a dict.
    """

    template_fields: Sequence[str] = (
        "template_id",
        "phones",
        "variables",
        "default_region",
        "agent",
        "rcs_conn_id",
    )

    # Texts stay texts in a DAG that renders to native objects: "+34600000001" would become a number without its +.
    render_template_as_native_obj = False

    def __init__(
        self,
        *,
        template_id: str,
        phones: list[str] | tuple[str, ...],
        variables: dict[str, Any] | None = None,
        default_region: str | None = None,
        agent: str | None = None,
        rcs_conn_id: str = DEFAULT_RCS_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        # Only mistakes that templating cannot fix fail at parse time; all others are logged as a warning.
        if not (phones and isinstance(phones, list | tuple)):
            raise RcsInputError("phones", "it is not a list of phones", 'Give a list, such as ["+34600000001"].')
        if not isinstance(variables, dict | None):
            raise RcsInputError("variables", "it is not a dict", 'Give one, such as {"Task": "{{ ti.task_id }}"}.')
        self.template_id = template_id
        self.phones = phones
        self.variables = variables
        self.default_region = default_region
        self.agent = agent
        self.rcs_conn_id = rcs_conn_id

    def render_template_fields(self, context: Context, jinja_env: jinja2.Environment | None = None) -> None:
        """Leave the fields unrendered; each notification renders them for itself.

        Airflow would reuse the rendered texts of the first notification for the next one, and would log a field that
        cannot be rendered, including its phones.
        """

    def notify(self, context: Context) -> None:
        """Send the message once; errors are logged as a warning."""
        try:
            problems = self._send(context)
        except RcsError as error:
            problems = [describe_error(error)]
            if not error.nothing_sent:
                problems.append("It is not known whether it was sent.")
        except AirflowNotFoundException as error:
            problems = [str(error)]
        except Exception as error:  # noqa: BLE001 - no error of a notification may fail anything else
            # Without its text, which may hold personal data.
            *_, place = extract_tb(error.__traceback__)
            problems = [f"{type(error).__name__} at {place.filename}:{place.lineno}"]
        if problems:
            log.warning("RCS notification: %s", " ".join(problems))

    async def async_notify(self, context: Context) -> None:
        """Like :meth:`notify`, without blocking the event loop; used by the triggerer for deadline alerts."""
        await asyncio.to_thread(self.notify, context)

    def _send(self, context: Context) -> list[str]:
        """Send the message, and return the problems with some of its phones."""
        from airflow_provider_rcs.hooks.rcs import RcsHook

        fields = self._rendered_fields(context)
        phones, problems = _read_phones(fields["phones"], fields["default_region"] or None)
        if not phones:
            return [*problems, "No one was notified."]
        variables = _read_variables(fields["variables"] or {})
        if _were_refused(context, fields["rcs_conn_id"]):
            return [*problems, "The service refused the task's credentials, so they are not sent again."]
        hook = RcsHook(fields["rcs_conn_id"])
        if len(phones) > hook.settings.batch_size:
            raise RcsInputError(
                "phones", f"{len(phones)} are too many for one request", "Use RcsSendOperator. No one was notified."
            )
        request = SendRequest(
            template_id=str(fields["template_id"]),
            recipients=tuple(Recipient(phone, variables=variables) for phone in phones),
            campaign_reference=CAMPAIGN_REFERENCE,
            agent=str(fields["agent"] or hook.settings.agent),
            request_reports=False,
        )
        reply = hook.send(request)
        results = outcomes_of_reply(phones, reply)
        accepted = sum(each.state is MessageState.ACCEPTED for each in results)
        log.info("RCS notification: the service accepted it for %d of %d phones.", accepted, len(phones))
        if refused := refusal_of(reply, results):
            problems.append(describe_error(refused))
        reasons = Counter(each.reason for each in results if each.state is not MessageState.ACCEPTED)
        return [*problems, *(f"For {count} of {len(phones)} phones, {reason}." for reason, count in reasons.items())]

    def _rendered_fields(self, context: Context) -> dict[str, Any]:
        dag = context.get("dag")
        # In `dag.test()` the callback gets the serialized DAG, which has no template environment.
        of_dag = getattr(dag, "get_template_env", None)
        jinja_env = of_dag(force_sandboxed=True) if of_dag else self.get_template_env()
        rendered = {}
        for field in self.template_fields:
            try:
                rendered[field] = self.render_template(getattr(self, field), context, jinja_env)
            except Exception as error:  # noqa: BLE001 - a template can raise anything
                raise RcsInputError(
                    field, f"it cannot be rendered ({type(error).__name__})", "Check its template. No one was notified."
                ) from None
        return rendered


def _were_refused(context: Context, rcs_conn_id: str) -> bool:
    """Return whether the task has failed because the service refused the credentials of this connection."""
    cause = getattr(context.get("exception"), "__context__", None)
    return isinstance(cause, RcsAuthError) and getattr(context.get("task"), "rcs_conn_id", None) == rcs_conn_id


def _read_phones(values: Sequence[object], default_region: str | None) -> tuple[list[str], list[str]]:
    """Return the phones in E.164, each once, and the problems with the others."""
    phones, problems = [], []
    rules = PhoneRules(default_region)
    for place, value in enumerate(values):
        try:
            phones.append(read_phone(value, rules).phone)
        except PhoneError as error:
            problems.append(f"phones[{place}], {mask_phone(str(value))!r}: {error}.")
    return list(dict.fromkeys(phones)), problems


def _read_variables(values: Mapping[str, object]) -> dict[str, str]:
    texts = {}
    for name, value in values.items():
        # Error texts often have several lines: send them as one rather than not at all.
        one_line = _CONTROL_CHARACTERS.sub(" ", value) if isinstance(value, str) else value
        try:
            texts[name] = cell_text(one_line)
        except ValueError as error:
            raise RcsInputError(f"variables[{name!r}]", str(error), "No one was notified.") from None
    return texts
