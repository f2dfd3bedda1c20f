"""The hook of the RCS API: credentials and HTTP; what goes over the wire is written and read in ``api.wire``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from airflow.providers.http.hooks.http import HttpHook
from airflow.sdk.log import mask_secret
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth

from airflow_provider_rcs.api import wire
from airflow_provider_rcs.api.credit import written
from airflow_provider_rcs.api.errors import (
    RcsAuthError,
    RcsError,
    RcsInputError,
    RcsOutcomeUnknown,
    RcsParameterError,
    RcsUnavailable,
)
from airflow_provider_rcs.api.models import SendRequest, SendResult, Template
from airflow_provider_rcs.api.settings import ApiSettings, read_settings
from airflow_provider_rcs.hooks.default_connections import DEFAULT_RCS_CONN_ID
from airflow_provider_rcs.hooks.http_failures import kind_of, never_left, raise_for_status
from airflow_provider_rcs.hooks.memory import OF_THIS_PROCESS
from airflow_provider_rcs.hooks.retrying import ask_patiently
from airflow_provider_rcs.hooks.transport import read_transport

_MOST_CONNECTIONS = 64
_UNSET = (None, "", "***")

Answer = TypeVar("Answer")


class RcsHook(HttpHook):
    """Interact with the RCS API: look up templates and credit, and send.

    The connection (type ``rcs``) holds the base URL as host, the API User as login and the API Token as password; its
    extras are described in :class:`~airflow_provider_rcs.api.settings.ApiSettings`. Of an HTTP connection's extras,
    ``proxies``, ``verify``, ``cert`` and ``trust_env`` are used too. Unlike with the HTTP hook, no extra becomes a
    header, and no redirect is followed, so that nothing of the connection travels to where it was not meant for.

    :param rcs_conn_id: the connection to the RCS API.
    """

    conn_name_attr = "rcs_conn_id"
    default_conn_name = DEFAULT_RCS_CONN_ID
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
        self.base_url = self.settings.base_url
        transport = read_transport({**connection.extra_dejson, **(extra_options or {})})
        for secret in (connection.password, *(urlsplit(url).password for url in transport.proxies.values())):
            if secret:
                mask_secret(secret)
        session = requests.Session()
        session.auth = HTTPBasicAuth(str(connection.login).encode(), str(connection.password).encode())
        session.headers.update(headers or {})
        session.proxies = dict(transport.proxies)
        session.verify = transport.verify
        session.cert = transport.cert
        session.trust_env = transport.trust_env
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(pool_maxsize=_MOST_CONNECTIONS))
        return session

    @cached_property
    def _session(self) -> requests.Session:
        return self.get_conn()

    def list_templates(self, *, fresh: bool = False) -> dict[str, str]:
        """Return the templates of the account: template id -> name.

        :param fresh: whether to ask the service even if this process has asked in the last five minutes.
        :raises RcsRefusedError: one of its kinds, if the service refused or could not be reached.
        """
        parameters = wire.plain_parameters()
        ask = partial(self._look_up, "list_templates", parameters, wire.read_templates)
        return dict(OF_THIS_PROCESS.recall(self._question("list_templates", parameters), ask, fresh=fresh))

    def get_template(self, template_id: str, *, fresh: bool = False) -> Template:
        """Return a template and its variables.

        :param template_id: the template's id, as :meth:`list_templates` gives it.
        :param fresh: whether to ask the service even if this process has asked in the last five minutes.
        :raises RcsRefusedError: one of its kinds, if the service refused, knows no such template, or could not be
            reached.
        """
        parameters = wire.template_parameters(template_id)
        ask = partial(
            self._look_up,
            "get_template",
            parameters,
            lambda body, status: wire.read_template(body, template_id, status),
        )
        try:
            return OF_THIS_PROCESS.recall(self._question("get_template", parameters), ask, fresh=fresh)
        except RcsParameterError as error:
            raise RcsParameterError(f"template_id: template {template_id!r} cannot be looked up: {error}") from None

    def get_credits(self) -> float:
        """Return the credit left on the account (public: the call ``GetCreditos``).

        :raises RcsRefusedError: one of its kinds, if the service refused or could not be reached.
        """
        return self._look_up("credits", wire.plain_parameters(), wire.read_credits)

    def send(self, request: SendRequest) -> SendResult:
        """Send a template to a batch of recipients, once; a lost reply is not asked for again.

        :param request: what to send, and to whom.
        :raises RcsRefusedError: one of its kinds, where it is proven that nobody was messaged.
        :raises RcsOutcomeUnknown: where it left and no readable reply came back.
        """
        body = wire.send_body(request, self.settings.recipient_reference_key, self.settings.body_format)
        read = partial(wire.read_send_reply, zero_result=self.settings.zero_result)
        return self._ask("send", body, read, unproven=RcsOutcomeUnknown)

    def test_connection(self) -> tuple[bool, str]:
        """Make one harmless call, and report the credit left."""
        try:
            # It is a person who asks, and may have mended the account.
            OF_THIS_PROCESS.forget_refusal(self._account)
            credit = self._ask("credits", self._written(wire.plain_parameters()), wire.read_credits)
        except RcsError as error:
            return False, str(error)
        message = f"The service accepts these credentials. Credit left: {written(credit)}"
        # Airflow's form shows what is returned; its command does so only with failures, and it mutes the log.
        print(message)
        return True, message

    @property
    def _account(self) -> tuple[str, str]:
        return self.settings.base_url, self.credentials_fingerprint

    def _question(self, call: str, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
        return self.rcs_conn_id, self._account, self.settings.url(call), tuple(parameters.items())

    def _look_up(self, call: str, parameters: Mapping[str, Any], read: Callable[[bytes, int], Answer]) -> Answer:
        body = self._written(parameters)
        return ask_patiently(lambda: self._ask(call, body, read))

    def _written(self, parameters: Mapping[str, Any]) -> bytes:
        return wire.BODY_FORMATS[self.settings.body_format].write(parameters)

    def _ask(
        self,
        call: str,
        body: bytes,
        read: Callable[[bytes, int], Answer],
        unproven: type[RcsError] = RcsUnavailable,
    ) -> Answer:
        """Make a call once, and return what its reply says; refused credentials are not shown to the service again.

        :param read: reads the reply's body and HTTP status.
        :param unproven: the error for a call that left and may have been acted on.
        """
        OF_THIS_PROCESS.require_not_refused(self._account)
        try:
            return read(*self._post(call, body, unproven))
        except RcsAuthError:
            OF_THIS_PROCESS.refused(self._account)
            raise

    def _post(self, call: str, body: bytes, unproven: type[RcsError]) -> tuple[bytes, int]:
        url = self.settings.url(call)
        content_type = wire.BODY_FORMATS[self.settings.body_format].content_type
        session = self._session
        try:
            response = session.post(
                url,
                data=body,
                headers={"Content-Type": content_type, "Accept": "application/json"},
                timeout=(self.settings.connect_timeout, self.settings.timeout),
                allow_redirects=False,
                # Named with each request, else variables of the environment override what the connection says.
                verify=session.verify,
                proxies=dict(session.proxies),
            )
        except requests.RequestException as error:
            if never_left(error):
                raise RcsUnavailable(
                    f"{url}: could not connect ({kind_of(error)}). Nothing was sent. {RcsUnavailable.remedy}"
                ) from None
            raise unproven(f"{url}: no reply ({kind_of(error)}). {unproven.remedy}") from None
        raise_for_status(url, response)
        return response.content, response.status_code
