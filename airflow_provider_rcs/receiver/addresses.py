"""Whose request it is: the address of the client, also behind proxies that are trusted to tell it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from airflow_provider_rcs.api.errors import RcsInputError

_FORWARDED_FOR = b"x-forwarded-for"
# Whoever has one address of version 6 has the 2**64 beside it as well.
_PREFIX_OF_A_CLIENT = 64


class TrustedProxies:
    """The proxies whose ``X-Forwarded-For`` is believed.

    :param networks: their addresses or networks; of none, the header is ignored.
    """

    def __init__(self, networks: Iterable[IPv4Network | IPv6Network] = ()) -> None:
        self._networks = tuple(networks)

    @classmethod
    def of(cls, text: str, where: str) -> TrustedProxies:
        """Read them from a list with commas.

        :param where: where the list comes from, for the error.
        :raises RcsInputError: if one of them is not an address or a network.
        """
        names = [name.strip() for name in text.split(",") if name.strip()]
        try:
            return cls([ip_network(name) for name in names])
        except ValueError as error:
            raise RcsInputError(where, str(error), "List addresses or networks, such as 10.0.0.0/8.") from None

    def client_of(self, scope: Mapping[str, Any]) -> str:
        """Return the address that a request comes from; of version 6, its network."""
        connected = scope.get("client")
        address = _read(str(connected[0])) if connected else None
        if self._networks and self._trusts(address):
            address = self._forwarded(scope["headers"]) or address
        return _name(address)

    def _forwarded(self, headers: Iterable[tuple[bytes, bytes]]) -> IPv4Address | IPv6Address | None:
        """Return the last address of the header that is not a trusted proxy; what is before it, anyone can write."""
        listed = b",".join(value for name, value in headers if name == _FORWARDED_FOR).decode("latin-1")
        for name in reversed(listed.split(",")):
            address = _read(name.strip())
            if address is None:
                return None
            if not self._trusts(address):
                return address
        return None

    def _trusts(self, address: IPv4Address | IPv6Address | None) -> bool:
        # Without an address it came over a socket file, which only this machine can reach.
        return address is None or any(address in network for network in self._networks)


@lru_cache(maxsize=1024)
def _read(name: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(name)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


@lru_cache(maxsize=1024)
def _name(address: IPv4Address | IPv6Address | None) -> str:
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, _PREFIX_OF_A_CLIENT), strict=False))
    return str(address)
