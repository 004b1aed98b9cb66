"""Faults that a request may meet instead of a reply."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

KINDS = ("drop", "cut", "hang", "blank", "empty", "malformed", "few", "many", "truncated", "nan", "null")
"""The kinds of faults, in order: the connection is dropped before the first byte, or in the middle of the body; no
reply until the client disconnects; an empty body; no choices; incomplete JSON; one choice too few; one choice too many;
texts cut in half (finish "length"); log-probabilities that are NaN; log-probabilities that are null."""


@dataclass
class Fault:
    """A fault: one of KINDS, or an HTTP status with its body and headers. Raises ValueError for an unknown kind."""

    status: int | str
    body: dict[str, Any] = field(default_factory=lambda: {"error": {"message": "as the test wants it"}})
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.status, str) and self.status not in KINDS:
            raise ValueError(f"no fault {self.status!r}; there are {', '.join(KINDS)} and HTTP statuses")

    @property
    def name(self) -> str:
        """Returns the kind. The name of a status with Retry-After ends in "+"."""
        return f"{self.status}{'+' if 'Retry-After' in self.headers else ''}"


def named(name: str, retry_after: str = "1") -> Fault:
    """Returns a fault by its name: one of KINDS, a status ("500"), or a status with Retry-After ("429+")."""
    status = name.removesuffix("+")
    if not status.isdigit():
        return Fault(name)
    body = {"error": {"message": MESSAGES.get(status, "as the test wants it"), "type": "mock", "code": int(status)}}
    return Fault(int(status), body, {"Retry-After": retry_after} if name.endswith("+") else {})


def drawn(chance: Random, rates: dict[str, float], retry_after: str) -> Fault | None:
    """Returns a random fault, each with the probability in `rates`, or None."""
    at = chance.random()
    for name, rate in rates.items():
        at -= rate
        if at < 0:
            return named(name, retry_after)
    return None


MESSAGES = {
    "429": "Rate limit reached for requests.",
    "500": "The server had an error while processing your request.",
    "503": "The engine is currently overloaded, please try again later.",
}
