"""Reads ProcessBench (Zheng et al. 2024): solutions in steps, in which people marked the first wrong step."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from redraft.flows.readers.fields import needed, optional, texts
from redraft.flows.readers.reader import BAD, GOOD, Context, Dropped, Imported, problem_of, rated, told, written
from redraft.store.errors import SourceError, plural


def process_bench(row: Mapping[str, Any], context: Context) -> Imported:
    """Returns the solution of a row, with a grade by `human`. Steps before the first wrong step are good. Steps after
    it have no value, because nobody rated them. The verdict is only about the final answer.

    Raises Dropped for a row without steps. Raises SourceError for a row in any other form.
    """
    steps, wrong = texts(row, "steps"), needed(row, "label", int)
    if not steps:
        raise Dropped("no steps")
    if not -1 <= wrong < len(steps):
        raise SourceError(
            f"label is {wrong}, and has to be -1 or the number of one of {plural(len(steps), 'step')}, from 0"
        )
    problem = problem_of(context, needed(row, "problem", str), row.get("answer"))
    found = Imported(problem)
    marks = [GOOD] * len(steps) if wrong < 0 else [GOOD] * wrong + [BAD] + [None] * (len(steps) - wrong - 1)
    grade = rated(marks, "human", None, context.neutral)
    correct = optional(row, "final_answer_correct", bool)
    if correct is not None:
        whole = told(correct, None)
        grade = replace(grade, value=whole.value, verdict=whole.verdict, reason=None)
    pieces = [f"{text}{context.separator}" for text in steps[:-1]] + steps[-1:]
    found.add(written(problem.ask(context.unit), pieces), grade)
    return found
