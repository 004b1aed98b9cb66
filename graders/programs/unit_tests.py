"""The ruling on a program by its tests."""

from redraft.graders.programs.outcome import Outcome, SandboxError
from redraft.graders.programs.sandbox import Sandbox, shared
from redraft.graders.ruling import Ruling
from redraft.store.trajectory import Verdict

LIMIT_S = 5.0
"""The most seconds for a program, and for each of its tests."""


async def passes(tests: str, code: str, sandbox: Sandbox | None = None) -> Ruling:
    """Right if every statement of `tests` holds after `code`; wrong, with the first reason, if a test or the program
    fails; undecided if only the sandbox lacks something, or the tests are no Python. Without a `sandbox` it runs in the
    one that this whole process shares."""
    try:
        outcome = await (sandbox or shared()).run(code, tests=tests, limit_s=LIMIT_S)
    except SandboxError as error:
        return Ruling(Verdict.UNDECIDED, str(error))
    return ruling(outcome)


def ruling(outcome: Outcome) -> Ruling:
    """The ruling on a program by its outcome."""
    if outcome.unreadable:
        return Ruling(Verdict.UNDECIDED, f"the tests are no Python ({outcome.unreadable})")
    if outcome.lacking:
        return Ruling(Verdict.UNDECIDED, f"the sandbox lacks {outcome.lacking}")
    if outcome.error:
        return Ruling(Verdict.WRONG, outcome.error)
    if outcome.failed:
        return Ruling(Verdict.WRONG, ": ".join(outcome.failed[0]))
    return Ruling(Verdict.RIGHT)
