"""Reads OpenR1-Math (Open R1, 2025). Each problem has several generations of a reasoning model, with verdicts."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from redraft.flows.readers.fields import needed, optional, texts
from redraft.flows.readers.reader import Context, Dropped, Imported, problem_of, told, written
from redraft.store.errors import SourceError, plural
from redraft.store.trajectory import Stop, Trajectory

JUDGE = "Llama-3.3-70B-Instruct"
VERDICTS = {"correctness_math_verify": ("math_verify", None), "correctness_llama": ("judge", JUDGE)}
"""The grader and its model for each column of verdicts."""


def openr1(row: Mapping[str, Any], context: Context) -> Imported:
    """Returns each generation of a row as a draft with one step. The verdicts on it become a grade by `math_verify`,
    and a grade by `judge` whose model is the Llama model that judged. A generation that was cut off has the stop
    `length`.

    Raises Dropped for a row without generations. Raises SourceError for a row in any other form.
    """
    drafts = texts(row, "generations")
    if not drafts:
        raise Dropped("no generations")
    solution = optional(row, "solution", str)
    problem = problem_of(context, needed(row, "problem", str), row.get("answer"), solution=solution)
    found = Imported(problem)
    verdicts = {column: _each(row, column, bool, len(drafts)) for column in VERDICTS}
    complete = _each(row, "is_reasoning_complete", bool, len(drafts))
    reasons = _each(row, "finish_reasons", str, len(drafts))
    for number, text in enumerate(drafts):
        path: Trajectory = written(problem.ask(context.unit), [text], sibling=number)
        cut = complete[number] is False or reasons[number] == "length"
        path = replace(path, sample=number, stop=Stop.LENGTH if cut else path.stop)
        given = [(by, model, verdicts[column][number]) for column, (by, model) in VERDICTS.items()]
        found.add(path, *(told(verdict, model, by) for by, model, verdict in given if verdict is not None))
    return found


def _each(row: Mapping[str, Any], column: str, kind: type, count: int) -> list[Any]:
    """Returns a column that has a value or null for each generation. If the row lacks the column, returns a list of
    None."""
    values: list[Any] = optional(row, column, list) or [None] * count
    if len(values) != count:
        raise SourceError(f"{column} has {plural(len(values), 'value')} for {plural(count, 'generation')}")
    for number, value in enumerate(values):
        optional({f"{column}[{number}]": value}, f"{column}[{number}]", kind)
    return values
