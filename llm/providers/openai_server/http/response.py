"""What every way to a server gives back: an HTTP answer, or why there is none."""

from collections.abc import Mapping
from typing import NamedTuple


class Response(NamedTuple):
    """An HTTP answer, read whole and unpacked. The names of its headers are found in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class ConnectFailed(Exception):
    """There is no connection, so nothing was sent. The text says why, without an address."""


class ConnectionBroken(Exception):
    """The connection broke, or what came is not HTTP, after something was sent. The text says why."""
