"""Checks of parts that a user wrote. If such a part returns an object of the wrong type, the error is one line that
names the part and the expected type."""

import inspect
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redraft.agents.critics.critic import Critique
from redraft.agents.feedback.feedback import Remark
from redraft.llm.model import ModelError
from redraft.store.errors import PartError, RedraftError, broken, wrong
from redraft.store.trajectory import Grade, Trajectory


def check_part(noun: str, factory: Callable[..., Any], made: Any) -> Any:
    """Returns a part that a factory made. A part that a user wrote is wrapped, so that the result of each call is
    checked. redraft's own parts are not checked, because redraft's tests do that.

    Raises PartError if the factory returned an object that is not callable.
    """
    if is_shipped(made):
        return made
    part = part_label(noun, factory)
    if inspect.iscoroutine(made):
        made.close()
        raise PartError(f"{part} must not be async itself: write `def`, and return {EXPECTED_CALLABLES[noun]}")
    if not callable(made):
        raise wrong(part, made, f"the function itself must return {EXPECTED_CALLABLES[noun]}")
    return CheckedPart(noun, part, made)


def part_label(noun: str, factory: Callable[..., Any]) -> str:
    """Returns the label of a part for messages, such as "critic 'own.py:mine'". The label includes the file name if a
    user wrote the part."""
    name = getattr(factory, "__name__", repr(factory))
    module = sys.modules.get(getattr(factory, "__module__", ""))
    file = getattr(module, "__file__", None)
    label = f"{Path(file).name}:{name}" if file and not is_shipped(factory) else name
    return f"{noun} {label!r}"


def is_shipped(part: Any) -> bool:
    """Returns True if a part, or the factory that makes it, is one of redraft's own."""
    return (getattr(part, "__module__", None) or "").startswith("redraft.")


@dataclass(frozen=True, slots=True)
class CheckedPart:
    """A wrapper of a user's own part, such as "critic 'mine'", that checks the result of every call. All other
    attributes are those of the part."""

    noun: str
    name: str
    part: Any

    async def __call__(self, *given: Any, **named: Any) -> Any:
        """Returns the part's result. Raises PartError if the result has the wrong type, or if the part raises an
        exception."""
        try:
            coming = self.part(*given, **named)
            if inspect.isawaitable(coming):
                found = await coming
            else:
                wanted = f"it must be {EXPECTED_CALLABLES[self.noun]}"
                raise wrong(self.name, coming, wanted, "is not async: it returned")
        except RedraftError:
            raise
        except Exception as error:
            if type(error).__module__ == "langgraph.errors":  # for example, the interrupt of a part that asks a person
                raise
            at = f" on problem {given[0].problem_id}" if self.noun == "strategy" else ""
            raise broken(self.name, error, at) from error
        if told := MISMATCHES[self.noun](found, given, named):
            raise wrong(self.name, found, f"it must return {told}")
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self.part, name)


def _strategy_mismatch(found: Any, given: Sequence[Any], named: dict[str, Any]) -> str:
    return "" if _is_list_of(found, Trajectory) else "a list of Trajectory, everything that it explored, best first"


def _policy_mismatch(found: Any, given: Sequence[Any], named: dict[str, Any]) -> str:
    n = named["n"] if "n" in named else given[1]
    return "" if _is_list_of(found, Trajectory, n) else f"a list of {n} Trajectory, one for each proposal asked for"


def _grader_mismatch(found: Any, given: Sequence[Any], named: dict[str, Any]) -> str:
    n = len(given[0])
    if not _is_list_of(found, Grade, n):
        return f"a list of {n} Grade, one for each draft that it was given"
    return "" if all(map(_has_valid_value, found)) else "grades whose value is a finite number, or None with a reason"


def _has_valid_value(grade: Grade) -> bool:
    value: Any = grade.value
    return value is None or (isinstance(value, int | float) and math.isfinite(value))


def _critic_mismatch(found: Any, given: Sequence[Any], named: dict[str, Any]) -> str:
    return "" if isinstance(found, Critique) else "a Critique, as Critique(Opinion.GO_ON)"


def _feedback_mismatch(found: Any, given: Sequence[Any], named: dict[str, Any]) -> str:
    n = len(given[0])
    fits = _is_list_of(found, (Remark, ModelError, type(None)), n)
    return "" if fits else f"a list of {n} Remark or None, one for each draft that it was given"


def _is_list_of(found: Any, kind: type | tuple[type, ...], n: int | None = None) -> bool:
    """Returns True if `found` is a list of objects of this type, and has `n` items if `n` is given."""
    return isinstance(found, list | tuple) and n in (None, len(found)) and all(isinstance(one, kind) for one in found)


MISMATCHES = {
    "strategy": _strategy_mismatch,
    "policy": _policy_mismatch,
    "grader": _grader_mismatch,
    "critic": _critic_mismatch,
    "feedback": _feedback_mismatch,
}
"""For each kind of part, a function of a part's result. It returns a description of what the part must return, or "" if
the result is right."""

EXPECTED_CALLABLES = {
    "strategy": "`async def solve(question)`, which returns a list of Trajectory",
    "policy": "`async def propose(trajectory, n, first=0)`, which returns a list of n Trajectory",
    "grader": "`async def grade(trajectories)`, which returns a list of Grade",
    "critic": "`async def critique(trajectory)`, which returns a Critique",
    "feedback": "`async def remark(trajectories)`, which returns a list of Remark or None",
}
