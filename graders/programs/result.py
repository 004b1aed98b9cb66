"""The outcome of a program that a sandbox ran."""

from dataclasses import dataclass
from typing import Any

from redraft.store.errors import RedraftError


class SandboxError(RedraftError):
    """Raised if the sandbox can't run anything. The message says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a program. `value` is the value of its last expression as JSON data (a tuple becomes a list, an
    object its repr). `error` is the exception that ended it, in one line, or None. `failed` has a pair (test, reason)
    for each failed test. If the tests are not Python, `unreadable` says why, and nothing was run. If the sandbox lacks
    something that may have caused the outcome, `lacking` names it, and the outcome proves nothing."""

    value: Any = None
    output: str = ""
    error: str | None = None
    failed: tuple[tuple[str, str], ...] = ()
    unreadable: str | None = None
    lacking: str | None = None
