"""A notifier that sends an RCS message to named phones when something befalls a task or a DAG."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from traceback import extract_tb
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseNotifier

from airflow_provider_rcs.api.errors import RcsError, RcsInputError
from airflow_provider_rcs.api.masking import mask_phone
from airflow_provider_rcs.api.models import Recipient, SendRequest
from airflow_provider_rcs.api.outcomes import outcomes_of_reply
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.hooks.default_connections import DEFAULT_RCS_CONN_ID
from airflow_provider_rcs.recipients.cells import cell_text
from airflow_provider_rcs.recipients.phones import PhoneError, read_phone

if TYPE_CHECKING:
    import jinja2
    from airflow.providers.common.compat.sdk import Context

log = logging.getLogger(__name__)

CAMPAIGN_REFERENCE = "airflow-notification"
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class RcsNotifier(BaseNotifier):
    """Send a template to a few phones, for ``on_failure_callback`` and its like.

    A notification makes one request, and never repeats it. Whatever goes wrong is one warning in the log, without
    phones, and is never raised: a notification must not change what becomes of a task. It needs no store, keeps
    nothing, and asks for no delivery reports; that nobody is messaged twice is promised for campaigns alone.

    :param template_id: the template to send. (templated)
    :param phones: whom to send it to. (templated)
    :param variables: template variable -> its text; line breaks in it become spaces. (templated)
    :param default_region: region of national phones, such as ``"ES"``. (templated)
    :param agent: the RCS agent to send as; by default the connection's. (templated)
    :param rcs_conn_id: the connection to the RCS API. (templated)
    :raises RcsInputError: if ``phones`` is no list or an empty one, or ``variables`` is no dict.
    """

    template_fields: Sequence[str] = (
        "template_id",
        "phones",
        "variables",
        "default_region",
        "agent",
        "rcs_conn_id",
    )

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
        # What no rendering can put right is told where the DAG is parsed: later, only a log would be told.
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
        """Leave the fields as they are; each notification renders them for itself.

        Airflow's own way keeps the texts of the first notification for the next one, and logs a field that cannot be
        rendered, with the phones in it.
        """

    def notify(self, context: Context) -> None:
        """Send the message, once; whatever goes wrong is a warning in the log."""
        try:
            trouble = self._send(context)
        except RcsError as error:
            trouble = [f"{type(error).__name__}: {error}"]
            if not error.nothing_sent:
                trouble.append("Whether it was sent is not known.")
        except AirflowNotFoundException as error:
            trouble = [str(error)]
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing else may fail for it
            # Not its text: that of an error which is not ours may hold what was to be sent.
            *_, place = extract_tb(error.__traceback__)
            trouble = [f"{type(error).__name__} at {place.filename}:{place.lineno}"]
        if trouble:
            log.warning("RCS notification: %s", " ".join(trouble))

    async def async_notify(self, context: Context) -> None:
        """Do the same without holding up an event loop, as the triggerer asks for deadline alerts."""
        await asyncio.to_thread(self.notify, context)

    def _send(self, context: Context) -> list[str]:
        """Send the message, and return what went wrong with some of its phones."""
        from airflow_provider_rcs.hooks.rcs import RcsHook

        given = self._rendered_fields(context)
        phones, trouble = _read_phones(given["phones"], given["default_region"] or None)
        if not phones:
            return [*trouble, "Nobody was notified."]
        variables = _read_variables(given["variables"] or {})
        hook = RcsHook(given["rcs_conn_id"])
        if len(phones) > hook.settings.batch_size:
            raise RcsInputError(
                "phones", f"{len(phones)} are too many for one request", "Use RcsSendOperator. Nobody was notified."
            )
        request = SendRequest(
            template_id=str(given["template_id"]),
            recipients=tuple(Recipient(phone, variables=variables) for phone in phones),
            campaign_reference=CAMPAIGN_REFERENCE,
            agent=given["agent"] or hook.settings.agent,
            request_reports=False,
        )
        became = outcomes_of_reply(phones, hook.send(request))
        accepted = sum(each.state is MessageState.ACCEPTED for each in became)
        log.info("RCS notification: the service accepted it for %d of %d phones.", accepted, len(phones))
        reasons = Counter(each.reason for each in became if each.state is not MessageState.ACCEPTED)
        return [*trouble, *(f"For {count} of {len(phones)} phones, {reason}." for reason, count in reasons.items())]

    def _rendered_fields(self, context: Context) -> dict[str, Any]:
        dag = context.get("dag")
        # Where a DAG is tested in one process, its callback meets the DAG as it is stored, which renders nothing.
        jinja_env = self.get_template_env(dag if hasattr(dag, "get_template_env") else None)
        rendered = {}
        for field in self.template_fields:
            try:
                rendered[field] = self.render_template(getattr(self, field), context, jinja_env)
            except Exception as error:  # noqa: BLE001 - a template may raise whatever it likes
                raise RcsInputError(
                    field, f"it cannot be rendered ({type(error).__name__})", "Check its template. Nobody was notified."
                ) from None
        return rendered


def _read_phones(values: Sequence[object], default_region: str | None) -> tuple[list[str], list[str]]:
    """Return the phones as E.164 digits, each once, and what is wrong with those that are none."""
    phones, trouble = [], []
    for place, value in enumerate(values):
        try:
            phones.append(read_phone(value, default_region))
        except PhoneError as error:
            trouble.append(f"phones[{place}], {mask_phone(str(value))!r}: {error}.")
    return list(dict.fromkeys(phones)), trouble


def _read_variables(values: Mapping[str, object]) -> dict[str, str]:
    texts = {}
    for name, value in values.items():
        # A failure's text has lines, and is worth telling without them.
        one_line = _CONTROL_CHARACTERS.sub(" ", value) if isinstance(value, str) else value
        try:
            texts[name] = cell_text(one_line)
        except ValueError as error:
            raise RcsInputError(f"variables[{name!r}]", str(error), "Nobody was notified.") from None
    return texts
