"""Removes secrets from a provider's error message and shortens it to one line. Also reads the pause that a provider
asks for."""

import os
import re
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from urllib.parse import unquote_plus

MOST = 300  # characters
PIECE = 8  # minimum length, in characters, of a piece of a key that is masked
LEAST = 4  # minimum length, in characters, of a secret in an address
ECHO = 12  # minimum length, in characters, of a quotation of a prompt that is masked


def redacted_line(text: str, *keys: str) -> str:
    """Returns a provider's message in one line of at most 300 characters. `keys`, long pieces of them, secrets in
    environment variables, and all texts that look like a key are replaced by `***`."""
    for secret in (*keys, *_secrets()):
        text = _mask(text, secret)
    return redact_addresses(KEY.sub("***", " ".join(text.split())))[:MOST]


def without_echo(text: str, *asked: str) -> str:
    """Returns a provider's message with `***` in place of each run of 12 or more characters that also occurs in one of
    the texts `asked`, because error messages may quote the prompt. A run of whitespace counts as one space."""
    whole = "\n".join(" ".join(one.split()) for one in asked)
    return _hidden(text, ECHO, lambda piece: piece in whole)


def redact_address(given: str) -> str:
    """Returns an address, or several separated by commas, without user, password and query, so that it can be
    stored."""
    return re.sub(r"[?#][^\s,]*", "?***", re.sub(r"(^|//|,\s*)[^/?#,\s]*@", r"\1***@", given))


def redact_addresses(text: str) -> str:
    """Returns the text with users, passwords and keys removed from the addresses in it."""
    return QUERY.sub(r"\1***", USER.sub("//***@", text))


def redact_location(given: str) -> str:
    """Returns an address, or several separated by commas, without user, password and keys. The scheme may be absent."""
    return redact_addresses(re.sub(r"(^|,\s*)[^/?#,\s]*@", r"\1***@", given))


def address_secrets(given: str) -> tuple[str, ...]:
    """Returns the passwords and the query values in an address, or in several separated by commas, both as written and
    URL-decoded."""
    found: list[str] = []
    for one in given.split(","):
        rest, _, query = one.partition("#")[0].partition("?")
        user = rest.rpartition("@")[0].rpartition("//")[2]
        found += [user.partition(":")[2] or user, *(pair.partition("=")[2] or pair for pair in query.split("&"))]
    return tuple(
        dict.fromkeys(secret for text in found for secret in (text, unquote_plus(text)) if len(secret) >= LEAST)
    )


def retry_after_s(headers: Mapping[str, str], text: str = "", now: float | None = None) -> float | None:
    """Returns the seconds that a provider asks the client to wait, or None.

    The sources are `retry-after-ms`, `Retry-After` (seconds or a date), the longest `x-ratelimit-reset-*` whose
    `x-ratelimit-remaining-*` is 0, and "try again in 1m3.5s" in the text. `now` is the time in seconds since the epoch.
    Header names are looked up exactly, so the mapping should be case-insensitive.
    """
    asked = _number(headers.get("retry-after-ms"))
    if asked is not None:
        return asked / 1000
    after = headers.get("retry-after")
    asked = _number(after)
    if asked is not None:
        return asked
    if after:
        try:
            return max(0.0, parsedate_to_datetime(after).timestamp() - (time.time() if now is None else now))
        except (ValueError, TypeError):
            pass
    resets = [
        seconds
        for what in ("requests", "tokens")
        if (seconds := _duration(headers.get(f"x-ratelimit-reset-{what}"))) is not None
        and _number(headers.get(f"x-ratelimit-remaining-{what}")) == 0
    ]
    worded = WORDED.search(text)
    return max(resets) if resets else _duration(worded[1]) if worded else None


def _secrets() -> list[str]:
    return [value for name, value in os.environ.items() if len(value) >= PIECE and SECRET.search(name)]


def _mask(text: str, secret: str) -> str:
    """Returns the text with every run of at least PIECE characters of a secret masked. A shorter secret is masked only
    if it is a whole word: keys of private servers, such as "x", may also be part of words."""
    if not secret or secret[:PIECE] == text:
        return text if not secret else "***"
    if len(secret) < PIECE:
        return re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", text)
    text = text.replace(secret, "***")
    pieces = {secret[at : at + PIECE] for at in range(len(secret) - PIECE + 1)}
    return _hidden(text, PIECE, pieces.__contains__)


def _hidden(text: str, size: int, secret: Callable[[str], bool]) -> str:
    """Returns the text with a mask in place of each run of characters that consists of secret pieces. A piece has
    `size` characters."""
    shown = [True] * len(text)
    for at in range(len(text) - size + 1):
        if secret(text[at : at + size]):
            shown[at : at + size] = [False] * size
    return re.sub("\0+", "***", "".join(c if seen else "\0" for c, seen in zip(text, shown, strict=True)))


def _number(text: str | None) -> float | None:
    return float(text) if text and re.fullmatch(r"\s*\d+(\.\d+)?\s*", text) else None


def _duration(text: str | None) -> float | None:
    """Returns the seconds of a duration in OpenAI's format ("1s", "6m0s", "20ms", "1h2m3.5s"), or of a plain number."""
    plain = _number(text)
    if plain is not None or not text:
        return plain
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", text)
    return sum(float(value) * SECONDS[unit] for value, unit in parts) if parts else None


WORDED = re.compile(r"(?:(?:try again|retry) in |retryDelay\W+)(\d[\dhms.]*?(?:ms|h|m|s)+\b)", re.IGNORECASE)
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
KEY = re.compile(r"\b(?:sk|key|gsk|xai|hf|pk)[-_][\w*.-]{6,}|(?:Bearer|Basic) \S+", re.IGNORECASE)
USER = re.compile(r"//[^/?#\s]+@")
QUERY = re.compile(r"([?&][^=&\s]*(?:key|token|secret|password|sig|signature)=)[^&#\s\"']+", re.IGNORECASE)

ADDRESS_SECRET = rf"{USER.pattern}|(?i:{QUERY.pattern})"
"""A pattern for an address in a text that contains a user, a password or a key. It needs no flags."""

LOCATION_SECRET = rf"^[^/?#]*@|{ADDRESS_SECRET}"
"""A pattern for a text that is an address with a user, a password or a key. The scheme may be missing."""
