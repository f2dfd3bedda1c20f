"""The hook of the RCS API: credentials and HTTP; ``api.wire`` writes requests and reads replies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import requests
from airflow.providers.http.hooks.http import HttpHook
from airflow.sdk.log import mask_secret
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth

from airflow_provider_rcs.api.accounts import account_of, fingerprint, format_credits
from airflow_provider_rcs.api.base_url import is_unset
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
from airflow_provider_rcs.api.wire import calls, lookups, send
from airflow_provider_rcs.api.wire.send_reply import read_send_reply
from airflow_provider_rcs.get_provider_info import DEFAULT_RCS_CONN_ID
from airflow_provider_rcs.hooks.http_errors import error_kind, never_left, refusal_by_status
from airflow_provider_rcs.hooks.lookup_cache import LOOKUP_CACHE
from airflow_provider_rcs.hooks.retrying import retry_look_up
from airflow_provider_rcs.hooks.time_limit import Calls, RequestBody, StoppedCallError
from airflow_provider_rcs.hooks.transport import read_transport

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

_MAX_CONNECTIONS = 64
_FIRST_FINAL_STATUS = 200

Result = TypeVar("Result")
Error = TypeVar("Error", bound=RcsError)
ReadReply = Callable[[bytes, int, calls.Refusal | None], Result]


class RcsHook(HttpHook):
    """Interact with the RCS API: look up templates and credit, and send.

    The connection (type ``rcs``) holds the base URL as host, the API User as login and the API Token as password; its
    extras are described in :class:`~airflow_provider_rcs.api.settings.ApiSettings`. Of an HTTP connection's extras,
    ``proxies``, ``verify``, ``cert`` and ``trust_env`` are used too. Unlike in the HTTP hook, no extra becomes a header
    and no redirect is followed, so that secrets of the connection never reach another host.

    :param rcs_conn_id: the connection to the RCS API.
    """

    conn_name_attr = "rcs_conn_id"
    default_conn_name = DEFAULT_RCS_CONN_ID
    conn_type = "rcs"
    hook_name = "RCS"

    def __init__(self, rcs_conn_id: str = default_conn_name) -> None:
        super().__init__(method="POST", http_conn_id=rcs_conn_id)
        self.rcs_conn_id = rcs_conn_id
        self._refused: RcsAuthError | None = None
        self._calls = Calls()

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return the customisation of the connection form, as the provider's metadata has it."""
        from airflow_provider_rcs.get_provider_info import RCS_FIELD_BEHAVIOUR

        return {key.replace("-", "_"): value for key, value in RCS_FIELD_BEHAVIOUR.items()}

    @cached_property
    def _connection(self) -> Connection:
        # Read once: what is sent must be of the account that is recorded, also if the connection changes meanwhile.
        return self.get_connection(self.rcs_conn_id)

    @cached_property
    def settings(self) -> ApiSettings:
        """The API settings of the connection.

        :raises RcsInputError: if a field of the connection cannot be used; names it.
        """
        connection = self._connection
        try:
            return read_settings(connection.host, connection.port, connection.extra_dejson, connection.schema)
        except RcsInputError as error:
            raise _named(error, self.rcs_conn_id) from None

    @cached_property
    def credentials_fingerprint(self) -> str:
        """A hash of login and password, to recognise rejected credentials without storing them."""
        return fingerprint(self._connection.login, self._connection.password)

    @cached_property
    def account(self) -> str:
        """A hash of host and login, to recognise the account; it stays the same when the API Token changes."""
        return account_of(self.settings.base_url, self._connection.login)

    def get_conn(
        self,
        headers: dict[Any, Any] | None = None,
        extra_options: dict[str, Any] | None = None,
    ) -> requests.Session:
        """Return a session that authenticates with the connection's credentials.

        :param headers: headers for every request of the session.
        :param extra_options: override the connection's ``proxies``, ``verify``, ``cert`` and ``trust_env``.
        :raises RcsInputError: if login or password of the connection is missing.
        """
        connection = self._connection
        for field, value, meaning in [
            ("login", connection.login, "API User"),
            ("password", connection.password, "API Token"),
        ]:
            if is_unset(value):
                raise RcsInputError(
                    f"{field} of the connection {self.rcs_conn_id!r}",
                    f"it is missing (the {meaning})",
                    "It is in your RCS account under Your Data -> Configure Account.",
                )
        self.base_url = self.settings.base_url
        try:
            transport = read_transport({**connection.extra_dejson, **(extra_options or {})})
        except RcsInputError as error:
            raise _named(error, self.rcs_conn_id) from None
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
        session.hooks["response"] = [_close_after_interim]
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(pool_maxsize=_MAX_CONNECTIONS))
        return session

    @cached_property
    def _session(self) -> requests.Session:
        return self.get_conn()

    def list_templates(self, *, fresh: bool = False) -> dict[str, str]:
        """Return the templates of the account: template id -> name.

        :param fresh: whether to ignore a result that this process cached in the last five minutes.
        :raises RcsRefusedError: one of its kinds, if the service refused or could not be reached.
        """
        parameters = lookups.common_parameters()
        look_up = partial(self._look_up, "list_templates", parameters, lookups.read_templates)
        return dict(LOOKUP_CACHE.cached(self._cache_key("list_templates", parameters), look_up, fresh=fresh))

    def get_template(self, template_id: str, *, fresh: bool = False) -> Template:
        """Return a template and its variables.

        :param template_id: the template's id, as :meth:`list_templates` gives it.
        :param fresh: whether to ignore a result that this process cached in the last five minutes.
        :raises RcsRefusedError: one of its kinds, if the service refused, knows no such template, or could not be
            reached.
        """
        parameters = lookups.template_parameters(template_id)
        look_up = partial(
            self._look_up,
            "get_template",
            parameters,
            lambda body, *status: lookups.read_template(body, template_id, *status),
        )
        try:
            return LOOKUP_CACHE.cached(self._cache_key("get_template", parameters), look_up, fresh=fresh)
        except RcsParameterError as error:
            problem = f"template_id: template {template_id!r} cannot be looked up: {error}"
            raise self._naming_connection(RcsParameterError(problem)) from None

    def get_credits(self) -> float:
        """Return the credit left on the account (public: the call ``GetCreditos``).

        :raises RcsRefusedError: one of its kinds, if the service refused or could not be reached.
        """
        return self._look_up("credits", lookups.common_parameters(), lookups.read_credits)

    def send(self, request: SendRequest) -> SendResult:
        """Send a template to a batch of recipients, once; the call is never retried.

        :param request: the template and its recipients.
        :return: what the reply says; also if it refuses the request (``refused``) and yet names recipients.
        :raises RcsRefusedError: one of its kinds, if it is proven that no message was sent.
        :raises RcsOutcomeUnknown: if the request left and no readable reply arrived.
        """
        body = send.send_body(request, self.settings.recipient_reference_key, self.settings.body_format)
        read = partial(read_send_reply, zero_result=self.settings.zero_result)
        result = self._call("send", body, read, no_reply=RcsOutcomeUnknown)
        if result.refused is not None:
            self._naming_connection(result.refused)
        if isinstance(result.refused, RcsAuthError):
            # Not the same error: that one says that a part of its request was sent.
            self._refused = RcsAuthError(f"the service refused the API User or API Token. {RcsAuthError.remedy}")
        return result

    def withdraw(self) -> None:
        """Let no request of this hook leave any more; those that have not left fail at once, as not sent."""
        self._calls.withdraw()

    def give_up(self) -> None:
        """Wait for no reply any more: calls in flight fail at once, those that had left with an unknown outcome."""
        self._calls.give_up()

    def test_connection(self) -> tuple[bool, str]:
        """Make one call that sends nothing, and return the credit left."""
        try:
            credit = self._call("credits", self._write_body(lookups.common_parameters()), lookups.read_credits)
        except RcsError as error:
            return False, str(error)
        message = f"The service accepts these credentials. Credit left: {format_credits(credit)}"
        # Airflow's form shows the returned text; its command shows it for failures only, and mutes the log.
        print(message)
        return True, message

    def _cache_key(self, call: str, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
        return self.rcs_conn_id, self.credentials_fingerprint, self.settings.url(call), tuple(parameters.items())

    def _look_up(self, call: str, parameters: Mapping[str, Any], read: ReadReply[Result]) -> Result:
        body = self._write_body(parameters)
        return retry_look_up(lambda: self._call(call, body, read))

    def _write_body(self, parameters: Mapping[str, Any]) -> bytes:
        return calls.BODY_FORMATS[self.settings.body_format].write(parameters)

    def _call(
        self,
        call: str,
        body: bytes,
        read: ReadReply[Result],
        no_reply: type[RcsError] = RcsUnavailable,
    ) -> Result:
        """Make a call once and return its parsed reply; a hook shows refused credentials to the service once.

        :param read: parses the reply's body and HTTP status, with the refusal that the status is.
        :param no_reply: the error to raise if the call left and no reply arrived.
        """
        if self._refused is not None:
            raise self._naming_connection(self._refused)
        try:
            return read(*self._post(call, body, no_reply))
        except RcsError as error:
            if isinstance(error, RcsAuthError):
                self._refused = error
            self._naming_connection(error)
            raise

    def _naming_connection(self, error: Error) -> Error:
        """Add the connection's name to an error, once."""
        note = f"(connection: {self.rcs_conn_id})"
        if note not in getattr(error, "__notes__", ()):
            error.add_note(note)
        return error

    def _post(self, call: str, body: bytes, no_reply: type[RcsError]) -> tuple[bytes, int, calls.Refusal | None]:
        url = self.settings.url(call)
        content_type = calls.BODY_FORMATS[self.settings.body_format].content_type
        session, request_body = self._session, RequestBody(body)
        post = partial(
            session.post,
            url,
            data=request_body,
            headers={"Content-Type": content_type, "Accept": "application/json"},
            timeout=(self.settings.connect_timeout, self.settings.timeout),
            allow_redirects=False,
            # Passed with each request: otherwise variables of the environment override the connection.
            verify=session.verify,
            proxies=dict(session.proxies),
        )
        try:
            response = self._calls.within(self.settings.connect_timeout + self.settings.timeout, request_body, post)
        except StoppedCallError:
            if request_body.withdraw():
                raise RcsUnavailable(
                    f"{url}: the task was stopped before the request left. Nothing was sent."
                ) from None
            raise no_reply(f"{url}: the task was stopped before the reply came. {no_reply.remedy}") from None
        except (requests.RequestException, TimeoutError, RuntimeError) as error:
            kind = error_kind(error)
            if request_body.withdraw() or never_left(error):
                raise RcsUnavailable(
                    f"{url}: could not connect ({kind}). Nothing was sent. {RcsUnavailable.remedy}"
                ) from None
            raise no_reply(f"{url}: no reply ({kind}). {no_reply.remedy}") from None
        except BaseException:
            # The task is being ended: what has not left yet must not leave later.
            request_body.withdraw()
            raise
        return response.content, response.status_code, refusal_by_status(url, response)


def _named(error: RcsInputError, rcs_conn_id: str) -> RcsInputError:
    """Return the error about a connection's field with the connection's name."""
    problem, _, remedy = str(error).removeprefix(f"{error.field}: ").partition(". ")
    field = error.field.removesuffix(" of the connection")
    return RcsInputError(f"{field} of the connection {rcs_conn_id!r}", problem, remedy)


def _close_after_interim(response: requests.Response, **_options: object) -> None:
    """Close the connection of an interim response, such as 103 Early Hints, before another call can use it.

    The library takes it for the reply. The real reply follows, and would be read as that of the next call.
    """
    if response.status_code < _FIRST_FINAL_STATUS:
        response.close()
