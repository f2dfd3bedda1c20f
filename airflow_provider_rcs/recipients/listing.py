"""Listing: the rows of a source become listed recipients, chunk by chunk, with a tally of what was wrong."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, islice

from airflow_provider_rcs.api.errors import RcsInputError, RcsInvalidRecipientsError
from airflow_provider_rcs.api.models import Template
from airflow_provider_rcs.recipients.columns import Chunk, ListedRecipients, choose_columns, read_recipients
from airflow_provider_rcs.recipients.phones import read_phone_column
from airflow_provider_rcs.recipients.selection import ALL_RECIPIENTS, Selection

log = logging.getLogger(__name__)


_EXAMPLES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class ListSettings:
    """How the rows of a source are read as recipients.

    :param phone_column: column of the phones.
    :param name_column: column of the names, or ``None``.
    :param reference_column: column of the sender's own references, or ``None``.
    :param variables: template variable -> column.
    :param constants: template variable -> its value for every recipient.
    :param default_region: region of national phones, such as ``"ES"``.
    :param mobile_only: whether fixed lines are rejected.
    :param selection: the part of the list to yield.
    """

    phone_column: str = "phone"
    name_column: str | None = "name"
    reference_column: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, object] = field(default_factory=dict)
    default_region: str | None = None
    mobile_only: bool = False
    selection: Selection = ALL_RECIPIENTS


@dataclass(slots=True)
class ListCounts:
    """How many rows were listed, how many of them cannot be sent to, by reason, and how many others are fixed lines.

    :param rows_read: those of the source, also where a part of them is listed.
    """

    rows_read: int = 0
    rows: int = 0
    fixed_lines: int = 0
    rejections: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def count(self, listed: ListedRecipients) -> None:
        """Add a chunk."""
        self.rows += len(listed)
        self.rejections.update(filter(None, listed.rejections))
        rejected = compress(zip(listed.rejections, listed.details, strict=True), listed.rejections)
        shown = islice(rejected, _EXAMPLES_SHOWN - len(self.examples))
        self.examples.extend(f"{rejection} ({detail})" for rejection, detail in shown)
        self.fixed_lines += sum(not rejection for rejection in compress(listed.rejections, listed.are_fixed_lines))

    def warn(self) -> None:
        """Log examples of who cannot be sent to, phones masked, and how many fixed lines there are."""
        for example in self.examples:
            log.warning("Cannot be sent to: %s", example)
        if self.fixed_lines:
            log.warning(
                "%d of the %d listed phones are fixed lines, which seldom take RCS messages; they are sent to all the "
                "same. Leave them out with mobile_only=True.",
                self.fixed_lines,
                self.rows,
            )

    def require_rows(self) -> None:
        """Refuse an empty list.

        :raises RcsInputError: if the source has no rows; one that has none for this part of the list is no mistake.
        """
        if not self.rows_read:
            raise RcsInputError(
                "recipients", "the list is empty", "Check the query or the upstream task; nothing was sent."
            )

    def require_no_rejections(self) -> None:
        """Refuse a list with wrong recipients.

        :raises RcsInvalidRecipientsError: if there is one; tells how many, and shows the first with phones masked.
        """
        if self.rejections:
            raise RcsInvalidRecipientsError(
                f"recipients: {self.rejections.total()} of {self.rows} cannot be sent to, and on_invalid='fail' sends "
                f"to all or none; nothing was sent. The first: {'; '.join(self.examples)}. "
                "Put the list right, or use on_invalid='reject'."
            )


def list_chunks(
    chunks: Iterable[Chunk],
    template: Template,
    settings: ListSettings,
    counts: ListCounts,
    on_chunk: Callable[[ListedRecipients], None] | None = None,
) -> Iterator[ListedRecipients]:
    """Read the chunks of a source, and yield the recipients that the selection picks from each.

    :param chunks: column -> cells, for some rows at a time; the same columns in each.
    :param counts: updated as chunks are read.
    :param on_chunk: called with all recipients of each chunk, before the selection picks some.
    :raises RcsInputError: if a required column is missing.
    """
    columns = None
    for chunk in chunks:
        if columns is None:
            columns = choose_columns(
                template,
                list(chunk),
                phone_column=settings.phone_column,
                name_column=settings.name_column,
                reference_column=settings.reference_column,
                variables=settings.variables,
                constants=settings.constants,
            )
        listed = read_recipients(
            chunk,
            columns,
            template.required_variables,
            default_region=settings.default_region,
            first_row=counts.rows_read + 1,
            mobile_only=settings.mobile_only,
        )
        counts.rows_read += len(listed)
        if on_chunk is not None:
            on_chunk(listed)
        selected = settings.selection.of(listed)
        counts.count(selected)
        yield selected


def excluded_phones(chunks: Iterable[Sequence[object]], default_region: str | None) -> Iterator[set[str]]:
    """Read phones that must not be messaged, some at a time; rows that hold none are counted in a warning.

    :param chunks: phones as they are written.
    """
    unreadable = 0
    for cells in chunks:
        read = read_phone_column(cells, default_region)
        unreadable += len(read.refused)
        yield {phone for phone in read.phones if phone}
    if unreadable:
        log.warning("%d rows of exclude_sql hold no phone that can be read; they exclude nobody.", unreadable)
