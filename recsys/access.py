"""Who may ask the service: settled when it starts."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import ip_address
from typing import Literal

from data.errors import ParameterError


class Access(StrEnum):
    """What a request has to show."""

    KEYS = "keys"
    UNTIL_KEYS = "until keys"
    """Nothing until the first key is made; for the machine itself only."""
    OPEN = "open"


def is_loopback(host: str) -> bool:
    """Whether `host` is reached from this machine only."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def settle_access(auth: Literal["auto", "keys", "off"], host: str, *, any_keys: bool) -> Access:
    """What a service on `host` asks for, by the setting ``serve.auth``.

    Raises
    ------
    ParameterError
        If others could reach a service that nobody has a key for.
    """
    if auth == "off":
        return Access.OPEN
    if auth == "auto" and is_loopback(host):
        return Access.UNTIL_KEYS
    if not any_keys:
        raise ParameterError(
            f"on {host} others can reach the service, and there is no key yet: make one with "
            "`recsys keys create NAME`, listen on 127.0.0.1, or, where something in front of it "
            'checks who asks, set serve.auth = "off"'
            if auth == "auto"
            else 'serve.auth is "keys" and there is no key yet: run `recsys keys create NAME`'
        )
    return Access.KEYS
