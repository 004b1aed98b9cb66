"""Validates filters that a user wrote: if such a filter raises an exception or returns a wrong type, the stage ends
with a message of one line."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from redraft.agents.validation import is_shipped, part_label
from redraft.flows.filters.filter import Filter, ProblemFilter
from redraft.flows.filters.sifting.candidates import Candidate
from redraft.store.errors import RedraftError, broken, wrong


def checked_filter(factory: Callable[..., Filter], values: Mapping[str, Any]) -> Filter:
    """Returns the filter that a factory makes with these arguments. Raises PartError if the result is not callable. The
    filter itself raises PartError if it raises an exception, or if it returns neither None nor a string."""
    part, made = make_part("filter", factory, values)
    if isinstance(made, ProblemFilter) and not is_shipped(made.judge):
        return _checked_problem_filter(part, made)
    if is_shipped(made):
        return made
    if not callable(made):
        raise wrong(part, made, "the function itself must return `def check(candidate)`")

    def check(candidate: Candidate) -> str | None:
        reason = call_part(part, made, candidate)
        if reason is not None and not isinstance(reason, str):
            raise wrong(part, reason, "it must return None to keep a draft, or a text that says why it drops the draft")
        return reason

    return check


def _checked_problem_filter(part: str, made: ProblemFilter) -> ProblemFilter:
    def check(candidates: Sequence[Candidate]) -> list[str | None]:
        reasons = call_part(part, made.judge, candidates)
        told = isinstance(reasons, list | tuple) and len(reasons) == len(candidates)
        if not told or not all(reason is None or isinstance(reason, str) for reason in reasons):
            raise wrong(part, reasons, f"it must return a list of {len(candidates)} reasons, each None or a text")
        return list(reasons)

    return ProblemFilter(check)


def make_part(noun: str, factory: Callable[..., Any], values: Mapping[str, Any]) -> tuple[str, Any]:
    """Returns a pair: the name of a part for messages, and the part that its factory makes. Raises PartError if the
    factory raises an exception."""
    part = part_label(noun, factory)
    return part, factory(**values) if is_shipped(factory) else call_part(part, partial(factory, **values))


def call_part(part: str, function: Callable[..., Any], *given: Any) -> Any:
    """Calls a function and returns its value. Raises PartError if the function raises an exception."""
    try:
        return function(*given)
    except RedraftError:
        raise
    except Exception as error:
        raise broken(part, error) from error
