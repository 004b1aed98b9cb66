"""The outcome of a program that a sandbox ran."""

from dataclasses import dataclass
from typing import Any

from redraft.store.errors import RedraftError


class SandboxError(RedraftError):
    """The sandbox can't run anything; the message says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a program. `value` is the value of its last expression as JSON (a tuple is a list, an object its
    repr). `error` is the exception that ended it, in one line, or None. `failed` has each test that did not hold, with
    the reason. `unreadable` says why the tests are no Python, in which case nothing was run. `lacking` names what the
    sandbox lacks, if the outcome may come of that: it proves nothing then."""

    value: Any = None
    output: str = ""
    error: str | None = None
    failed: tuple[tuple[str, str], ...] = ()
    unreadable: str | None = None
    lacking: str | None = None
