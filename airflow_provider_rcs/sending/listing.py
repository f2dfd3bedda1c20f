"""Listing: the rows of a source become listed recipients, chunk by chunk, with a tally of what was wrong."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, islice

from airflow_provider_rcs.api.errors import RcsInputError, RcsInvalidRecipientsError
from airflow_provider_rcs.api.models import Template
from airflow_provider_rcs.api.phones import read_column
from airflow_provider_rcs.api.recipients import ListedRecipients, choose_columns, read_recipients
from airflow_provider_rcs.sending.plan_hash import PlanHash
from airflow_provider_rcs.sending.settings import SendSettings

log = logging.getLogger(__name__)

Chunk = Mapping[str, Sequence[object]]

_EXAMPLES_SHOWN = 3


@dataclass(slots=True)
class Tally:
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
    chunks: Iterable[Chunk], template: Template, settings: SendSettings, tally: Tally, plan: PlanHash | None = None
) -> Iterator[ListedRecipients]:
    """Read the chunks of a source, and list the part of them that is to be sent to.

    :param chunks: column -> cells, for some rows at a time; the same columns in each.
    :param tally: is counted up as chunks are read.
    :param plan: is added up as chunks are read, by everybody in them, if it is asked for.
    :raises RcsInputError: if a column that is needed is not there.
    """
    columns = None
    for chunk in chunks:
        if columns is None:
            columns = choose_columns(
                template,
                list(chunk),
                phone=settings.phone,
                name=settings.name,
                reference=settings.reference,
                variables=settings.variables,
                constants=settings.constants,
            )
        listed = read_recipients(
            chunk,
            columns,
            template.required_variables,
            default_region=settings.default_region,
            first_row=tally.rows_read + 1,
            mobile_only=settings.mobile_only,
        )
        tally.rows_read += len(listed)
        if plan is not None:
            plan.add(listed)
        chosen = settings.selection.of(listed)
        tally.count(chosen)
        yield chosen


def excluded_phones(chunks: Iterable[Sequence[object]], default_region: str | None) -> Iterator[set[str]]:
    """Read phones that must not be messaged, some at a time; rows that hold none are counted in a warning.

    :param chunks: phones as they are written.
    """
    unreadable = 0
    for cells in chunks:
        read = read_column(cells, default_region)
        unreadable += len(read.refused)
        yield {phone for phone in read.phones if phone}
    if unreadable:
        log.warning("%d rows of exclude_sql hold no phone that can be read; they exclude nobody.", unreadable)
