"""Sources of problems: files, and the built-in generator.

>>> from itertools import islice
>>> from redraft.store.sources.reader import read
>>> [problem.level for problem in islice(read("builtin:levels=1-3"), 3)]
[1, 2, 3]
"""

from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path

from msgspec.structs import replace

from redraft.store.errors import ColumnError, SourceError
from redraft.store.problems import Problem
from redraft.store.sources.columns import columns_of
from redraft.store.sources.fields import Place
from redraft.store.sources.files import rows, unpacked
from redraft.store.sources.hub import PREFIX, hub_source
from redraft.store.sources.problem import SourceNotes, problem
from redraft.store.sources.split import named

Bad = Callable[[SourceError], None]


def read(
    source: str | Path,
    *,
    question: str | None = None,
    answer: str | None = None,
    split: str | None = None,
    skip_bad: bool = False,
    bad: Bad | None = None,
    limit: int | None = None,
    notes: SourceNotes | None = None,
) -> Iterator[Problem]:
    """Yields the problems of a source: a file (.jsonl, .json, .csv, .tsv, .parquet), a data set of the Hugging Face Hub
    ("hf:owner/name:config:split"), or the built-in generator, which never ends. The generator's source is "builtin" or,
    with options, "builtin:levels=1-3,split=heldout,seed=7"; its split is `train` if no option sets it.

    `question` and `answer` name the columns if they have unusual names; several names are separated by commas. `split`
    is the split of all problems. If it is None, the split comes from the row's column `split`, or else from the file's
    name, as in gsm8k_test.jsonl, or from the Hub's split.

    Raises SourceError, whose message is one line, if the file can't be read, and for its first bad row. With
    `skip_bad`, bad rows are skipped, and `bad` is called with the error of each. `notes` counts what a user should know
    about the rows, such as questions with a picture.
    """
    if str(source).partition(":")[0] == "builtin":
        found = _builtin(str(source).partition(":")[2], split)
    else:
        report = bad or _ignore if skip_bad else None
        there = rows(source, cure="check the name, or use the built-in problems with 'builtin'")
        found = _file(source, there, split, report, notes or SourceNotes(), question=question, answer=answer)
    return islice(found, limit)


def _file(
    file: str | Path,
    found: Iterator[Place],
    split: str | None,
    bad: Bad | None,
    notes: SourceNotes,
    **columns: str | None,
) -> Iterator[Problem]:
    """Yields the problems of a file's rows. A row that repeats a question and its answer is counted and skipped. If
    `bad` is given, it is called with the error of each bad row; otherwise the first error is raised."""
    source, usual = name_and_split(file)
    asked: dict[str, tuple[str, str | None]] = {}  # the position and the answer of each question
    ids: dict[str, str] = {}
    good = 0
    last = SourceError("it holds no rows")
    for place, row in found:
        try:
            if isinstance(row, SourceError):
                raise row
            item = problem(row, source=source, split=split, notes=notes, **columns)
            earlier, answer = asked.setdefault(item.question, (place, item.answer))
            if earlier != place and (answer == item.answer or columns_of(tuple(row), **columns).layout.repeats):
                notes.repeats += 1
                continue
            if earlier != place:
                raise SourceError(f"the same question as {earlier}, with another answer")
            if (earlier := ids.setdefault(item.problem_id, place)) != place:
                raise SourceError(f"the same id as {earlier}")
        except SourceError as error:
            last = SourceError(f"{file}, {place}: {error}")
            if bad is None and isinstance(error, ColumnError) and not good:
                raise last from error
            if bad is None:
                raise SourceError(f"{last}: mend it, or leave out such rows with --skip-bad") from error
            bad(last)
            continue
        good += 1
        yield item if item.split else replace(item, split=usual)
    if not good:
        raise SourceError(f"{file}: no problem in it ({last})")


def name_and_split(file: str | Path) -> tuple[str, str | None]:
    """Returns a pair: the name of a source, and the split of each problem whose row names no split (None if
    the source names none either)."""
    if str(file).startswith(PREFIX):
        name, config, split = hub_source(str(file))
        return f"{name}:{config}" if config else name, split.partition("[")[0]
    stem = unpacked(Path(file)).stem
    return stem, named(stem)


def _ignore(_: SourceError) -> None:
    return None


def _builtin(settings: str, split: str | None) -> Iterator[Problem]:
    from redraft.store.sources.wordproblems import problems

    pairs = [part.partition("=") for part in settings.split(",") if part]
    given = {name: value for name, _, value in pairs}
    if unknown := given.keys() - {"levels", "split", "seed"}:
        raise SourceError(f"builtin has no setting {min(unknown)!r}; it has levels, split, seed")
    try:
        low, _, high = given.get("levels", "1-4").partition("-")
        levels = range(int(low), int(high or low) + 1)
        found = problems(split=given.get("split") or split or "train", levels=levels, seed=int(given.get("seed", "0")))
        return chain([next(found)], found)
    except ValueError as error:
        raise SourceError(f"builtin:{settings}: {error}: write it as builtin:levels=1-3,split=train,seed=0") from error
