"""The base class of the operators that send a campaign."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator

from airflow_provider_rcs.api.errors import RcsEmptyListError, RcsInputError
from airflow_provider_rcs.api.texts import text_of
from airflow_provider_rcs.get_provider_info import DEFAULT_RCS_CONN_ID
from airflow_provider_rcs.hooks.airflow_errors import airflow_exceptions
from airflow_provider_rcs.hooks.sql import stream_only_column
from airflow_provider_rcs.hooks.store import lease_from_config, store_engine
from airflow_provider_rcs.operators.assets import SENT_CAMPAIGNS, emit_campaign_event
from airflow_provider_rcs.operators.lineage import Query, lineage_of_send
from airflow_provider_rcs.operators.links import RcsCampaignLink, show_link
from airflow_provider_rcs.operators.naming import (
    DEFAULT_CAMPAIGN,
    is_mapped,
    name_without_rendering,
    read_naming,
    started_by_task,
)
from airflow_provider_rcs.operators.previewing import phone_test_of, preview_plan, require_no_test_phones
from airflow_provider_rcs.operators.rendering import RendersToText, dict_of, guarded
from airflow_provider_rcs.sending.stopping import Stop

if TYPE_CHECKING:
    import sqlalchemy as sa
    from airflow.providers.common.compat.sdk import Context, ObjectStoragePath, XComArg
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_rcs.api.models import FrequencyCap, QuietHours, Template
    from airflow_provider_rcs.hooks.rcs import RcsHook
    from airflow_provider_rcs.recipients.chunks import Chunk
    from airflow_provider_rcs.sending.settings import SendSettings

_ON_EMPTY = ("fail", "skip")


class RcsSendingOperator(RendersToText, BaseOperator):
    """Send a template to recipients, each at most once per campaign, even if the task is killed, retried or cleared.

    The list is committed to the store before anything is sent, each request before it leaves, and each reply when it
    has come. If a reply is lost, its recipients are in doubt: they are not sent again, and delivery reports settle
    them. The task returns the campaign's name, its counts and the ids that the service gave. When it succeeds, it emits
    an event of the asset ``rcs://store/campaigns`` with the campaign's name and counts, unless it sends to a shard.

    :param template_id: the template to send. (templated)
    :param campaign: the campaign's name; with a fixed value, each recipient is messaged once, ever. The tasks of a
        mapping, or of a mapped task group, that are not shards of one list must name their campaigns, and not by the
        map index. (templated)
    :param phone_column: column of the phones. Columns are found in any case: ``phone`` also finds ``PHONE``.
    :param name_column: column of the names; ``None`` sends no names. If the template takes something from the
        recipient, the column must exist; for other templates, the default column may be missing.
    :param reference_column: column of your own references, which reports return; ``None`` for none.
    :param variables: template variable -> column; a variable left out is read from the column of the same name.
        (templated)
    :param constants: template variable -> its value for every recipient: text, a number or a date. Airflow shows the
        names only. (templated)
    :param default_region: region of phones that are digits without a country, such as ``"ES"``. (templated)
    :param region_column: column of the regions of such phones; a row without one has ``default_region``.
    :param phone_format: ``"e164"`` if such phones begin with the country code, ``"national"`` if they never do; by
        default they may be either in their region, and are rejected if both are valid. (templated)
    :param mobile_only: whether numbers that are not mobiles are rejected; otherwise they are sent to, and a warning
        counts the fixed lines.
    :param agent: the RCS agent to send as; by default the connection's. (templated)
    :param send_at: when the service sends the messages, to the minute: a datetime, or a text in ISO 8601. (templated)
    :param timezone: the time zone of a ``send_at`` that has none, such as ``"Europe/Madrid"``. A time that the clocks
        skip is refused; one that they repeat means the first. (templated)
    :param quiet_hours: parts of the day in which the service must not send: ``QuietHours``, or dicts of ``start``,
        ``end``, ``action`` and ``timezone``. Without its own ``timezone`` a part is in Spain's time; it is refused if
        the argument ``timezone`` is another. (templated)
    :param request_reports: whether the service is asked to push delivery reports. Without them, whether messages are
        delivered is not known, messages in doubt can only be resolved by hand, and a sensor on the campaign waits
        forever.
    :param rcs_conn_id: the connection to the RCS API. (templated)
    :param store_conn_id: the connection to the store; by default ``[rcs] store_conn_id``. (templated)
    :param batch_size: the most recipients of one request; by default the connection's.
    :param max_in_flight: how many requests may be in flight at once, at most 32. If the service answers 429, the task
        waits as it asks, and goes on with fewer.
    :param exclude_sql: a query, or a ``.sql`` file, with one column: phones that must not be messaged. If one of them
        cannot be read as the phone of a mobile, nothing is sent. (templated)
    :param exclude_conn_id: the connection of ``exclude_sql``; by default that of the recipients, if they have one.
        (templated)
    :param frequency_cap: how often a phone may be messaged, over all campaigns of the store, such as
        ``FrequencyCap(at_most=2, within=timedelta(days=7))``; recipients over the cap are suppressed. Messages count by
        the dates at which they go out, before and after this campaign's.
    :param min_credits: the credit that the account must have for the campaign to begin; with less, the task fails
        before anything is recorded or sent. A campaign that has begun is not checked again. (templated)
    :param shard: the part of the list that this task sends to, such as ``"2/4"``; one of those that
        :func:`~airflow_provider_rcs.api.models.shards` returns. The tasks of all shards together send one campaign to
        the whole list; ``on_invalid`` and ``on_in_doubt`` apply to the task's own shard. (templated)
    :param sample: how much of the list to send to, such as ``0.01`` for one recipient in a hundred. The same sample of
        a list has the same recipients, and a larger one contains them. (templated)
    :param on_invalid: ``"reject"`` records recipients who cannot be sent to as rejected and sends to the others;
        ``"fail"`` sends nothing if one cannot be sent to.
    :param on_empty: what a list without rows does: ``"fail"`` fails the task, ``"skip"`` skips it.
    :param on_in_doubt: ``"fail"`` fails the task, after everything else is sent, while messages are in doubt;
        ``"hold"`` lets it succeed.
    :param scheduled_by: what waits for ``send_at``: the ``"service"``, which is given all messages at once, or the
        ``"store"``: then the task plans the list, and ``RcsDispatchScheduledOperator`` sends it shortly before the
        date.
    :param dry_run: whether to record and send nothing, and return what would be sent: counts by reason, the sizes of
        the requests, three masked samples and the plan's hash.
    :param test_phones: of a dry run, up to 20 phones of your own team: a list, a text with commas, or the output of a
        task. Each gets the template with the names and variables of the three samples, unmasked, as three messages,
        and nobody else does. A retry sends none again. Airflow shows how many they are. (templated)
    :param approved_plan: the ``plan_hash`` that a dry run returned and a person approved: if the list, the template or
        another term has changed since, nothing is sent. By default no approval is needed. (templated)
    """

    template_fields: Sequence[str] = (
        "template_id",
        "campaign",
        "variables",
        "constants",
        "default_region",
        "phone_format",
        "agent",
        "send_at",
        "timezone",
        "quiet_hours",
        "rcs_conn_id",
        "store_conn_id",
        "exclude_sql",
        "exclude_conn_id",
        "min_credits",
        "shard",
        "sample",
        "test_phones",
        "approved_plan",
    )
    template_ext: Sequence[str] = (".sql",)
    data_fields: ClassVar[Mapping[str, str]] = {"constants": "constant", "test_phones": "test phone"}
    guarded_fields: ClassVar[tuple[str, ...]] = ("test_phones",)
    default_templates: ClassVar[tuple[str, ...]] = (DEFAULT_CAMPAIGN,)
    ui_color = "#d7eaf7"
    operator_extra_links = (RcsCampaignLink(),)

    def __init__(
        self,
        *,
        template_id: str,
        campaign: str = DEFAULT_CAMPAIGN,
        phone_column: str = "phone",
        name_column: str | None = "name",
        reference_column: str | None = None,
        variables: Mapping[str, str] | None = None,
        constants: Mapping[str, Any] | None = None,
        default_region: str | None = None,
        region_column: str | None = None,
        phone_format: str | None = None,
        mobile_only: bool = True,
        agent: str | None = None,
        send_at: datetime | str | None = None,
        timezone: str | None = None,
        quiet_hours: Sequence[QuietHours | Mapping[str, Any]] | None = None,
        request_reports: bool = True,
        rcs_conn_id: str = DEFAULT_RCS_CONN_ID,
        store_conn_id: str | None = None,
        batch_size: int | None = None,
        max_in_flight: int = 8,
        exclude_sql: str | None = None,
        exclude_conn_id: str | None = None,
        frequency_cap: FrequencyCap | None = None,
        min_credits: float | str | None = None,
        shard: str | None = None,
        sample: float | str = 1.0,
        on_invalid: str = "reject",
        on_empty: str = "fail",
        on_in_doubt: str = "fail",
        scheduled_by: str = "service",
        dry_run: bool = False,
        test_phones: Sequence[str] | str | XComArg | None = None,
        approved_plan: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._stop = Stop()
        self.outlets = [*self.outlets, SENT_CAMPAIGNS]
        self.template_id = template_id
        self.campaign = campaign
        self.phone_column = phone_column
        self.name_column = name_column
        self.reference_column = reference_column
        self.variables = variables
        self.constants = constants
        self.default_region = default_region
        self.region_column = region_column
        self.phone_format = phone_format
        self.mobile_only = mobile_only
        self.agent = agent
        self.send_at = send_at
        self.timezone = timezone
        self.quiet_hours = quiet_hours
        self.request_reports = request_reports
        self.rcs_conn_id = rcs_conn_id
        self.store_conn_id = store_conn_id
        self.batch_size = batch_size
        self.max_in_flight = max_in_flight
        self.exclude_sql = exclude_sql
        self.exclude_conn_id = exclude_conn_id
        self.frequency_cap = frequency_cap
        self.min_credits = min_credits
        self.shard = shard
        self.sample = sample
        self.on_invalid = on_invalid
        self.on_empty = on_empty
        self.on_in_doubt = on_in_doubt
        self.scheduled_by = scheduled_by
        # Not ``dry_run``, which is a method of Airflow's operators.
        self.preview = dry_run
        self.test_phones = guarded(test_phones, self.data_fields["test_phones"])
        self.approved_plan = approved_plan
        # Noted before rendering, which may leave nothing of them.
        self._has_approved_plan = approved_plan is not None
        self._exclude_sql_as_written = exclude_sql
        self._constants_as_written = constants
        self._naming = read_naming(campaign)
        if not dry_run:
            require_no_test_phones(test_phones)
        if shard is None and self.get_closest_mapped_task_group() is not None:
            self._naming.require_list_named()

    @abstractmethod
    def read_chunks(self) -> Iterable[Chunk]:
        """Return the recipients as columns of some rows at a time."""

    def default_exclude_conn_id(self) -> str | None:
        """Return the connection of ``exclude_sql`` if ``exclude_conn_id`` is not set."""
        return None

    def recipient_sources(self) -> list[Query | ObjectStoragePath]:
        """Return the query or the file that the recipients come from, if there is one."""
        return []

    def execute(self, context: Context) -> dict[str, Any]:
        """Look the template up, plan the list, send it, and return the counts."""
        with airflow_exceptions(), self._stop.watching(), self._skipping_empty_list():
            if not self.shard and is_mapped(context):
                self._naming.require_list_named()
            settings = self._settings(context)
            show_link(self, context)
            return self._preview(context, settings) if self.preview else self._send(context, settings)

    @property
    def linked_campaign(self) -> str:
        """The campaign that the task's link leads to; empty in a dry run, which does not record it."""
        return "" if self.preview else text_of("campaign", self.campaign)

    def on_kill(self) -> None:
        """Stop sending: Airflow calls this when the task is marked, cleared, timed out or shut down."""
        self._stop.request()

    def get_openlineage_facets_on_complete(self, task_instance: object) -> OperatorLineage[Any, Any] | None:  # noqa: ARG002
        """Return the tables and files that were read, and the campaign, for Airflow's OpenLineage provider."""
        sources = [*self.recipient_sources(), *self._exclude_queries()]
        return lineage_of_send(None if self.preview else text_of("campaign", self.campaign), sources)

    @contextmanager
    def _skipping_empty_list(self) -> Iterator[None]:
        if self.on_empty not in _ON_EMPTY:
            choices = " or ".join(map(repr, _ON_EMPTY))
            raise RcsInputError("on_empty", f"{self.on_empty!r} is not a choice", f"Use {choices}.")
        try:
            yield
        except RcsEmptyListError:
            if self.on_empty == "fail":
                raise
            raise AirflowSkipException("The list of recipients is empty; nothing was sent.") from None

    def _preview(self, context: Context, settings: SendSettings) -> dict[str, Any]:
        test = phone_test_of(self, context, self._stop)
        chunks, excluded = self.read_chunks(), self._read_excluded()
        return preview_plan(settings, self.rcs_conn_id, self.store_conn_id, chunks, excluded, test)

    def _send(self, context: Context, settings: SendSettings) -> dict[str, Any]:
        from airflow_provider_rcs.hooks.rcs import RcsHook
        from airflow_provider_rcs.sending.campaign import look_up_template, send_campaign

        hook = RcsHook(self.rcs_conn_id)
        engine = store_engine(self.store_conn_id)
        template = look_up_template(engine, hook, settings, self._stop)
        if settings.scheduled_by == "store":
            return self._schedule(context, engine, hook, template, settings)
        sent = send_campaign(
            engine,
            hook,
            template,
            settings,
            self.read_chunks(),
            started_by=started_by_task(self, context),
            lease=lease_from_config(),
            stop=self._stop,
            excluded=self._read_excluded(),
        )
        if not settings.selection.is_shard:
            # A shard's task does not know when the others have ended. And if two tasks that end at once both register
            # the asset, Airflow fails one of them for good.
            emit_campaign_event(context, sent)
        return sent

    def _schedule(
        self, context: Context, engine: sa.Engine, hook: RcsHook, template: Template, settings: SendSettings
    ) -> dict[str, Any]:
        from airflow_provider_rcs.sending.scheduled import DispatchConnections, schedule_campaign

        query = next(self._exclude_queries(), None)
        exclude = (query.sql, query.conn_id) if query else ()
        return schedule_campaign(
            engine,
            hook,
            template,
            settings,
            self.read_chunks(),
            DispatchConnections(self.rcs_conn_id, *exclude),
            started_by=started_by_task(self, context),
            lease=lease_from_config(),
            stop=self._stop,
            excluded=self._read_excluded(),
        )

    def _read_excluded(self) -> Iterator[Sequence[object]]:
        for query in self._exclude_queries():
            yield from stream_only_column("exclude_sql", query.conn_id, query.sql)

    def _exclude_queries(self) -> Iterator[Query]:
        """Yield the query of ``exclude_sql``, if it was given."""
        if self._exclude_sql_as_written is None:
            return
        if self.exclude_sql is None or self.exclude_sql.strip() in ("", "None"):
            # A template that rendered to nothing: people who have opted out would be messaged.
            raise RcsInputError("exclude_sql", "it is empty", "Give a query, or leave it out to exclude nobody.")
        conn_id = self.exclude_conn_id or self.default_exclude_conn_id()
        if not conn_id:
            raise RcsInputError("exclude_conn_id", "it is not set", "Give the connection of exclude_sql.")
        yield Query(self.exclude_sql, conn_id)

    def _exclusions(self) -> str:
        """Return what ``exclude_sql`` is, for the terms of the campaign: as written in the DAG, before it is rendered.

        A query by date has another text in each run, and is the same query.
        """
        from airflow_provider_rcs.sending.settings import describe_query

        query = next(self._exclude_queries(), None)
        if query is None:
            return describe_query(None)
        written = self._exclude_sql_as_written
        return describe_query(written if isinstance(written, str) else query.sql, query.conn_id)

    def _rendered_constants(self) -> Mapping[str, Any]:
        constants, written = dict_of("constants", self.constants), self._constants_as_written
        for name, value in constants.items():
            # Such as an XCom that is not there: everyone would read "None".
            if value == "None" and isinstance(written, Mapping) and written.get(name) != value:
                raise RcsInputError(
                    f"constants[{name!r}]", "its template has rendered to None", "Check what the template names."
                )
        return constants

    def _settings(self, context: Context) -> SendSettings:
        from airflow_provider_rcs.sending.arguments import SendArguments

        campaign = text_of("campaign", self.campaign)
        return SendArguments(
            template_id=self.template_id,
            campaign=name_without_rendering(self, context) if campaign == DEFAULT_CAMPAIGN else campaign,
            phone_column=self.phone_column,
            name_column=self.name_column,
            reference_column=self.reference_column,
            variables=dict_of("variables", self.variables),
            constants=self._rendered_constants(),
            default_region=self.default_region,
            region_column=self.region_column,
            phone_format=self.phone_format,
            mobile_only=self.mobile_only,
            agent=self.agent,
            send_at=self.send_at,
            timezone=self.timezone,
            quiet_hours=self.quiet_hours,
            request_reports=self.request_reports,
            batch_size=self.batch_size,
            max_in_flight=self.max_in_flight,
            frequency_cap=self.frequency_cap,
            min_credits=self.min_credits,
            shard=self.shard,
            sample=self.sample,
            on_invalid=self.on_invalid,
            on_in_doubt=self.on_in_doubt,
            scheduled_by=self.scheduled_by,
            approved_plan=str(self.approved_plan) if self._has_approved_plan else None,
        ).settings(self._exclusions())
