"""Pages as HTML: templates that escape what they are given, and how numbers and times are shown."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from airflow_provider_rcs.api.counts import share
from airflow_provider_rcs.api.masking import mask_phones_in_text, mask_phones_in_writing
from airflow_provider_rcs.ui.addresses import Addresses
from airflow_provider_rcs.ui.files import version_of

_TEMPLATES = Path(__file__).parent / "templates"
_STEPS = ((60, "s"), (60, "min"), (48, "h"), (10_000, "days"))


def render(template: str, addresses: Addresses, **values: Any) -> str:
    """Return a page.

    :param template: the name of its template.
    :param values: what the template shows.
    """
    return (
        _environment()
        .get_template(template)
        .render(
            addresses=addresses,
            asset=lambda name: addresses.asset(name, version_of(name)),
            now=datetime.now(UTC),
            **values,
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=number,
        share=share,
        moment=moment,
        age=age,
        masked=mask_phones_in_text,
        masked_writing=mask_phones_in_writing,
    )
    return environment


def number(count: int) -> str:
    """Return a count with thousands separators."""
    return f"{count:,}"


def moment(at: datetime | None) -> Markup | str:
    """Return a moment in UTC as an element that programs can read, too."""
    if at is None:
        return "-"
    iso = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Markup('<time datetime="{}">{}</time>').format(iso, at.astimezone(UTC).strftime("%Y-%m-%d %H:%M"))


def age(at: datetime | None, now: datetime) -> str:
    """Return how long ago a moment was, in its largest unit; a dash without a moment."""
    if at is None:
        return "-"
    amount = max((now - at).total_seconds(), 0.0)
    for size, unit in _STEPS:
        if amount < size:
            return f"{amount:.0f} {unit} ago"
        amount /= 24 if unit == "h" else size
    return f"{amount:,.0f} days ago"
