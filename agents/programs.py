"""Trying a program on tests, for those who may see them."""

from collections.abc import Sequence

from redraft.graders.sandbox import SandboxError, lacks, run
from redraft.llm.model import ModelError
from redraft.store.errors import PartError


async def failure(code: str | None, tests: Sequence[str], limit_s: float) -> str | None:
    """How a program fails, a line for each test that does; None where all hold, or only the sandbox lacks something.
    Raises ModelError for tests that are no Python, and PartError where nothing can be run."""
    if not code:
        return "There is no program in it."
    try:
        outcome = await run(code, tests="\n".join(tests), limit_s=limit_s)
    except SandboxError as error:
        raise PartError(str(error)) from error
    if outcome.unreadable:
        raise ModelError(f"The tests are no Python ({outcome.unreadable}): write others.")
    if outcome.error:
        return None if lacks(outcome.error) else outcome.error
    failed = [f"{test}: {reason}" for test, reason in outcome.failed if not lacks(reason)]
    return "\n".join(failed) or None
