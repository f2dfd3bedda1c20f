"""The hook of the RCS API: credentials and HTTP; what goes over the wire is written and read in ``api.wire``."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any

import requests
from airflow.providers.common.compat.sdk import mask_secret
from airflow.providers.http.hooks.http import HttpHook
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from airflow_provider_rcs.api import wire
from airflow_provider_rcs.api.credit import written
from airflow_provider_rcs.api.errors import (
    RcsAuthError,
    RcsError,
    RcsInputError,
    RcsOutcomeUnknown,
    RcsParameterError,
    RcsRateLimited,
    RcsUnavailable,
)
from airflow_provider_rcs.api.models import SendRequest, SendResult, Template
from airflow_provider_rcs.api.settings import ApiSettings, read_settings

_SECONDS_TO_CONNECT = 10.0
_MOST_CONNECTIONS = 64
_UNSET = (None, "", "***")


class RcsHook(HttpHook):
    """Interact with the RCS API: look up templates and credit, and send.

    The connection (type ``rcs``) holds the base URL as host, the API User as login and the API Token as password; its
    extras are described in :class:`~airflow_provider_rcs.api.settings.ApiSettings`. Of an HTTP connection's extras,
    ``proxies``, ``verify``, ``cert`` and ``trust_env`` are used too. Unlike with the HTTP hook, no extra becomes a
    header, and no redirect is followed, so that nothing of the connection travels to where it was not meant for.

    :param rcs_conn_id: the connection to the RCS API.
    """

    conn_name_attr = "rcs_conn_id"
    default_conn_name = "rcs_default"
    conn_type = "rcs"
    hook_name = "RCS"

    def __init__(self, rcs_conn_id: str = default_conn_name) -> None:
        super().__init__(method="POST", http_conn_id=rcs_conn_id)
        self.rcs_conn_id = rcs_conn_id

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return how the connection form of Airflow before 3.2 looks; later ones read the provider's metadata."""
        from airflow_provider_rcs.get_provider_info import RCS_FIELD_BEHAVIOUR

        return {key.replace("-", "_"): value for key, value in RCS_FIELD_BEHAVIOUR.items()}

    @cached_property
    def settings(self) -> ApiSettings:
        """How to speak to the service, as the connection says.

        :raises RcsInputError: if a field of the connection cannot be used; names it.
        """
        connection = self.get_connection(self.rcs_conn_id)
        return read_settings(connection.host, connection.port, connection.extra_dejson)

    @cached_property
    def credentials_fingerprint(self) -> str:
        """A fingerprint of login and password, by which refused ones are known again without keeping them."""
        connection = self.get_connection(self.rcs_conn_id)
        return hashlib.blake2b(f"{connection.login}\n{connection.password}".encode(), digest_size=16).hexdigest()

    def get_conn(
        self,
        headers: dict[Any, Any] | None = None,
        extra_options: dict[str, Any] | None = None,
    ) -> requests.Session:
        """Return a session that authenticates as the connection says.

        :param headers: headers of every request of the session.
        :param extra_options: override the connection's ``proxies``, ``verify``, ``cert`` and ``trust_env``.
        :raises RcsInputError: if login or password of the connection is missing.
        """
        connection = self.get_connection(self.rcs_conn_id)
        for field, value, meaning in [
            ("login", connection.login, "API User"),
            ("password", connection.password, "API Token"),
        ]:
            if value in _UNSET:
                raise RcsInputError(
                    f"{field} of the connection {self.rcs_conn_id!r}",
                    f"it is missing (the {meaning})",
                    "You find it in your RCS account under Your Data -> Configure Account.",
                )
        mask_secret(connection.password)
        self.base_url = self.settings.base_url
        options = {**connection.extra_dejson, **(extra_options or {})}
        session = requests.Session()
        session.auth = HTTPBasicAuth(str(connection.login).encode(), str(connection.password).encode())
        session.headers.update(headers or {})
        session.proxies = options.get("proxies") or {}
        session.verify = options.get("verify", True)
        session.cert = options.get("cert")
        session.trust_env = options.get("trust_env", True)
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(pool_maxsize=_MOST_CONNECTIONS))
        return session

    @cached_property
    def _session(self) -> requests.Session:
        return self.get_conn()

    def list_templates(self) -> dict[str, str]:
        """Return the templates of the account: template id -> name.

        :raises RcsRefusedError: one of its kinds, if the service refused or could not be reached.
        """
        body, status = self._look_up("list_templates", wire.plain_parameters())
        return wire.read_templates(body, status)

    def get_template(self, template_id: str) -> Template:
        """Return a template and its variables.

        :param template_id: the template's id, as :meth:`list_templates` gives it.
        :raises RcsRefusedError: one of its kinds, if the service refused, knows no such template, or could not be
            reached.
        """
        body, status = self._look_up("get_template", wire.template_parameters(template_id))
        try:
            return wire.read_template(body, template_id, status)
        except RcsParameterError as error:
            raise RcsParameterError(
                f"template_id: template {template_id!r} cannot be looked up: {error} "
                "The account's templates are listed by RcsListTemplatesOperator."
            ) from None

    def get_credits(self) -> float:
        """Return the credit left on the account (public: the call ``GetCreditos``).

        :raises RcsRefusedError: one of its kinds, if the service refused or could not be reached.
        """
        body, status = self._look_up("credits", wire.plain_parameters())
        return wire.read_credits(body, status)

    def send(self, request: SendRequest) -> SendResult:
        """Send a template to a batch of recipients, once; a lost reply is not asked for again.

        :param request: what to send, and to whom.
        :raises RcsRefusedError: one of its kinds, where it is proven that nobody was messaged.
        :raises RcsOutcomeUnknown: where it left and no readable reply came back.
        """
        parameters = wire.send_parameters(request, self.settings.recipient_reference_key)
        body, status = self._post("send", parameters, unproven=RcsOutcomeUnknown)
        return wire.read_send_reply(body, status)

    def test_connection(self) -> tuple[bool, str]:
        """Make one harmless call, and report the credit left."""
        try:
            return True, f"The service accepts these credentials. Credit left: {written(self.get_credits())}"
        except RcsError as error:
            return False, str(error)

    def _look_up(self, call: str, parameters: Mapping[str, Any]) -> tuple[bytes, int]:
        return self._post(call, parameters, unproven=RcsUnavailable)

    def _post(self, call: str, parameters: Mapping[str, Any], unproven: Callable[[str], RcsError]) -> tuple[bytes, int]:
        """Make a call, and return the reply's body and HTTP status.

        :param unproven: the error for a call that left and may have been acted on.
        """
        url = self.settings.url(call)
        try:
            response = self._session.post(
                url,
                data=wire.json_body(parameters),
                headers={"Content-Type": "application/json", "Accept": "application/json"},
                timeout=(min(_SECONDS_TO_CONNECT, self.settings.timeout), self.settings.timeout),
                allow_redirects=False,
                verify=self._session.verify,  # else an environment variable overrides what the connection says
            )
        except requests.RequestException as error:
            if _never_left(error):
                raise RcsUnavailable(f"{url}: could not connect ({_kind(error)}). Nothing was sent.") from None
            raise unproven(f"{url}: no reply ({_kind(error)}).") from None
        _raise_for_status(url, response)
        return response.content, response.status_code


def _never_left(error: requests.RequestException) -> bool:
    """Whether the connection itself failed, so that certainly no byte of the request left."""
    cause = _cause(error)
    return isinstance(cause, NewConnectionError | ConnectTimeoutError) or any(
        isinstance(argument, ssl.SSLCertVerificationError) for argument in getattr(cause, "args", ())
    )


def _cause(error: requests.RequestException) -> object:
    first = error.args[0] if error.args else error
    return getattr(first, "reason", first)


def _kind(error: requests.RequestException) -> str:
    # The texts of these errors can quote proxy credentials; their kinds say enough.
    return type(_cause(error)).__name__


def _raise_for_status(url: str, response: requests.Response) -> None:
    """Raise for the statuses that prove a refusal whatever the body says; all others are left to the body."""
    match response.status_code:
        case 401 | 403:
            raise RcsAuthError(
                f"{url}: the service refused the API User or API Token (HTTP {response.status_code}). "
                "Nothing was sent. Check login and password of the connection; it is not tried again, "
                "because that can block the account."
            )
        case 404:
            raise RcsParameterError(
                f"{url}: the service knows no such address (HTTP 404). Nothing was sent. "
                "Check the host and the extra 'paths' of the connection."
            )
        case 429:
            retry_after = _seconds(response.headers.get("Retry-After"))
            wait = "" if retry_after is None else f" It asks to wait {retry_after:g} seconds."
            raise RcsRateLimited(f"{url}: too many requests (HTTP 429). Nothing was sent.{wait}", retry_after)


def _seconds(retry_after: str | None) -> float | None:
    """Read a Retry-After header, which holds seconds or a date."""
    if not retry_after:
        return None
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max((moment.astimezone(UTC) - datetime.now(UTC)).total_seconds(), 0.0)
