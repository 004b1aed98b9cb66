"""Reads the problems that a stage takes from a source."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from redraft.flows.display.progress import Progress
from redraft.flows.settings import DB, Selection
from redraft.llm.model import Model
from redraft.store.errors import SourceError, plural
from redraft.store.problems import Problem
from redraft.store.sources.fields import HALF, SURROGATE
from redraft.store.sources.problem import SourceNotes
from redraft.store.sources.questions import NAME as AUGMENTED
from redraft.store.sources.questions import augmented
from redraft.store.sources.reader import read
from redraft.store.tables.store import Store

BUILTIN_LIMIT = 40
"""The number of problems from the built-in source, which is endless, if no limit is given."""

MOST_SHOWN = 5  # maximum number of invalid rows in a message


def problems(
    source: str | Path | Iterable[Problem],
    progress: Progress,
    selection: Selection = Selection(),  # noqa: B008 - frozen
    *,
    db: str | Path | Store = DB,
    split: str = "train",
    fit: Callable[[Problem], bool] = lambda problem: True,
) -> list[Problem]:
    """Returns the selected problems of a source for which `fit` returns True. All rows are read before a model is
    called, so an invalid row costs nothing. `db` is the store of the source `augmented`. `split` is the split of the
    built-in problems if the source names no split. Raises SourceError, and StoreError if that store does not exist."""
    limit = selection.limit
    if not isinstance(source, str | Path):
        return list(islice(filter(fit, map(_problem, source)), limit))
    if str(source).partition(":")[0] == AUGMENTED:
        return list(islice(filter(fit, augmented(str(source), db)), limit))
    builtin = str(source).partition(":")[0] == "builtin"
    if limit is None and builtin:
        limit = BUILTIN_LIMIT
    bad: list[SourceError] = []
    notes = SourceNotes()
    found = read(
        source,
        question=selection.question_column,
        answer=selection.answer_column,
        split=split if builtin else None,
        skip_bad=selection.skip_bad,
        bad=bad.append,
        notes=notes,
    )
    found = list(islice(filter(fit, found), limit))
    for error in bad[:MOST_SHOWN]:
        progress.say(f"left out: {error}")
    if len(bad) > MOST_SHOWN:
        progress.say(f"left out: {len(bad) - MOST_SHOWN} more bad rows")
    for line in _remarks(found, notes):
        progress.say(line)
    return found


def _remarks(found: Sequence[Problem], notes: SourceNotes) -> Iterator[str]:
    """Yields lines about data that the problems lack, so that the user can add it before a model is paid for."""
    lacking = [problem for problem in found if problem.answer is None]
    if found and len(lacking) == len(found):
        columns = f" among the columns {', '.join(map(str, notes.columns))}" if notes.columns else ""
        yield f"no problem has a known answer{columns}: if a column holds it, name the column with --answer-column"
    elif lacking:
        reasons = Counter(str(problem.meta.get("no_answer", "nothing")) for problem in lacking)
        told = ", ".join(f"{reason} ({count:,})" for reason, count in reasons.most_common(MOST_SHOWN))
        yield f"{len(lacking):,} of {plural(len(found), 'problem')} have no known answer; in its place: {told}"
    for column, count in notes.left_out.items():
        yield (
            f"{plural(count, 'question')} without the text of the column {column!r}: if it belongs to the question,"
            f" name all columns of the question, as in --question-column {column},question"
        )
    if notes.pictures:
        yield f"{plural(notes.pictures, 'question')} with a picture, which no model is shown"
    if notes.repeats:
        yield f"{plural(notes.repeats, 'row')} with the question of an earlier row: the first of each counts"


def _problem(given: object) -> Problem:
    """Returns `given` if it is a Problem whose texts can be stored. Raises SourceError otherwise."""
    if isinstance(given, Problem):
        for name in ("problem_id", "question", "answer", "source", "split", "subject"):
            if SURROGATE.search(getattr(given, name) or ""):
                raise SourceError(f"the {name} of a problem holds {HALF}: mend the text")
        return given
    shown = " ".join(repr(given).split())[:60]
    raise SourceError(
        f"the source has a {type(given).__name__}, {shown}: give a file, or Problems from redraft.store, such as"
        " Problem('What is 1 + 1?', '2')"
    )


def say_untrained(model: Model, found: Iterable[Problem], progress: Progress) -> None:
    """Prints a note if the model was trained only on problems of other sources, as the embedded model was."""
    known = getattr(model, "sources", ())
    if known and any(problem.source not in known for problem in found):
        named = ", ".join(known)
        progress.say(f"the {model.name} model was trained on {named} problems alone: expect little of it here")
