"""Checks of the receiver at the address that reports are pushed to, and of the password that guards it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.doctor.findings import Finding, Level

_TIMEOUTS = (5.0, 8.0)
_LOCAL = ("localhost", "127.0.0.1", "::1")
_WHAT = "receiver"


def check_reports_password() -> Iterator[Finding]:
    """Check that each connection that lets reports in has a password on this machine, and that it is long enough.

    :raises RcsInputError: if a login or a password cannot be used.
    """
    from airflow_provider_rcs.receiver import config

    look_ups = config.look_ups_from_environment(os.environ) or config.look_ups_from_airflow()
    for conn_id, look_up in look_ups.items():
        what = "reports' password" if len(look_ups) == 1 else f"reports' password of {conn_id!r}"
        credentials = look_up()
        if credentials is None:
            text = (
                f"none is set here, so that every report is refused. Create the connection {conn_id!r}, which [rcs] "
                "reports_conn_id names or is its default, with a login and a password, or set "
                f"{config.REPORTS_LOGIN} and {config.REPORTS_PASSWORD} for a receiver that runs by itself."
            )
            yield Finding(Level.WARNING, what, text)
        elif credentials.is_short:
            text = "it is short enough to be guessed. Make a longer one with: openssl rand -hex 16"
            yield Finding(Level.WARNING, what, text)
        else:
            yield Finding(Level.OK, what, "it is set, and long enough")


def check_receiver(url: str) -> Iterator[Finding]:
    """Check an address as the service would use it: TLS, its path, its health, and that it asks for credentials.

    :param url: the address that the panel of the RCS account has.
    :raises RcsInputError: if it is no address of a receiver.
    """
    import requests

    from airflow_provider_rcs.receiver.app import HEALTH_PATH, REPORTS_PATH

    address = urlsplit(url)
    path = address.path.removesuffix("/")
    if address.scheme not in ("http", "https") or not address.hostname or not path.endswith(REPORTS_PATH):
        raise RcsInputError("receiver_url", "it is no address of a receiver", f"Use https://HOST{REPORTS_PATH}.")
    if address.scheme == "http" and address.hostname not in _LOCAL:
        text = "the address is http, so that login and password travel in clear. Put it behind TLS."
        yield Finding(Level.WARNING, _WHAT, text)
    health = address._replace(path=path.removesuffix(REPORTS_PATH) + HEALTH_PATH, query="").geturl()
    with requests.Session() as session:
        # The login of a .netrc file must not go along.
        session.trust_env = False
        try:
            yield _judge_path(_ask(session, "GET", url))
            yield _judge_post(_ask(session, "POST", url))
            yield _judge_health(_ask(session, "GET", health))
        except requests.exceptions.SSLError:
            text = "its certificate is not trusted here. The service may not trust it either: use one that is public."
            yield Finding(Level.FAILED, _WHAT, text)
        except requests.RequestException as error:
            text = (
                f"no reply ({type(error).__name__}). Check that it runs, and that address, port and firewall let "
                "requests in from outside."
            )
            yield Finding(Level.FAILED, _WHAT, text)


def _ask(session: Any, method: str, url: str) -> Any:
    headers = {"Content-Type": "application/json"} if method == "POST" else {}
    return session.request(method, url, headers=headers, timeout=_TIMEOUTS, allow_redirects=False)


def _judge_path(response: Any) -> Finding:
    if response.status_code == 200 and not response.content:
        return Finding(Level.OK, _WHAT, "the address is that of a receiver")
    if response.is_redirect:
        where = urlsplit(response.headers.get("Location", "")).hostname or "another path"
        text = f"it redirects (to {where}), and a pushed report does not follow. Use the address at the end of it."
        return Finding(Level.FAILED, _WHAT, text)
    text = (
        f"GET is answered {response.status_code}, not as a receiver does. Check path and proxy. In Airflow's API "
        "server, the provider must be installed, and the server restarted."
    )
    return Finding(Level.FAILED, _WHAT, text)


def _judge_post(response: Any) -> Finding:
    match response.status_code:
        case 401:
            return Finding(Level.OK, _WHAT, "a report without login and password is refused")
        case 503:
            text = (
                "it has no login and password to check reports against (503). Create the connection for reports there."
            )
        case status if status < 300:
            text = f"a report without login and password is answered {status}: anybody can push. Check the proxy."
        case status:
            text = f"a report without login and password is answered {status}, not 401. Check the proxy before it."
    return Finding(Level.FAILED, _WHAT, text)


def _judge_health(response: Any) -> Finding:
    what = "receiver's health"
    try:
        health = response.json()
        status = health["status"]
    except (ValueError, KeyError, TypeError):
        text = f"the health check is answered {response.status_code} without a status. Let the proxy pass it, too."
        return Finding(Level.WARNING, what, text)
    if status == "degraded":
        text = "the store does not take reports now, so they wait in the spool. Check the store from the receiver."
        return Finding(Level.WARNING, what, text)
    if status != "ready":
        text = "a report would not be accepted now. See the receiver's log for its store, spool and credentials."
        return Finding(Level.FAILED, what, text)
    if health.get("folding") == "behind":
        text = "reports are committed, but not folded for a while. See the receiver's log."
        return Finding(Level.WARNING, what, text)
    return Finding(Level.OK, what, "ready")
