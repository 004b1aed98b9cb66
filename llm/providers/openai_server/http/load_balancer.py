"""The servers of one model: chooses a server for each call, and avoids servers that fail for a while."""

import math
import re
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from urllib.request import getproxies, proxy_bypass

from yarl import URL

from redraft.llm.model import ModelError
from redraft.llm.providers.shared.redaction import address_secrets, redact_address

PAUSE_S = 0.5  # seconds after the first failure at an address; doubled by each further failure
LONGEST_PAUSE_S = 30.0
SHARE = 1.25  # limit on a server's calls in flight, as a multiple of the mean of all servers
ENDPOINTS = ("/chat/completions", "/completions")


class Address:
    """One server: the URLs of its endpoints, and its health. `redacted` is the address without user, password and
    query.

    If the given address names no version of the protocol, the endpoints may also be below `/v1`, so there are several
    candidates for the base URL. `switch_base` switches to the next one.
    """

    def __init__(self, given: str) -> None:
        self._bases = _bases(given)
        self.redacted = _redacted(self._bases[-1] if len(self._bases) == 1 else _url(given))
        self.in_flight = 0
        self.found = False  # whether an endpoint has answered at the present base URL
        self._failures = 0
        self._failed_at = 0.0
        self._paused_until = 0.0
        self._use_base(0)

    @property
    def has_password(self) -> bool:
        return self.chat.user is not None

    def switch_base(self, tried: URL) -> bool:
        """Switches to the next candidate for the base URL if `tried` is one of the endpoints in use. Returns whether
        another try can help."""
        if tried not in (self.chat, self.text):
            return True
        if self.found or self._place + 1 == len(self._bases):
            self._use_base(self._place if self.found else 0)
            return False
        self._use_base(self._place + 1)
        return True

    def is_paused(self, now: float) -> bool:
        """Returns whether calls should avoid the server for now. The first call after the pause tests the server."""
        return now < self._paused_until

    def record_try(self, now: float) -> None:
        """Reports that a call is sent to the server. If the server failed before, the call tests it, and other calls
        avoid it."""
        if self._failures:
            self._paused_until = now + self._pause

    def record_failure(self, begun: float, now: float) -> None:
        """Reports a failed call: no connection, a broken connection, or a timeout. `begun` is the time when the call
        began. Calls that began before the last failure count as the same failure."""
        if begun >= self._failed_at:
            self._failures += 1
        self._failed_at = now
        self._paused_until = now + self._pause

    def record_answer(self) -> None:
        """Reports an answered call, which ends the pause."""
        self._failures = 0
        self._paused_until = 0.0

    @property
    def paused_until(self) -> float:
        return self._paused_until

    @property
    def _pause(self) -> float:
        return min(LONGEST_PAUSE_S, PAUSE_S * 2.0 ** min(16, self._failures - 1))

    def _use_base(self, place: int) -> None:
        self._place = place
        self.base = self._bases[place]
        self.chat = self.base.joinpath("chat", "completions").with_query(self.base.query)
        self.text = self.base.joinpath("completions").with_query(self.base.query)
        self.root = self.base.parent if _versioned(self.base.path) else self.base
        self.proxy = _proxy(self.base)
        self.plain = self.base.scheme == "http" and not self.proxy


class LoadBalancer:
    """The servers of one model. `now` returns the time of a clock in seconds."""

    def __init__(self, given: Sequence[str], now: Callable[[], float] = time.monotonic) -> None:
        self._all = [Address(one) for one in given]
        self.secrets = address_secrets(",".join(given))
        self._now = now

    @property
    def redacted(self) -> str:
        return ", ".join(address.redacted for address in self._all)

    @property
    def several(self) -> bool:
        return len(self._all) > 1

    def __iter__(self) -> Iterator[Address]:
        return iter(self._all)

    def order(self, number: int) -> Sequence[Address]:
        """Returns the servers for a call that belongs to the tree `number`, best first.

        Each tree has its own order of the servers, which depends only on `number` and their addresses. So every process
        sends the calls of a tree to the same server, whose cache has the tree's prefix, and if a server is paused, only
        its trees move to others. A server comes later if its calls in flight exceed SHARE times the mean of all
        servers. Paused servers come last.

        Sources: Thaler and Ravishankar, Using name-based mappings to increase hit rates, 1998 (the order); Mirrokni,
        Thorup and Zadimoghaddam, Consistent hashing with bounded loads, arXiv:1608.01350 (the bound).
        """
        if len(self._all) == 1:
            return self._all
        now = self._now()
        up = sum(not one.is_paused(now) for one in self._all)
        calls = 1 + sum(one.in_flight for one in self._all if not one.is_paused(now))
        most = math.ceil(SHARE * calls / max(1, up))
        return sorted(
            self._all,
            key=lambda one: (
                one.paused_until if one.is_paused(now) else 0.0,
                one.in_flight >= most,
                blake2b(f"{number} {one.redacted}".encode(), digest_size=8).digest(),
            ),
        )


def tree_number(text: str) -> int:
    """Returns the number of a tree, in [0, 2**32): a hash of a text that all calls of the tree share."""
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def split_addresses(given: str | Sequence[str]) -> tuple[str, ...]:
    """Returns the addresses in a comma-separated text or a sequence. Raises a fatal ModelError if there is none."""
    listed = given.split(",") if isinstance(given, str) else given
    found = tuple(dict.fromkeys(one.strip() for one in listed if one.strip()))
    if not found:
        raise ModelError("The address of the server is empty.", cure="Check --api-base.", fatal=True)
    return found


def _url(given: str) -> URL:
    text = given if "://" in given else f"http://{given}"
    try:
        url = URL(text)
    except ValueError:
        url = URL()
    if url.scheme not in ("http", "https") or not url.host or len(text.split()) > 1:
        raise ModelError(
            f"{redact_address(given)!r} is not the address of a server.",
            cure="Give one like http://127.0.0.1:8000/v1 with --api-base.",
            fatal=True,
        )
    return url


def _bases(given: str) -> list[URL]:
    """Returns the candidates for the base URL of the endpoints, most likely first."""
    url = _url(given)
    path = url.path.rstrip("/")
    for endpoint in ENDPOINTS:
        path = path.removesuffix(endpoint)
    base = url.with_path(path or "/").with_query(url.query)
    if _versioned(path):
        return [base]
    versioned = url.with_path(f"{path}/v1").with_query(url.query)
    return [base, versioned] if path else [versioned, base]


def _versioned(path: str) -> bool:
    """Returns whether a path ends with a version of the protocol, such as /v1."""
    return bool(re.search(r"/v\d\w*/?$", path))


def _redacted(url: URL) -> str:
    return str(url.with_user(None).with_query(None).with_fragment(None)).rstrip("/")


def _proxy(url: URL) -> str | None:
    """Returns the proxy that environment variables set for a URL, or None."""
    return None if proxy_bypass(url.host or "") else getproxies().get(url.scheme)
