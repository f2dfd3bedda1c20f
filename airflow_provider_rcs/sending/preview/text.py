"""A dry run as text, for a terminal or a notebook."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from airflow_provider_rcs.api.tables import aligned
from airflow_provider_rcs.sending.preview import COUNT_LABELS


def describe_plan(plan: Mapping[str, Any], advise: Callable[[str], str] = str) -> str:
    """Return what would be sent, in tables.

    :param plan: what :func:`~airflow_provider_rcs.sending.preview.dry_run` returned.
    :param advise: returns a text that names arguments as the reader writes them.
    """
    template, requests, samples = plan["template"], plan["requests"], plan["samples"]
    parts = [f"Template {template['id']}: {template['name']}"]
    if template["sources"]:
        parts.append(aligned(["variable", "comes from"], list(template["sources"].items())))
    parts.append(aligned(["recipients", ""], [(label, plan[count]) for count, label in COUNT_LABELS.items()]))
    parts.append(aligned(["phones, as they were read", ""], list(plan["phones"]["readings"].items())))
    parts.append(aligned(["country", ""], list(plan["phones"]["countries"].items())))
    reasons = [(state, advise(reason), count) for state, reason, count in _flat(plan["reasons"])]
    if reasons:
        parts.append(aligned(["state", "reason", "recipients"], reasons))
    if suspicious := _flat(plan["suspicious_values"]):
        parts.append(aligned(["column", "looks missing, but is sent", "recipients"], suspicious))
    if plan["phones"]["advice"]:
        parts.append(f"Phones: {advise(plan['phones']['advice'])}.")
    parts.append(
        f"Requests: {requests['count']:,}; the largest has {requests['largest_bytes']:,} bytes, all together have "
        f"{requests['total_bytes']:,}."
    )
    if plan["dispatched_from"]:
        parts.append(
            f"Held in the store until the first dispatch after {plan['dispatched_from']} (with the default lead)."
        )
    if samples:
        variables = list(samples[0]["variables"])
        rows = [[s["phone"], s["name"], *(s["variables"].get(name, "") for name in variables)] for s in samples]
        parts.append(aligned(["phone", "name", *variables], rows))
    parts.extend(f"Warning: {advise(warning)}" for warning in plan["warnings"])
    parts.append("Nothing was sent or recorded.")
    return "\n\n".join(parts)


def _flat(counts: Mapping[str, Mapping[str, int]]) -> list[tuple[str, str, int]]:
    return [(outer, inner, count) for outer, inners in counts.items() for inner, count in inners.items()]
