"""Phones that a person gives, for suppression and erasure: in a text, a file or a query, read as strictly as a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.masking import mask_phone

if TYPE_CHECKING:
    import sqlalchemy as sa

    from airflow_provider_rcs.recipients.chunks import Chunk
    from airflow_provider_rcs.recipients.phones import PhoneRules


def read_one_phone(argument: str, text: str, default_region: str | None) -> str:
    """Return the phone that a text means, in E.164; a fixed line, too.

    :param argument: the argument that holds it, for errors.
    :param default_region: the region of national phones, such as ``"ES"``.
    :raises RcsInputError: if it cannot be read, or if the region is unknown; the phone is masked.
    """
    from airflow_provider_rcs.recipients.phone_cells import PhoneError
    from airflow_provider_rcs.recipients.phones import PhoneRules, read_phone
    from airflow_provider_rcs.sending.settings import require_region

    if default_region is not None:
        require_region(default_region)
    try:
        return read_phone(text, PhoneRules(default_region, mobile_only=False)).phone
    except PhoneError as error:
        raise RcsInputError(
            argument, f"{mask_phone(text)!r}: {error}", "Write it with + and the country code."
        ) from None


def cells_of_file(argument: str, file: str, column: str, read_options: Mapping[str, str]) -> Iterator[Sequence[object]]:
    """Yield the cells of a column of CSV or Parquet files, some at a time.

    :param argument: the argument that names the file, for errors.
    :param file: its path, or its URL in any storage that Airflow can read.
    :param read_options: how CSV files are written: ``separator`` and ``encoding``.
    :raises RcsInputError: if it cannot be read, or if it has no such column.
    """
    from airflow_provider_rcs.sending.sources.files import chunks_of_files

    # Not as_uri(): object storage takes a name as it is, also one with spaces, accents or percent signs.
    url = file if "://" in file else f"file://{Path(file).absolute()}"
    try:
        for chunk in chunks_of_files(url, read_options):
            yield _column_of(chunk, column)
    except RcsInputError as error:
        # The reader of files names the argument of an operator.
        if error.field != "recipients":
            raise
        problem = str(error).removeprefix("recipients: ").removesuffix(".")
        raise RcsInputError(argument, problem, "Nothing was recorded.") from None


def suppress_list(
    engine: sa.Engine,
    argument: str,
    chunks: Iterable[Sequence[object]],
    rules: PhoneRules,
    reason: str,
    account: str = "",
) -> tuple[int, int]:
    """Suppress the phones of a list, all or none; return how many are new, and how many were suppressed before.

    :param argument: the argument that the list comes from, for errors.
    :param chunks: its cells, some at a time.
    :param reason: why, for people.
    :param account: the fingerprint of the only account that it concerns; empty for all.
    :raises RcsInputError: if a cell cannot be read, if there is none, or if the region or the reason is no good.
    """
    from airflow_provider_rcs.recipients.phone_list import read_phone_list
    from airflow_provider_rcs.sending.settings import require_region
    from airflow_provider_rcs.store.outbox.suppression_list import add_suppressions

    if rules.default_region is not None:
        require_region(rules.default_region)
    phones = read_phone_list(argument, chunks, rules)
    if not phones:
        raise RcsInputError(argument, "it holds no phone", "Nothing was recorded. Check where the phones come from.")
    added = add_suppressions(engine, phones, reason, account)
    return added, len(phones) - added


def _column_of(chunk: Chunk, column: str) -> Sequence[object]:
    from airflow_provider_rcs.recipients.column_names import find_column, list_columns

    found = find_column("column", column, list(chunk))
    if found is None:
        raise RcsInputError(
            "column", f"the file has no column {column!r}", f"Its columns are {list_columns(list(chunk))}."
        )
    return chunk[found]
