"""The result of an HTTP request: a response, or one of two errors."""

from collections.abc import Mapping
from typing import NamedTuple


class Response(NamedTuple):
    """A complete, decompressed HTTP response. Header names are looked up in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class ConnectFailed(Exception):
    """The connection failed, so nothing was sent. The message says why, without an address."""


class ConnectionBroken(Exception):
    """The connection broke after the request was sent, or the answer is not HTTP. The message says why."""
