"""The operator that lands delivery reports which something other than the receiver took in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator, XComArg

from airflow_provider_rcs.api.counts import counted
from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.hooks.airflow_errors import airflow_exceptions
from airflow_provider_rcs.hooks.sql import stream_columns
from airflow_provider_rcs.hooks.store import store_engine
from airflow_provider_rcs.operators.lineage import Query, lineage_of_landing
from airflow_provider_rcs.operators.naming import is_mapped
from airflow_provider_rcs.operators.rendering import RendersToText, parameters_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.providers.common.compat.sdk import Asset, Context, ObjectStoragePath
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_rcs.landing.landing import Landing
    from airflow_provider_rcs.landing.raw_bodies import RawBody


class _Unset(Enum):
    """Stands for an argument that is not given, where a task may have returned ``None``; a deep copy is the same."""

    UNSET = "unset"


# Argument -> what it is if it is not given.
_SOURCES: dict[str, object] = {"path": None, "sql": None, "bodies": _Unset.UNSET, "asset": None}
_TEMPLATE = re.compile(r"\s*\{\{.*\}\}\s*", re.DOTALL)


class RcsLandReportsOperator(RendersToText, BaseOperator):
    """Land delivery reports from files, a query, a task or a queue's events, as if the receiver had taken them in.

    For an Airflow that no stranger may send requests to: an API gateway takes the reports in, and puts each request's
    raw body into a bucket, a table or a queue. A body is read by what it holds, and may be in an envelope, such as
    ``{"body": ..., "content_type": ..., "received_at": ...}`` or those of AWS, Google Cloud and Azure; see
    ``docs/land-reports-without-a-door.md``. What cannot be understood is kept in the store, and counted in a warning:
    ``airflow-rcs refused list`` shows it. Bodies are landed many at a time. Landing one again changes nothing. Returns
    the numbers of files, bodies, reports, replies of people, and refused bodies.

    Give exactly one of ``path``, ``sql``, ``bodies`` and ``asset``.

    :param path: a file, a folder with all its folders, or a pattern with ``*``, in any storage that Airflow can read:
        an ``ObjectStoragePath``, or its URL as text, such as ``s3://connection@bucket/reports``. A file holds one body,
        or several as JSON lines. Needs ``move_to`` or ``delete_files``. (templated)
    :param move_to: the folder to which each file is moved after its reports are committed. (templated)
    :param delete_files: whether each file is deleted instead.
    :param sql: a query, or a ``.sql`` file, with a column ``body``, and if there are such ``content_type`` and
        ``received_at``, in any case. (templated)
    :param sql_conn_id: the connection that runs the query; any with a SQL hook. (templated)
    :param parameters: the values to bind to the query's placeholders, in the style of the database's driver.
        Airflow shows how many they are, and their names. (templated)
    :param bodies: the output of a task: text, bytes, an envelope, or a list of these. Never rendered as a template, nor
        shown among the rendered fields, because it holds the data of customers.
    :param asset: the asset whose events started the run, such as those of a ``MessageQueueTrigger``; each event's
        payload is a body, or what a queue's trigger puts around some.
    :param content_type: the content type of bodies that come without one; needed only if the reports are not in UTF-8,
        such as ``"application/json; charset=iso-8859-1"``. (templated)
    :param reports_conn_id: the connection that would have let the reports in, kept with them. If it is of one account,
        reports on campaigns of another are set aside. By default none is. (templated)
    :param store_conn_id: the connection to the store; by default ``[rcs] store_conn_id``. (templated)
    :raises RcsInputError: where the DAG is parsed, unless exactly one source is given, with what it needs.
    """

    template_fields: Sequence[str] = (
        "path",
        "move_to",
        "sql",
        "sql_conn_id",
        "parameters",
        "content_type",
        "reports_conn_id",
        "store_conn_id",
    )
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql"}
    data_fields: ClassVar[Mapping[str, str]] = {"parameters": "parameter"}
    # Airflow makes deep copies of operators; an iterator cannot be copied.
    shallow_copy_attrs: Sequence[str] = ("bodies",)
    ui_color = "#ece3f5"

    def __init__(
        self,
        *,
        path: str | ObjectStoragePath | None = None,
        move_to: str | ObjectStoragePath | None = None,
        delete_files: bool = False,
        sql: str | None = None,
        sql_conn_id: str | None = None,
        parameters: Mapping[str, Any] | Sequence[Any] | None = None,
        bodies: Any = _Unset.UNSET,
        asset: Asset | None = None,
        content_type: str = "",
        reports_conn_id: str | None = None,
        store_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.path = path
        self.move_to = move_to
        self.delete_files = delete_files
        self.sql = sql
        self.sql_conn_id = sql_conn_id
        self.parameters = parameters
        self.bodies = bodies
        self.asset = asset
        self.content_type = content_type
        self.reports_conn_id = reports_conn_id
        self.store_conn_id = store_conn_id
        self._source = self._only_source()
        self._require_companions()
        # Airflow does this for templated fields only.
        XComArg.apply_upstream_relationship(self, bodies)

    def execute(self, context: Context) -> dict[str, int]:
        """Land the reports, and fold them."""
        with airflow_exceptions():
            return self._land(context)

    def get_openlineage_facets_on_complete(self, task_instance: object) -> OperatorLineage[Any, Any] | None:  # noqa: ARG002
        """Return the tables or files that were read, for Airflow's OpenLineage provider."""
        return lineage_of_landing(self._lineage_sources())

    def _lineage_sources(self) -> list[Query | ObjectStoragePath]:
        from airflow.providers.common.compat.sdk import ObjectStoragePath

        if self._source == "sql":
            return [Query(self._required("sql"), self._required("sql_conn_id"))]
        return [ObjectStoragePath(self._required("path"))] if self._source == "path" else []

    def _land(self, context: Context) -> dict[str, int]:
        from airflow_provider_rcs.api.accounts import ANOTHER_WAY
        from airflow_provider_rcs.hooks.reports import (
            opt_out_words_from_airflow,
            reports_connection,
            timezone_from_airflow,
        )
        from airflow_provider_rcs.landing.landing import Landing
        from airflow_provider_rcs.store.inbox.folding import fold_if_possible

        engine = store_engine(self.store_conn_id)
        let_in_by = reports_connection(self.reports_conn_id) if self.reports_conn_id else ANOTHER_WAY
        landing = Landing(engine, timezone_from_airflow(), opt_out_words_from_airflow(), let_in_by)
        try:
            if self._source == "path":
                self._land_files(landing)
            else:
                landing.land_bodies(self._read_bodies(context))
        finally:
            # What is landed is counted and folded, even if the rest could not be.
            self._log_counts(landing.counts())
            fold_if_possible(engine)
        return landing.counts()

    def _land_files(self, landing: Landing) -> None:
        from airflow_provider_rcs.landing.files import delete_file, find_body_files, move_files_to

        path = self._required("path")
        dispose = delete_file if self.delete_files else move_files_to(self._required("move_to"))
        files = find_body_files(path, apart=None if self.delete_files else self.move_to)
        self.log.info("Found %s to land.", counted(len(files), "file", "files"))
        landing.land_files(files, self.content_type or "", dispose)

    def _read_bodies(self, context: Context) -> Iterator[RawBody]:
        from airflow_provider_rcs.landing.raw_bodies import bodies_of_event, raw_bodies
        from airflow_provider_rcs.landing.rows import bodies_of_rows, require_body

        content_type = self.content_type or ""
        match self._source:
            case "sql":
                sql, conn_id = self._required("sql"), self._required("sql_conn_id")
                rows = stream_columns("sql", conn_id, sql, parameters_of(self.parameters), require_columns=require_body)
                yield from bodies_of_rows(rows, content_type)
            case "asset":
                for event in self._events(context):
                    yield from bodies_of_event(event.extra, content_type, event.timestamp)
            case _:
                yield from raw_bodies(self._resolved_bodies(context), content_type)

    def _resolved_bodies(self, context: Context) -> Any:
        """Return the bodies, with the outputs of tasks in place of their names."""
        if isinstance(self.bodies, XComArg):
            return self.bodies.resolve(context)
        if isinstance(self.bodies, list | tuple):
            return [each.resolve(context) if isinstance(each, XComArg) else each for each in self.bodies]
        if isinstance(self.bodies, str) and not is_mapped(context) and _TEMPLATE.fullmatch(self.bodies):
            raise RcsInputError(
                "bodies",
                "it is a template, and bodies are never rendered",
                "Give the output of the task itself (bodies=task.output), or asset= for the events that started the "
                "run.",
            )
        return self.bodies

    def _events(self, context: Context) -> Sequence[Any]:
        """Return the events of the asset that started the run; none if a person started it."""
        try:
            events: Sequence[Any] = context["triggering_asset_events"][self.asset]
        except KeyError:
            self.log.info("No event of the asset started this run.")
            return ()
        return events

    def _log_counts(self, counts: Mapping[str, int]) -> None:
        self.log.info("Landed %s.", ", ".join(f"{count} {name}" for name, count in counts.items()))
        if counts["refused"]:
            self.log.warning(
                "%d of %s could not be understood, in whole or in part. They are kept in the store; to see them: "
                "airflow-rcs refused list",
                counts["refused"],
                counted(counts["bodies"], "body", "bodies"),
            )

    def _only_source(self) -> str:
        """Return the name of the argument that says where the bodies come from."""
        given = [name for name, unset in _SOURCES.items() if getattr(self, name) is not unset]
        if len(given) != 1:
            problem = f"{' and '.join(given)} are given together" if given else "none of them is given"
            raise RcsInputError(", ".join(_SOURCES), problem, "Give exactly one of them.")
        return given[0]

    def _require_companions(self) -> None:
        """Check that a source has what it needs, and nothing that belongs to another."""
        if self._source == "path" and (self.move_to is None) == (not self.delete_files):
            raise RcsInputError(
                "path",
                "give either move_to or delete_files=True",
                "Files that stay where they are would be landed again by every run.",
            )
        of_others = {"move_to": "path", "delete_files": "path", "sql_conn_id": "sql", "parameters": "sql"}
        for name, source in of_others.items():
            if getattr(self, name) and source != self._source:
                raise RcsInputError(name, f"it belongs to {source}, which is not given", "Leave it out.")
        if self._source == "sql" and self.sql_conn_id is None:
            raise RcsInputError("sql_conn_id", "it is not given", "Name the connection that runs the query.")

    def _required(self, name: str) -> Any:
        """Return the value of an argument, which a template may have rendered to nothing.

        :raises RcsInputError: if it is empty.
        """
        value = getattr(self, name)
        if not value:
            raise RcsInputError(name, "it is empty", "Check its template.")
        return value
