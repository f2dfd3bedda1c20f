"""Names and values that look as if they were missing: they are sent, because people named Null exist, and counted."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_rcs.recipients.cells import MISSING_AS_TEXT

if TYPE_CHECKING:
    from airflow_provider_rcs.recipients.columns import ListedRecipient, RecipientColumns

log = logging.getLogger(__name__)

EMPTY = "empty"

_LONGEST = max(map(len, MISSING_AS_TEXT))


@dataclass(slots=True)
class SuspiciousValues:
    """Counts texts such as ``NULL`` and ``nan`` in names and variables, and empty names that the template needs.

    :param counts: column -> text as it is written -> number of recipients; :data:`EMPTY` for an empty name.
    """

    counts: dict[str, Counter[str]] = field(default_factory=dict)

    def count(self, listed: Sequence[ListedRecipient], columns: RecipientColumns) -> None:
        """Add the recipients of a chunk that are not rejected.

        :param columns: the columns that they were read from.
        """
        sent = [each for each in listed if not each.rejection]
        if columns.name is not None:
            names = Counter(each.name for each in sent)
            self._add(columns.name, names)
            if columns.needs_name and names[""]:
                self.counts.setdefault(columns.name, Counter())[EMPTY] += names[""]
        variable_of = {column: variable for variable, column in columns.variables.items() if column != columns.name}
        for column, variable in variable_of.items():
            self._add(column, Counter(each.variables[variable] for each in sent if variable in each.variables))

    def warn(self) -> None:
        """Log one warning with all counts, if there are any."""
        if self.counts:
            found = "; ".join(
                f"column {column!r}: {', '.join(f'{count} {text}' for text, count in counts.items())}"
                for column, counts in self.counts.items()
            )
            log.warning(
                "Values that look missing are sent as they are (%s). If they are no names or values, replace them in "
                "the source; a NULL in a variable's column rejects its row.",
                found,
            )

    def as_dict(self) -> dict[str, dict[str, int]]:
        """Return the counts as plain dicts."""
        return {column: dict(counts) for column, counts in self.counts.items()}

    def _add(self, column: str, texts: Counter[str]) -> None:
        for text, count in texts.items():
            if len(text) <= _LONGEST and text.lower() in MISSING_AS_TEXT:
                self.counts.setdefault(column, Counter())[text] += count
