"""The fields of a pushed report or message, by every name that the services of an account give them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import tzinfo
from functools import lru_cache
from typing import NamedTuple

from airflow_provider_rcs.api.dates import SERVICE_TIMEZONE, read_report_date
from airflow_provider_rcs.api.errors import RcsReportError
from airflow_provider_rcs.api.models import InboundMessage, Report
from airflow_provider_rcs.api.wire import lenient_json

# The first name of each is that of the document (sure); the others are those of SMS on the same account (public).
_REPORT_FIELDS = (
    ("Servicio",),
    ("Estado", "Resultado"),
    ("Agente", "Remitente"),
    ("Destinatario", "Movil"),
    ("RefCampaign",),
    ("RefMensaje", "Referencia"),
    ("Fecha",),
    ("idCampaign", "idEnvio"),
    ("idMensaje",),
)
_PHONE = 3  # its place among the fields of a report
# Public, of one client. A message has no recipient: its phone is that of the person who sent it.
_INBOUND_FIELDS = (
    ("Servicio",),
    ("Movil",),
    ("Mensaje",),
    ("Remitente",),
    ("Fecha",),
    ("Referencia",),
    ("idM",),
    ("idR",),
)
_INBOUND_SERVICE = "SMSRECIBIDO"
_DATE_OF_ARRIVAL = "timestamp"
# SMS of version 5.8 names no service, and alone names its status so.
_STATUS_OF_SMS = "resultado"
_SMS = "SMS"
_WHOLE_FLOAT = re.compile(r"([0-9]+)\.0+")  # a client that writes phones as 34600000001.0 writes codes as 11.0
_MAX_CACHED_NAMES = 1_000  # characters, together

_KNOWN_NAMES = frozenset(
    name.lower() for names in (*_REPORT_FIELDS, *_INBOUND_FIELDS, (_DATE_OF_ARRIVAL,)) for name in names
)


class _Layout(NamedTuple):
    """Which keys of an object hold which fields.

    :param keys: the key of each field, in the order of the fields; ``None`` for a field that is missing.
    :param further_keys: (place of the field, key) of every further key that holds the same field.
    :param other_keys: (name, key) of everything that is no such field.
    """

    keys: tuple[str | None, ...]
    further_keys: tuple[tuple[int, str], ...]
    other_keys: tuple[tuple[str, str], ...]


def fields_of(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    """Return the pairs of a form or an object, with a blank after a name that comes again.

    Neither value is lost; :func:`read_entry`, which ignores the blanks, compares them.
    """
    fields: dict[str, object] = {}
    for name, value in pairs:
        key = name
        while key in fields:
            key += " "
        fields[key] = value
    return fields


def has_known_fields(fields: Mapping[str, object]) -> bool:
    """Return whether any field is one of a report or a message."""
    return any(_name(key) in _KNOWN_NAMES for key in fields)


def read_entry(entry: object, timezone: tzinfo = SERVICE_TIMEZONE) -> Report | InboundMessage:
    """Read a delivery report or a message of a person from its fields.

    Nine fields of a report are documented, with names in any case (sure); other services on the account have other
    names for them, and messages of people have names of their own (public). Numbers may be text. A report that names
    no service, but its status as SMS of version 5.8 does, is one of the service ``SMS``.

    :param timezone: the time zone of a date without an offset; Spain's is assumed.
    :raises RcsReportError: if two names of one field hold different values; if a report has no status code, or neither
        a phone nor a message id; if a message has no phone.
    """
    if not isinstance(entry, dict):
        raise RcsReportError("a report is not an object")
    names = tuple(entry)
    # Longer ones are not cached: they could be as long as a whole request.
    layout_of = _cached_layout_of_report if len("".join(names)) <= _MAX_CACHED_NAMES else _layout_of_report
    layout = layout_of(names)
    try:
        values = _values(entry, layout)
        if values[0].upper() == _INBOUND_SERVICE:
            return _read_inbound(entry, timezone)
        if layout.further_keys:
            values = _with_further_values(values, entry, layout)
        service, status_code, agent, phone, campaign_reference, reference, date, campaign_id, message_id = values
        extra = {name: lenient_json.text(entry[key]) for name, key in layout.other_keys}
    except ValueError as error:
        raise RcsReportError(str(error)) from None
    if not status_code:
        raise RcsReportError("a report has no status (Estado)")
    if not (phone or message_id):
        raise RcsReportError("a report names no message: neither recipient (Destinatario) nor id (idMensaje)")
    return Report(
        status_code=whole[1] if (whole := _WHOLE_FLOAT.fullmatch(status_code)) else status_code,
        phone=lenient_json.phone(phone),
        campaign_reference=campaign_reference,
        message_reference=reference,
        service=service or _service_by_names(names),
        agent=agent,
        reported_at=read_report_date(date, timezone),
        reported_at_text=date,
        api_campaign_id=campaign_id,
        api_message_id=message_id,
        extra=extra,
    )


def _read_inbound(entry: Mapping[str, object], timezone: tzinfo) -> InboundMessage:
    layout = _layout(tuple(entry), _INBOUND_FIELDS)
    service, phone, text, sender, date, reference, message_id, inbound_id = _values(entry, layout)
    if not phone:
        raise RcsReportError("a message of a person names no phone (Movil)")
    extra = {name: lenient_json.text(entry[key]) for name, key in layout.other_keys}
    # What it holds is not public; it is read as far as it is a date.
    arrival = extra.get(_DATE_OF_ARRIVAL, "").strip()
    return InboundMessage(
        phone=lenient_json.phone(phone),
        # Half of an emoji, which a cut-off message ends with, must not cost the message.
        text=lenient_json.text(text).strip(),
        sent_at=read_report_date(date, timezone) or read_report_date(arrival, timezone),
        sent_at_text=date or arrival,
        sender=sender,
        service=service,
        message_reference=reference,
        api_message_id=message_id,
        api_inbound_id=inbound_id,
        extra=extra,
    )


def _values(entry: Mapping[str, object], layout: _Layout) -> list[str]:
    """Return the values of the fields, without blanks around them; empty text for a field that is missing.

    :raises ValueError: if one is nested too deeply.
    """
    get = entry.get
    return [
        value.strip() if isinstance(value := get(key), str) else lenient_json.text(value).strip()  # type: ignore[arg-type]
        for key in layout.keys
    ]


def _with_further_values(values: list[str], entry: Mapping[str, object], layout: _Layout) -> list[str]:
    """Return values with those under further names in place of empty ones.

    :raises ValueError: if a field has two different values, or one is nested too deeply.
    """
    merged = list(values)
    for place, key in layout.further_keys:
        value, further = merged[place], lenient_json.text(entry[key]).strip()
        same = value == further or (place == _PHONE and lenient_json.phone(value) == lenient_json.phone(further))
        if value and further and not same:
            raise ValueError(f"a report has two values of one field ({_REPORT_FIELDS[place][0]})")
        merged[place] = value or further
    return merged


def _service_by_names(names: tuple[str, ...]) -> str:
    return _SMS if _STATUS_OF_SMS in map(_name, names) else ""


def _layout_of_report(keys: tuple[str, ...]) -> _Layout:
    return _layout(keys, _REPORT_FIELDS)


# The same sender writes the same fields every time.
_cached_layout_of_report = lru_cache(maxsize=64)(_layout_of_report)


def _layout(keys: tuple[str, ...], fields: tuple[tuple[str, ...], ...]) -> _Layout:
    places = {name.lower(): place for place, names in enumerate(fields) for name in names}
    found: list[str | None] = [None] * len(fields)
    further: list[tuple[int, str]] = []
    others: dict[str, str] = {}
    for key in keys:
        name = _name(key)
        place = places.get(name)
        if place is None:
            while name in others:
                name += "_"
            others[name] = key
        elif found[place] is None:
            found[place] = key
        else:
            further.append((place, key))
    return _Layout(tuple(found), tuple(further), tuple(others.items()))


def _name(key: object) -> str:
    return str(key).strip().lower()
