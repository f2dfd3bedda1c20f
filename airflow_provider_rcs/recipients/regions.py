"""Phones of a column whose country is in another column of the same row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from airflow_provider_rcs.recipients.cells import read_text_column
from airflow_provider_rcs.recipients.numbering import is_region
from airflow_provider_rcs.recipients.phones import PhoneColumn, PhoneRules, Reading, read_phone_column

IS_NO_REGION = "the country of its row is not a two-letter code such as ES; write one, or write + before the phone"


def read_phones_by_region(cells: Sequence[object], regions: Sequence[object] | None, rules: PhoneRules) -> PhoneColumn:
    """Read each phone by the rules, in the region of its row.

    :param cells: the phones.
    :param regions: the region of each row, as two letters; a row without one has ``rules.default_region``. ``None`` if
        no column has them.
    """
    if regions is None:
        return read_phone_column(cells, rules)
    size = len(cells)
    read = PhoneColumn([None] * size, [""] * size, [], {}, {})
    for region, positions in _rows_of_each_region(regions).items():
        part = [cells[position] for position in positions]
        if not region or is_region(region):
            of_region = read_phone_column(part, replace(rules, default_region=region or rules.default_region))
        else:
            of_region = _without_region(read_phone_column(part, PhoneRules(mobile_only=rules.mobile_only)))
        _copy(of_region, read, positions)
    return read


def _rows_of_each_region(regions: Sequence[object]) -> Mapping[str, list[int]]:
    """Return the regions in capital letters, with the positions of their rows."""
    texts, unreadable = read_text_column(regions)
    rows = defaultdict(list)
    for position, text in enumerate(texts):
        rows["?" if position in unreadable else text.upper()].append(position)
    return rows


def _without_region(read: PhoneColumn) -> PhoneColumn:
    """Say of phones that could not be read without a region that the one of their row is unknown."""
    refused = {
        position: IS_NO_REGION if read.readings[position] == Reading.UNREADABLE else rule
        for position, rule in read.refused.items()
    }
    return replace(read, refused=refused)


def _copy(part: PhoneColumn, whole: PhoneColumn, positions: Sequence[int]) -> None:
    """Copy the phones of some rows to their positions in the whole column."""
    for place, position in enumerate(positions):
        whole.phones[position], whole.readings[position] = part.phones[place], part.readings[place]
    whole.fixed_lines.extend(positions[place] for place in part.fixed_lines)
    whole.refused.update({positions[place]: rule for place, rule in part.refused.items()})
    whole.two_readings.update({positions[place]: readings for place, readings in part.two_readings.items()})
