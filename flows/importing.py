"""Imports labelled solutions of other tools or people into the store. A plain async function without Prefect.

from redraft.flows.importing import importing
found = asyncio.run(importing("phase2_train.jsonl", format="prm800k"))
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from redraft.agents.validation import is_shipped, part_label
from redraft.flows.generation.identity import identity
from redraft.flows.readers.reader import SEPARATOR, Context, Dropped, Imported
from redraft.flows.settings import DB
from redraft.graders.rewards.aggregate import Neutral, check
from redraft.store.digest import digest
from redraft.store.errors import RedraftError, SourceError, broken, plural, wrong
from redraft.store.plugins.discovery import load
from redraft.store.sources.files import rows
from redraft.store.sources.reader import name_and_split
from redraft.store.tables.stage_store import opened
from redraft.store.tables.store import Store
from redraft.store.unit import Unit, key_hash
from redraft.store.waiting import Stopped, off_loop, pause

Reader = Callable[[Mapping[str, Any], Context], Imported]
BATCH = 1000


@dataclass(slots=True)
class ImportResult:
    """The numbers of imported rows, of their trajectories and of their steps with labels. `dropped` counts the rows
    that were left out, by reason."""

    db: str
    file: str
    rows: int = 0
    trajectories: int = 0
    steps: int = 0  # steps with a value
    dropped: dict[str, int] = field(default_factory=dict)
    kept: int = 0  # rows in the store
    known: int = 0  # of these rows, those that were in the store before
    judged: int = 0  # trajectories that the oracle graded
    with_key: int = 0  # trajectories whose problem has a known answer
    graders: list[str] = field(default_factory=list)  # the graders of whole drafts

    def drop(self, why: str) -> None:
        """Counts one row that was left out."""
        self.dropped[why] = self.dropped.get(why, 0) + 1

    def add(self, one: Imported) -> None:
        """Counts the solutions of a row."""
        self.rows += 1
        self.trajectories += len(one.paths)
        self.steps += len({step for path, grade in _rated(one) for step in _valued(path, grade)})
        self.judged += len({grade.trajectory_id for grade in one.grades if grade.verdict and grade.grader == "oracle"})
        self.with_key += len(one.paths) if one.problem.answer is not None else 0
        for grade in one.grades:
            if grade.value is not None and grade.grader not in self.graders:
                self.graders.append(grade.grader)

    def notes(self) -> list[str]:
        """Returns a line of advice if the oracle graded no trajectory, because most exports then drop all of them."""
        if self.judged or not self.trajectories:
            return []
        cures = ["judge them by `redraft annotate --grader oracle`"] if self.with_key else []
        for grader in self.graders[:1]:
            cures.append(f'take values of {grader}: --format best_worst --set grader={grader}, or --filter "score'
                         f' grader={grader} least=0.5"')  # fmt: skip
        cures = cures or ["name filters without `correct`, as in --filter length"]
        return [f"the oracle judged none of these drafts, so that sft, dpo and kto drop them: {'; or '.join(cures)}"]


async def importing(
    file: str | Path,
    *,
    format: str | Reader,
    db: str | Path | Store = DB,
    source: str | None = None,
    split: str | None = None,
    neutral: Neutral = "positive",
    separator: str = SEPARATOR,
    limit: int | None = None,
    skip_bad: bool = False,
    say: Callable[[str], None] | None = None,
) -> ImportResult:
    """Imports the solutions of a file (.jsonl, .json, .csv, .tsv, .parquet, .eval), or of a dataset of the Hugging Face
    Hub ("hf:owner/name:split"), with their labels, and returns the counts. Solutions are stored as trajectories, and
    labels as grades of trajectories and steps, in a run of stage "import". A row that is imported several times is
    stored once.

    `format` is the name of a reader in `flows/readers`, or a reader of your own, as path.py:function or as the
    function. `source` is the source of the problems, by default the format's name. `split` is the split of the
    problems, by default the split in the name of the file or the dataset. `neutral` decides how a step with the label
    neutral counts; if the file has a probability for the step, that is stored too. `limit` is the maximum number of
    rows. If the import is cancelled, `say` receives a line about what is kept. Raises SourceError, with the line
    number, for the first invalid row; with `skip_bad`, invalid rows are left out instead. Raises StoreError, and
    PartError for an unknown format.
    """
    check("product", neutral)
    reader: Reader = load(format, "reader")
    name = identity(format) or ""
    split = split or name_and_split(file)[1]
    told = {"source": source or reader.__name__, "split": split, "neutral": neutral, "separator": separator}
    recipe = digest("import", name, told)
    async with opened(db) as store:
        found = ImportResult(store.path, str(file))
        reading = _units(file, reader, told, recipe, found, limit, skip_bad)
        try:
            return await off_loop(_keep, store, reading, found, recipe, name, told)
        except asyncio.CancelledError:
            if say:
                kept = f"{plural(found.kept, 'row')} of {file} are" if found.kept != 1 else f"1 row of {file} is"
                say(f"{kept} kept in {store.path}; the same command goes on")
            raise


def _keep(
    store: Store,
    reading: Iterator[tuple[Imported, str]],
    found: ImportResult,
    recipe: str,
    format: str,
    told: Mapping[str, Any],
) -> ImportResult:
    batch = list(islice(reading, BATCH))
    pause(0)  # an import that is stopped this early leaves no run
    run_id = store.start_run("import", recipe, format, format, {"file": found.file, **told})
    try:
        while batch:
            store.add({one.problem.problem_id: one.problem for one, _ in batch}.values())
            new = store.publish([_unit(one, unit, run_id, recipe) for one, unit in batch])
            found.kept, found.known = found.kept + len(batch), found.known + len(batch) - new
            pause(0)
            batch = list(islice(reading, BATCH))
    except Stopped:
        store.end_run(run_id, "interrupted")
        raise
    except Exception as error:
        store.end_run(run_id, "failed", {"reason": str(error)})
        raise
    store.end_run(run_id, "finished")
    return found


def _units(
    file: str | Path,
    reader: Reader,
    told: Mapping[str, Any],
    recipe: str,
    found: ImportResult,
    limit: int | None,
    skip_bad: bool,
) -> Iterator[tuple[Imported, str]]:
    """Yields pairs of a row that is kept and the id of its unit, which is a hash of the row's content."""
    seen: set[str] = set()
    for number, (place, row) in enumerate(rows(file)):
        if number == limit:
            return
        try:
            if isinstance(row, SourceError):
                raise row
            unit = digest("imported", recipe, row)
            if unit in seen:
                raise Dropped("the same row twice")
            seen.add(unit)
            one = _read(reader, row, Context(unit=unit, **told))
        except Dropped as why:
            found.drop(str(why))
            continue
        except SourceError as error:
            if not skip_bad:
                raise SourceError(
                    f"{file}, {place}: {error}: mend it, or leave such rows out with --skip-bad"
                ) from None
            found.drop("bad row")
            continue
        found.add(one)
        yield one, unit


def _read(reader: Reader, row: Mapping[str, Any], context: Context) -> Imported:
    """Returns the solutions that a reader finds in a row. Raises PartError if a user's own reader raises an unexpected
    exception or returns another type. Dropped and SourceError of the reader are passed on."""
    try:
        found = reader(row, context)
    except (Dropped, RedraftError):
        raise
    except Exception as error:
        if is_shipped(reader):
            raise
        raise broken(part_label("reader", reader), error) from error
    if not isinstance(found, Imported):
        raise wrong(part_label("reader", reader), found, "it must return an Imported")
    return found


def _rated(one: Imported) -> Iterator[tuple[Any, Any]]:
    paths = {path.trajectory_id: path for path in one.paths}
    return ((paths[grade.trajectory_id], grade) for grade in one.grades)


def _valued(path: Any, grade: Any) -> list[str]:
    """Returns the ids of the steps to which a grade gives values."""
    return [
        step.step_id
        for step, value in zip(path.draft(grade.turn), grade.steps, strict=bool(grade.steps))
        if value is not None
    ]


def _unit(one: Imported, unit: str, run_id: str, recipe: str) -> Unit:
    now = datetime.now(UTC)
    return Unit(
        unit_id=unit,
        run_id=run_id,
        recipe=recipe,
        problem_id=one.problem.problem_id,
        replicate="",
        attempt=1,
        samples=1,
        status="done",
        trajectories=tuple(one.paths),
        grades=tuple(one.grades),
        calls=(),
        started_at=now,
        finished_at=now,
        key_hash=key_hash(one.problem),
    )
