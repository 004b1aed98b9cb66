"""Judges a program by its unit tests."""

from redraft.graders.programs.result import Outcome, SandboxError
from redraft.graders.programs.sandbox import Sandbox, shared
from redraft.graders.ruling import Ruling
from redraft.store.trajectory import Verdict

LIMIT_S = 5.0
"""The time limit in seconds of a program, and of each of its tests."""


async def passes(tests: str, code: str, sandbox: Sandbox | None = None) -> Ruling:
    """Returns `right` if every statement of `tests` passes after `code`. Returns `wrong`, with the first reason, if a
    test or the program fails. Returns `undecided` if a limitation of the sandbox may have caused the failure, or if the
    tests are not Python. If `sandbox` is None, the program runs in the sandbox that the whole process shares."""
    try:
        outcome = await (sandbox or shared()).run(code, tests=tests, limit_s=LIMIT_S)
    except SandboxError as error:
        return Ruling(Verdict.UNDECIDED, str(error))
    return ruling(outcome)


def ruling(outcome: Outcome) -> Ruling:
    """Returns the ruling on a program, given its outcome."""
    if outcome.unreadable:
        return Ruling(Verdict.UNDECIDED, f"the tests are no Python ({outcome.unreadable})")
    if outcome.lacking:
        return Ruling(Verdict.UNDECIDED, f"the sandbox lacks {outcome.lacking}")
    if outcome.error:
        return Ruling(Verdict.WRONG, outcome.error)
    if outcome.failed:
        return Ruling(Verdict.WRONG, ": ".join(outcome.failed[0]))
    return Ruling(Verdict.RIGHT)
