"""Reads the problems that a stage takes from a source."""

from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

from redraft.flows.display.progress import Progress
from redraft.flows.settings import Selection
from redraft.store.errors import SourceError
from redraft.store.problems import Problem
from redraft.store.sources.read import read

BUILTIN_LIMIT = 40
"""Problems that are taken of the built-in source, which never ends, if no limit is given."""

MOST_SHOWN = 5  # bad rows


def problems(
    source: str | Path | Iterable[Problem],
    progress: Progress,
    selection: Selection = Selection(),  # noqa: B008 - frozen
    *,
    split: str = "train",
    fit: Callable[[Problem], bool] = lambda problem: True,
) -> list[Problem]:
    """Returns the selected problems of a source for which `fit` is true. All rows are read before a model is called, so
    that a bad row costs nothing. `split` is the split of the built-in problems if the source names no split. Raises
    SourceError."""
    limit = selection.limit
    if not isinstance(source, str | Path):
        return list(islice(filter(fit, map(_problem, source)), limit))
    builtin = str(source).partition(":")[0] == "builtin"
    if limit is None and builtin:
        limit = BUILTIN_LIMIT
    bad: list[SourceError] = []
    found = read(
        source,
        question=selection.question_column,
        answer=selection.answer_column,
        split=split if builtin else None,
        skip_bad=selection.skip_bad,
        bad=bad.append,
    )
    found = list(islice(filter(fit, found), limit))
    for error in bad[:MOST_SHOWN]:
        progress.say(f"left out: {error}")
    if len(bad) > MOST_SHOWN:
        progress.say(f"left out: {len(bad) - MOST_SHOWN} more bad rows")
    if found and all(problem.answer is None for problem in found):
        progress.say("no problem has a known answer: if a column holds it, name the column with --answer-column")
    return found


def _problem(given: object) -> Problem:
    """Returns what is given if it is a Problem. Raises SourceError."""
    if isinstance(given, Problem):
        return given
    shown = " ".join(repr(given).split())[:60]
    raise SourceError(
        f"the source has a {type(given).__name__}, {shown}: give a file, or Problems from redraft.store, such as"
        " Problem('What is 1 + 1?', '2')"
    )
