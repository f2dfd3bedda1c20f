"""The rows of a source, read as recipients chunk by chunk."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from airflow_provider_rcs.api.errors import RcsEmptyListError, RcsInvalidRecipientsError
from airflow_provider_rcs.api.models import Template
from airflow_provider_rcs.recipients.chunks import Chunk, LazyChunk
from airflow_provider_rcs.recipients.columns import ListedRecipient, RecipientColumns, choose_columns, read_recipients
from airflow_provider_rcs.recipients.phones import PhoneRules
from airflow_provider_rcs.recipients.readings import ReadingCounts
from airflow_provider_rcs.recipients.selection import ALL_RECIPIENTS, Selection
from airflow_provider_rcs.recipients.suspicious_values import SuspiciousValues

log = logging.getLogger(__name__)

_EXAMPLES_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSettings:
    """How the rows of a source are read as recipients.

    :param phone_column: the column of phones.
    :param name_column: the column of names, or ``None``.
    :param reference_column: the column of the sender's own references, or ``None``.
    :param variables: template variable -> column.
    :param constants: template variable -> value for every recipient.
    :param default_region: the region of phones without a country, such as ``"ES"``.
    :param region_column: the column of the phones' regions, or ``None``.
    :param phone_format: ``"e164"`` if phones without a plus sign begin with the country code, ``"national"`` if they
        never do; ``None`` if both may be.
    :param mobile_only: whether fixed lines and other numbers that are not mobiles are rejected.
    :param selection: the part of the list that this task sends to.
    """

    phone_column: str = "phone"
    name_column: str | None = "name"
    reference_column: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, object] = field(default_factory=dict)
    default_region: str | None = None
    region_column: str | None = None
    phone_format: str | None = None
    mobile_only: bool = True
    selection: Selection = ALL_RECIPIENTS

    @property
    def phone_rules(self) -> PhoneRules:
        """How phones without a country are read, and which are accepted."""
        return PhoneRules(self.default_region, self.phone_format, self.mobile_only)


@dataclass(slots=True)
class ListCounts:
    """Counts of the rows that were listed.

    :param rows_read: all rows of the source, including those outside the selection.
    :param rows: rows in the selection.
    :param fixed_lines: fixed lines among the recipients that are not rejected.
    :param rejections: reason -> number of recipients.
    :param examples: the first rejections with their details, phones masked.
    :param phones: how the phones were read.
    :param suspicious: the values that look missing, of the recipients that are not rejected.
    """

    rows_read: int = 0
    rows: int = 0
    fixed_lines: int = 0
    rejections: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    phones: ReadingCounts = field(default_factory=ReadingCounts)
    suspicious: SuspiciousValues = field(default_factory=SuspiciousValues)

    def count(self, listed: Sequence[ListedRecipient], columns: RecipientColumns) -> None:
        """Add the rows of a chunk, which were read from these columns."""
        rejected = [each for each in listed if each.rejection]
        self.rows += len(listed)
        self.rejections.update(each.rejection for each in rejected)
        examples = rejected[: _EXAMPLES_SHOWN - len(self.examples)]
        self.examples.extend(f"{each.rejection} ({each.detail})" for each in examples)
        self.fixed_lines += sum(each.is_fixed_line and not each.rejection for each in listed)
        self.phones.count_selected(listed)
        self.suspicious.count(listed, columns)

    def warn(self) -> None:
        """Log what looks wrong: rejections, values that look missing, phones without a country, fixed lines."""
        for example in self.examples:
            log.warning("Recipient rejected: %s", example)
        self.suspicious.warn()
        if advice := self.phones.advice():
            log.warning("Phones: %s.", advice)
        if self.fixed_lines:
            log.warning(
                "%d of the %d listed phones are fixed lines, which rarely support RCS; they are messaged anyway "
                "(mobile_only=False).",
                self.fixed_lines,
                self.rows,
            )

    def require_rows(self) -> None:
        """Check that the source has rows; none of them need be in the selection.

        :raises RcsEmptyListError: if it has none.
        """
        if not self.rows_read:
            raise RcsEmptyListError

    def require_no_rejections(self) -> None:
        """Check that no recipient was rejected.

        :raises RcsInvalidRecipientsError: if any were; gives their number and the first ones, with phones masked.
        """
        if self.rejections:
            raise RcsInvalidRecipientsError(
                f"recipients: {self.rejections.total()} of {self.rows} cannot be sent to, and on_invalid='fail' sends "
                f"to all or none. Nothing was sent. Reasons: {self._reasons()}. The first rejections: "
                f"{'; '.join(self.examples)}. "
                f"{RcsInvalidRecipientsError.remedy}"
            )

    def _reasons(self) -> str:
        return "; ".join(f"{reason} ({count})" for reason, count in self.rejections.most_common())


def list_chunks(
    chunks: Iterable[Chunk],
    template: Template,
    settings: ListSettings,
    counts: ListCounts,
    on_chunk: Callable[[Sequence[ListedRecipient]], None] | None = None,
) -> Iterator[Sequence[ListedRecipient]]:
    """Read the chunks of a source, and yield the recipients of each chunk that are in the selection.

    :param chunks: the rows of the source; every chunk has the same columns.
    :param counts: updated as chunks are read.
    :param on_chunk: called with all recipients of each chunk, including those outside the selection.
    :raises RcsInputError: if a column does not exist, or a variable cannot be filled.
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
                region_column=settings.region_column,
                hint=chunk.hint if isinstance(chunk, LazyChunk) else "",
            )
        listed = read_recipients(
            chunk,
            columns,
            template.required_variables,
            phone_rules=settings.phone_rules,
            first_row=counts.rows_read + 1,
        )
        counts.rows_read += len(listed)
        counts.phones.count_list(listed)
        if on_chunk is not None:
            on_chunk(listed)
        selected = settings.selection.of(listed)
        counts.count(selected, columns)
        yield selected
