"""The result of an HTTP request: a response, or the error in its place."""

from collections.abc import Mapping
from typing import NamedTuple


class Response(NamedTuple):
    """A complete, unpacked HTTP response. Its header names are looked up in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class ConnectFailed(Exception):
    """The connection failed, so nothing was sent. The message says why, without an address."""


class ConnectionBroken(Exception):
    """The connection broke, or the data is not HTTP, after the request was sent. The message says why."""
