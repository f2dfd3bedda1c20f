"""HTTP settings in a connection's extras: proxies, certificates, use of the environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow_provider_rcs.api.settings import read_extras, read_object

_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Transport:
    """The settings of an HTTP session.

    :param proxies: scheme (``https``, ``http``, ``all``) -> URL of the proxy.
    :param verify: file or folder of the certificate authorities to trust; ``True`` for the usual ones, ``False`` to
        trust any certificate, for tests only.
    :param cert: file of the client's certificate and key, or one file for each.
    :param trust_env: whether proxies and authorities of the environment are used where the connection names none.
    """

    proxies: Mapping[str, str] = field(default_factory=dict)
    verify: bool | str = True
    cert: str | tuple[str, str] | None = None
    trust_env: bool = True


def read_transport(extras: Mapping[str, Any]) -> Transport:
    """Return the HTTP settings in a connection's extras; a setting left out keeps its default.

    :raises RcsInputError: if a setting cannot be used; names it.
    """
    return Transport(**read_extras(extras, _READERS))


def _read_verify(value: object) -> bool | str:
    return _existing_path(value) if isinstance(value, str) and value.lower() not in _BOOLEANS else _read_boolean(value)


def _read_cert(value: object) -> str | tuple[str, str]:
    content = json.loads(value) if isinstance(value, str) and value.lstrip().startswith("[") else value
    if isinstance(content, str):
        return _existing_path(content)
    if not isinstance(content, list | tuple):
        raise TypeError("not a list")
    certificate, key = content
    return _existing_path(certificate), _existing_path(key)


def _read_boolean(value: object) -> bool:
    boolean = _BOOLEANS.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(boolean, bool):
        raise TypeError("not a boolean")
    return boolean


def _existing_path(path: object) -> str:
    if not isinstance(path, str):
        raise TypeError("not a path")
    if not Path(path).exists():
        raise FileNotFoundError(path)
    return path


_READERS: Mapping[str, tuple[Any, str]] = {
    "proxies": (read_object, 'an object of scheme -> URL, such as {"https": "http://proxy:3128"}'),
    "verify": (_read_verify, "the path of a file or folder of certificate authorities, or true or false"),
    "cert": (_read_cert, "the path of a file with certificate and key, or a list of one for each"),
    "trust_env": (_read_boolean, "true or false"),
}
