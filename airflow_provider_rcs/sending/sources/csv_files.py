"""CSV files, read as columns of text, some rows at a time."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import partial
from itertools import islice
from typing import IO, TYPE_CHECKING, cast

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.recipients.chunks import ROWS_PER_CHUNK, Chunk, LazyChunk
from airflow_provider_rcs.recipients.column_names import require_distinct_columns

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    from airflow_provider_rcs.sending.sources.paths import DataFile

_NOT_SEPARATORS = '"\r\n'
_WITH_BYTE_ORDER_MARK = "utf-8-sig"


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """How a CSV file is written.

    :param separator: the character between cells.
    :param encoding: the file's encoding, such as ``"latin-1"``; UTF-8 with or without a byte order mark by default.
    """

    separator: str = ","
    encoding: str = _WITH_BYTE_ORDER_MARK


def read_csv_options(given: Mapping[str, str]) -> CsvOptions:
    """Return the options that ``read_options`` gives.

    :raises RcsInputError: if one is not known or has a value that cannot be used.
    """
    known = [field.name for field in fields(CsvOptions)]
    if not isinstance(given, Mapping):
        raise RcsInputError("read_options", f"it is a {type(given).__name__}", 'Write {"separator": ";"}.')
    if unknown := [name for name in given if name not in known]:
        raise RcsInputError(
            "read_options", f"there is no option {unknown[0]!r}", f"The options are {' and '.join(map(repr, known))}."
        )
    options = CsvOptions(**given)
    separator = options.separator
    if not isinstance(separator, str) or len(separator) != 1 or separator in _NOT_SEPARATORS:
        raise RcsInputError(
            "read_options['separator']", f"{separator!r} is not one character", 'Give, for example, ";" or "\\t".'
        )
    try:
        is_utf_8 = "é".encode(options.encoding) == "é".encode()
    except (LookupError, TypeError, UnicodeError):
        raise RcsInputError(
            "read_options['encoding']",
            f"{options.encoding!r} is not an encoding of text",
            'Give one that Python knows, such as "latin-1" or "cp1252".',
        ) from None
    return CsvOptions(separator, _WITH_BYTE_ORDER_MARK) if is_utf_8 else options


def chunks_of_csv(file: DataFile, options: CsvOptions) -> Iterator[Chunk]:
    """Yield the chunks of a CSV file, with its cells exactly as written.

    :raises RcsInputError: if it cannot be read as CSV with these options; never quotes a cell.
    """
    with _plain_errors(file.path, options), _open_text(file, options.encoding) as text:
        # Strict, so that a quote which is never closed is an error, and does not swallow the rows after it.
        reader = csv.reader(text, delimiter=options.separator, strict=True)
        header = next(reader, [])
        require_distinct_columns("recipients", header, "Rename one of them in the file.")
        rows = _rows(file.path, reader, len(header), options.separator)
        while part := list(islice(rows, ROWS_PER_CHUNK)):
            yield LazyChunk(header, partial(_cells, part))


@contextmanager
def _open_text(file: DataFile, encoding: str) -> Iterator[IO[str]]:
    if not file.is_gzipped:
        with file.path.open("r", encoding=encoding, newline="") as text:
            yield cast("IO[str]", text)
        return
    with (
        file.path.open("rb") as packed,
        gzip.GzipFile(fileobj=cast("IO[bytes]", packed)) as unpacked,
        io.TextIOWrapper(unpacked, encoding=encoding, newline="") as text,
    ):
        yield text


@contextmanager
def _plain_errors(path: ObjectStoragePath, options: CsvOptions) -> Iterator[None]:
    """Replace the errors of libraries, which may quote cells, by the provider's own."""
    import zlib

    try:
        yield
    except UnicodeError:
        encoding = options.encoding.removesuffix("-sig").upper()
        raise RcsInputError(
            "recipients",
            f"{path} is not text in {encoding}",
            'Save it as CSV in UTF-8, or name its encoding, such as read_options={"encoding": "latin-1"}.',
        ) from None
    except csv.Error as error:
        raise RcsInputError("recipients", f"{path} cannot be read as CSV: {error}", "Check its quotes.") from None
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise RcsInputError("recipients", f"{path} cannot be unpacked as gzip", "Write the file again.") from None


def _rows(path: ObjectStoragePath, reader: Iterator[list[str]], width: int, separator: str) -> Iterator[list[str]]:
    for number, row in enumerate(reader, start=1):
        if row and len(row) != width:
            raise RcsInputError(
                "recipients",
                f"row {number} of {path} has {len(row)} cells, and the header {width}",
                f"Put cells that contain the separator {separator!r} in quotes, or name another separator, such as "
                'read_options={"separator": ";"}.',
            )
        if row:
            yield row


def _cells(rows: Sequence[Sequence[str]], position: int) -> list[str]:
    return [row[position] for row in rows]
