"""The ruling on a program by its tests."""

from redraft.graders.programs.sandbox import Outcome, SandboxError, lacks, run
from redraft.graders.ruling import Ruling
from redraft.store.trajectory import Verdict

LIMIT_S = 5.0
"""The most seconds for a program, and for each of its tests."""


async def passes(tests: str, code: str) -> Ruling:
    """Right if every statement of `tests` holds after `code`; wrong, with the first reason, if a test or the program
    fails; undecided if only the sandbox lacks something, or the tests are no Python."""
    try:
        outcome = await run(code, tests=tests, limit_s=LIMIT_S)
    except SandboxError as error:
        return Ruling(Verdict.UNDECIDED, str(error))
    return ruling(outcome)


def ruling(outcome: Outcome) -> Ruling:
    """The ruling on a program by its outcome."""
    if outcome.unreadable:
        return Ruling(Verdict.UNDECIDED, f"the tests are no Python ({outcome.unreadable})")
    errors = [outcome.error] if outcome.error else [reason for _, reason in outcome.failed]
    if not errors:
        return Ruling(Verdict.RIGHT)
    lacking = [lacks(error) for error in errors]
    if all(lacking):
        return Ruling(Verdict.UNDECIDED, f"the sandbox lacks {lacking[0]}")
    if outcome.error:
        return Ruling(Verdict.WRONG, outcome.error)
    test, reason = next(pair for pair, lack in zip(outcome.failed, lacking, strict=True) if not lack)
    return Ruling(Verdict.WRONG, f"{test}: {reason}")
