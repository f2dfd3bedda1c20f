"""Operators that look up templates or send to recipients in memory or in a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_rcs.api.texts import text_of
from airflow_provider_rcs.get_provider_info import DEFAULT_RCS_CONN_ID
from airflow_provider_rcs.hooks.airflow_errors import airflow_exceptions
from airflow_provider_rcs.operators.rendering import RendersToText, dict_of, guarded, unguarded
from airflow_provider_rcs.operators.sending import RcsSendingOperator

if TYPE_CHECKING:
    from typing import TypeAlias

    import pandas as pd
    import polars as pl
    import pyarrow as pa
    from airflow.providers.common.compat.sdk import Context, ObjectStoragePath, XComArg

    from airflow_provider_rcs.operators.lineage import Query
    from airflow_provider_rcs.recipients.chunks import Chunk

    Table: TypeAlias = pd.DataFrame | pl.DataFrame | pa.Table | pa.RecordBatch
    Rows: TypeAlias = Sequence[Mapping[str, Any]] | Iterator[Mapping[str, Any]]
    Recipients: TypeAlias = Table | Rows | Sequence[Table] | Iterator[Table] | ObjectStoragePath | str


class RcsListTemplatesOperator(RendersToText, BaseOperator):
    """List the templates of the account.

    Returns a list of ``{"id": ..., "name": ...}``, ordered by id.

    :param rcs_conn_id: the connection to the RCS API. (templated)
    """

    template_fields: Sequence[str] = ("rcs_conn_id",)
    ui_color = "#e8f3e8"

    def __init__(self, *, rcs_conn_id: str = DEFAULT_RCS_CONN_ID, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rcs_conn_id = rcs_conn_id

    def execute(self, context: Context) -> list[dict[str, str]]:  # noqa: ARG002
        """Look up the templates."""
        from airflow_provider_rcs.hooks.rcs import RcsHook

        with airflow_exceptions():
            templates = RcsHook(self.rcs_conn_id).list_templates(fresh=True)
        self.log.info("The account has %d templates.", len(templates))
        return [{"id": template_id, "name": name} for template_id, name in sorted(templates.items())]


class RcsGetTemplateOperator(RendersToText, BaseOperator):
    """Look up a template and its variables.

    Returns ``{"id": ..., "name": ..., "variables": [{"name": ..., "type": ..., "filled_by_service": ...}, ...]}``.

    :param template_id: the template's id, as :class:`RcsListTemplatesOperator` returns it. (templated)
    :param rcs_conn_id: the connection to the RCS API. (templated)
    """

    template_fields: Sequence[str] = ("template_id", "rcs_conn_id")
    ui_color = "#e8f3e8"

    def __init__(self, *, template_id: str, rcs_conn_id: str = DEFAULT_RCS_CONN_ID, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.template_id = template_id
        self.rcs_conn_id = rcs_conn_id

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002
        """Look up the template."""
        from airflow_provider_rcs.hooks.rcs import RcsHook

        with airflow_exceptions():
            template_id = text_of("template_id", self.template_id)
            template = RcsHook(self.rcs_conn_id).get_template(template_id, fresh=True)
        return {
            "id": template.id,
            "name": template.name,
            "variables": [asdict(variable) for variable in template.variables],
        }


class RcsSendOperator(RcsSendingOperator):
    """Send a template to recipients in memory or in files; see :class:`RcsSendingOperator` for the other arguments.

    :param recipients: a pandas or polars DataFrame, an Arrow table, a list or an iterator of dicts or of such tables,
        the path of Parquet or CSV files in any storage that Airflow can read (an ``ObjectStoragePath``, or its URL as
        text, such as ``s3://connection@bucket/people.parquet``), or the output of a task that returned one of these.
        A path is a file, a folder such as Spark writes, or a pattern with ``*``. Only a text or a path is a template;
        nothing inside a list or a table is. Airflow shows how many they are, and their columns. (templated)
    :param read_options: how CSV files are written: ``{"separator": ";", "encoding": "latin-1"}``; by default with
        commas, in UTF-8. (templated)
    """

    template_fields: Sequence[str] = ("recipients", "read_options", *RcsSendingOperator.template_fields)
    template_fields_renderers: ClassVar[dict[str, str]] = {"variables": "json"}
    data_fields: ClassVar[Mapping[str, str]] = {"recipients": "recipient", **RcsSendingOperator.data_fields}
    guarded_fields: ClassVar[tuple[str, ...]] = ("recipients", *RcsSendingOperator.guarded_fields)
    native_fields: ClassVar[tuple[str, ...]] = ("recipients",)
    # Airflow makes deep copies of operators; an iterator cannot be copied, and a large table should not be.
    shallow_copy_attrs: Sequence[str] = ("recipients",)

    def __init__(
        self, *, recipients: Recipients | XComArg, read_options: Mapping[str, str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.recipients = guarded(recipients, self.data_fields["recipients"])
        self.read_options = read_options

    def read_chunks(self) -> Iterable[Chunk]:
        """Return the recipients as columns of some rows at a time."""
        from airflow_provider_rcs.sending.sources import chunks_of

        return chunks_of(unguarded(self.recipients), dict_of("read_options", self.read_options))

    def recipient_sources(self) -> list[Query | ObjectStoragePath]:
        """Return the path of the recipients' files, if they come from some."""
        from airflow.providers.common.compat.sdk import ObjectStoragePath

        from airflow_provider_rcs.sending.sources.paths import is_path

        match unguarded(self.recipients):
            case ObjectStoragePath() as path:
                return [path]
            case str(text) if is_path(text):
                return [ObjectStoragePath(text)]
        return []
