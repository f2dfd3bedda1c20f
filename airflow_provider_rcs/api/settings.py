"""The settings of a connection to the RCS API."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_rcs.api.base_url import check_base_url, is_unset, read_base_url
from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.statuses import DeliveryStatus, status_codes
from airflow_provider_rcs.api.wire.calls import BODY_FORMATS, DEFAULT_BASE_URL, DEFAULT_PATHS
from airflow_provider_rcs.api.wire.send import DEFAULT_RECIPIENT_REFERENCE_KEY
from airflow_provider_rcs.api.wire.send_reply import NOTHING_SENT, ZERO_RESULTS

DEFAULT_BATCH_SIZE = 1000  # assumed: the maximum number of recipients in a call is undocumented
DEFAULT_TIMEOUT_SECONDS = 60.0
DEFAULT_CONNECT_TIMEOUT_SECONDS = 10.0
DEFAULT_BODY_FORMAT = "json"


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """How to call the service; a setting that the document leaves open has its assumed default.

    :param base_url: the URL that all calls begin with; https, except to loopback.
    :param agent: the RCS agent to send as, unless a task names one; empty for the account's only agent.
    :param paths: call (``send``, ``list_templates``, ``get_template``, ``credits``) -> path below the base URL.
    :param status_codes: status code -> name of a :class:`DeliveryStatus`; overrides the default codes.
    :param recipient_reference_key: the key under which a recipient's own reference is sent.
    :param batch_size: the maximum number of recipients in a request.
    :param timeout: seconds for the whole of a call once it is connected: its request, and its reply to the last byte.
    :param connect_timeout: seconds to wait for a connection.
    :param body_format: the format of parameters: ``json`` or ``form``.
    :param zero_result: what a ``Res`` of 0 proves about a send: that no message was sent (``nothing_sent``) or nothing
        (``unknown``).
    :raises RcsInputError: if a setting cannot be used.
    """

    base_url: str = DEFAULT_BASE_URL
    agent: str = ""
    paths: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT_PATHS))
    status_codes: Mapping[str, str] = field(default_factory=dict)
    recipient_reference_key: str = DEFAULT_RECIPIENT_REFERENCE_KEY
    batch_size: int = DEFAULT_BATCH_SIZE
    timeout: float = DEFAULT_TIMEOUT_SECONDS
    connect_timeout: float = DEFAULT_CONNECT_TIMEOUT_SECONDS
    body_format: str = DEFAULT_BODY_FORMAT
    zero_result: str = NOTHING_SENT

    def __post_init__(self) -> None:
        check_base_url(self.base_url)
        if unknown := sorted(self.paths.keys() - DEFAULT_PATHS.keys()):
            raise RcsInputError("paths", f"no such call: {', '.join(unknown)}", f"Use {', '.join(DEFAULT_PATHS)}.")
        try:
            status_codes(self.status_codes)
        except ValueError as error:
            raise RcsInputError("status_codes", str(error), f"Use one of {', '.join(DeliveryStatus)}.") from None
        if self.batch_size < 1:
            raise RcsInputError("batch_size", f"{self.batch_size} is not a size", "Use 1 or more.")
        for name, seconds in (("timeout", self.timeout), ("connect_timeout", self.connect_timeout)):
            if not 0 < seconds < math.inf:
                raise RcsInputError(name, f"{seconds} is not a valid time-out", "Use seconds above 0.")
        for name, value, choices in (
            ("body_format", self.body_format, BODY_FORMATS),
            ("zero_result", self.zero_result, ZERO_RESULTS),
        ):
            if value not in choices:
                raise RcsInputError(name, f"{value!r} is not a choice", f"Use {' or '.join(choices)}.")

    def url(self, call: str) -> str:
        """Return the address of a call."""
        return f"{self.base_url.rstrip('/')}/{self.paths[call].lstrip('/')}"


def read_settings(
    host: str | None, port: int | None, extras: Mapping[str, Any], schema: str | None = None
) -> ApiSettings:
    """Return the settings from the fields of a connection; fields that are not set keep their defaults.

    :param host: the base URL, with or without ``https://``.
    :param port: the port, if the host does not contain it.
    :param extras: the connection's extras; those that are not settings are ignored.
    :param schema: the path of a connection that is written as a URI, or the scheme of one for HTTP.
    :raises RcsInputError: if a field cannot be used; names the field.
    """
    # The form has saved 0 as well, which is no setting's value.
    given = {name: value for name, value in extras.items() if value != 0}
    return ApiSettings(base_url=read_base_url(host, schema, port), **read_extras(given, _READERS))


def read_extras(extras: Mapping[str, Any], readers: Mapping[str, tuple[Callable[[Any], Any], str]]) -> dict[str, Any]:
    """Return the extras of a connection that are set, read.

    :param readers: extra -> a function that reads its value, and what it takes, for errors.
    :raises RcsInputError: if an extra cannot be read, or names a file that does not exist.
    """
    settings: dict[str, Any] = {}
    for name, (read, expected) in readers.items():
        if is_unset(value := extras.get(name)):
            continue
        field_name = f"extra {name!r} of the connection"
        try:
            settings[name] = read(value)
        except FileNotFoundError as error:
            raise RcsInputError(
                field_name, f"{error} does not exist on this machine", "Create it, or correct the path."
            ) from None
        except (TypeError, ValueError):
            raise RcsInputError(field_name, "it cannot be read", f"It takes {expected}.") from None
    return settings


def _read_paths(value: object) -> dict[str, str]:
    return {**DEFAULT_PATHS, **read_object(value)}


def read_object(value: object) -> dict[str, str]:
    """Return the texts of an object, which an extra may hold as JSON.

    :raises TypeError: if it is not an object.
    :raises ValueError: if it is text that is not JSON.
    """
    content = json.loads(value) if isinstance(value, str) else value
    if not isinstance(content, Mapping):
        raise TypeError("not an object")
    return {str(key): str(entry) for key, entry in content.items()}


_READERS: Mapping[str, tuple[Any, str]] = {
    "agent": (str, "the name of an agent"),
    "paths": (_read_paths, 'an object of call -> path, such as {"send": "/send"}'),
    "status_codes": (read_object, 'an object of code -> status, such as {"20": "read"}'),
    "recipient_reference_key": (str, "the name of a key"),
    "batch_size": (int, "a whole number"),
    "timeout": (float, "a number of seconds"),
    "connect_timeout": (float, "a number of seconds"),
    "body_format": (str, "json or form"),
    "zero_result": (str, "nothing_sent or unknown"),
}
