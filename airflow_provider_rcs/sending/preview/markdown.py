"""A plan in Markdown, for the person who approves it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from airflow_provider_rcs.api.counts import counted
from airflow_provider_rcs.sending.preview import COUNT_LABELS
from airflow_provider_rcs.store.read.funnel_forms import in_markdown

_NO_TEXT = "The API gives no text of a template, only the names of its variables: see the text in the account's panel."


def describe_plan(plan: Mapping[str, Any], address: Callable[[str], str], timezone: tzinfo | None = None) -> str:
    """Return what a person should know before approving a plan; no personal data.

    :param plan: what :func:`~airflow_provider_rcs.sending.preview.dry_run` returned.
    :param address: returns the address of a campaign's page.
    :param timezone: the zone in which moments are shown besides UTC; by default that of the campaign's date.
    """
    template, phones = plan["template"], plan["phones"]
    reasons = [
        f"- {count} {state}: {in_markdown(reason)}"
        for state, counts in plan["reasons"].items()
        for reason, count in counts.items()
    ]
    suspicious = [
        f"- {count} look missing, but are sent: {_code(text)} in column {_code(column)}"
        for column, counts in plan["suspicious_values"].items()
        for text, count in counts.items()
    ]
    name = f"template {template['id']} ({in_markdown(template['name'])})"
    page = f"[Its RCS page]({address(plan['campaign'])}) fills once it is sent."
    parts = [
        f"Campaign **{in_markdown(plan['campaign'])}** with {name}. {page}",
        _table(["", "recipients"], [(label, plan[count]) for count, label in COUNT_LABELS.items()]),
        *(f"**Warning:** {in_markdown(warning)}" for warning in plan["warnings"]),
        "" if plan["store_asked"] else "Suppressed and already messaged recipients are unknown: no store.",
        "\n".join([*reasons, *suspicious]),
        "### When it goes out",
        _departure(plan, timezone),
        "### Phones",
        _rules(phones["rules"]),
        _table(["as they were read", "recipients"], list(phones["readings"].items())),
        _table(["country", "recipients"], list(phones["countries"].items())),
        in_markdown(phones["advice"]),
        "### Template",
        _table(["variable", "comes from"], list(template["sources"].items())) if template["sources"] else "",
        _NO_TEXT,
        "### Masked samples",
        "\n".join(f"{number}. {in_markdown(_sample(sample))}" for number, sample in enumerate(plan["samples"], 1)),
        *_test(plan["test"], address),
    ]
    return "\n\n".join(filter(None, parts))


def _departure(plan: Mapping[str, Any], timezone: tzinfo | None) -> str:
    """Return the number of requests, and when they leave."""
    requests = plan["requests"]
    count = counted(requests["count"], "request", "requests")
    size = f"{count}, {requests['total_bytes']:,} bytes in total, at most {requests['at_once']} at once"
    if plan["dispatched_from"] is None:
        sentences = [f"{size}: after the approval, when the task that sends runs."]
    else:
        first = _moment(plan["dispatched_from"], timezone)
        sentences = [f"{size}: held by the store until the first dispatch after {first} (with the default lead)."]
    if plan["send_at"] is not None:
        sentences.append(f"The service sends the messages at **{_moment(plan['send_at'], timezone)}**.")
    if plan["quiet_hours"]:
        sentences.append(f"Quiet hours, in Spain's time: {', '.join(plan['quiet_hours'])}.")
    return " ".join(sentences)


def _moment(text: str, timezone: tzinfo | None) -> str:
    """Return a moment in UTC and in the zone of the reader, or else of the campaign."""
    moment = datetime.fromisoformat(text)
    utc = f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if timezone is not None:
        return f"{utc} ({moment.astimezone(timezone):%Y-%m-%d %H:%M} in {timezone})"
    return f"{utc} ({moment:%Y-%m-%d %H:%M%z})" if moment.utcoffset() else utc


def _rules(rules: Mapping[str, str]) -> str:
    """Return by which arguments phones were read."""
    return f"Read by {', '.join(_code(f'{argument}={value}') for argument, value in rules.items())}."


def _sample(sample: Mapping[str, Any]) -> str:
    return f"{sample['phone']}, {sample['name']}: {sample['variables']}"


def _test(test: Mapping[str, Any] | None, address: Callable[[str], str]) -> list[str]:
    """Return to which phones of the team a test was sent, and its outcomes when the plan was made."""
    if test is None:
        return []
    if not test["campaigns"]:
        return ["### Test", "No test was sent: the list has nobody who would be sent to."]
    pages = [f"[sample {number}]({address(name)})" for number, name in enumerate(test["campaigns"], 1)]
    rows = [(each["phone"], *each["outcomes"]) for each in test["phones"]]
    return [
        "### Test",
        "Sent to these phones of the team alone, with the samples' values unmasked. The links lead to the reports.",
        _table(["phone", *pages], rows),
    ]


def _table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table; its headings are Markdown, its cells are not."""
    lines = [headings, ["---"] * len(headings), *([in_markdown(str(cell)) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _code(text: str) -> str:
    """Return a text as code, between more backticks than it has itself."""
    line = " ".join(text.split())
    longest = max(map(len, re.findall("`+", line)), default=0)
    return f"{'`' * (longest + 1)} {line} {'`' * (longest + 1)}" if longest else f"`{line}`"
