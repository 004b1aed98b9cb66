"""Judges a program by its unit tests."""

from redraft.graders.programs.result import Outcome, SandboxError
from redraft.graders.programs.sandbox import Sandbox, shared
from redraft.graders.ruling import Ruling
from redraft.store.trajectory import Verdict

LIMIT_S = 5.0
"""The most seconds for a program, and for each of its tests."""


async def passes(tests: str, code: str, sandbox: Sandbox | None = None) -> Ruling:
    """Returns right if every statement of `tests` holds after `code`. Returns wrong, with the first reason, if a test
    or the program fails. Returns undecided if the failure may come from a lack of the sandbox, or if the tests are no
    Python. Without a `sandbox`, the program runs in the sandbox that this whole process shares."""
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
