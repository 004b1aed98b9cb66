"""The demonstration: a small model drafts, its drafts are graded, and it redrafts. Then SQL queries read the results,
and the right drafts are exported."""

import asyncio
import shutil
import sys
from pathlib import Path

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from redraft.agents.build import load
from redraft.agents.policies.policy import whole
from redraft.flows.display.progress import Lines, Plan, Progress, Silent
from redraft.flows.display.progress_bar import Terminal
from redraft.flows.display.sql_table import table
from redraft.flows.display.trajectory import LEGEND, heading, turn
from redraft.flows.export import export
from redraft.flows.generation.job import Job
from redraft.flows.generation.problems import problems
from redraft.flows.settings import Selection, Settings
from redraft.flows.summary.report import render
from redraft.flows.summary.summary_reader import summarise_job
from redraft.graders.oracle import oracle
from redraft.store.errors import StoreError, plural
from redraft.store.problems import Keyring, Problem
from redraft.store.tables.store import Store
from redraft.store.trajectory import Trajectory, Verdict
from redraft.store.unit import Unit
from redraft.store.waiting import off_loop

SHOWN = 3  # how many problems are shown in full after the first draft


async def demo(folder: Path, console: Console, *, limit: int = 40, samples: int = 8, seed: int = 0) -> None:
    """Runs the demonstration and writes its files to a folder. Files of an earlier demonstration in the folder are
    replaced. Raises StoreError."""
    db, rows = fresh(folder)
    arguments = {"feedback": "oracle", "turns": 2}
    # Click has validated the values. Validation of the other settings by Pydantic would delay the first draft.
    settings = Settings(arguments=arguments, samples=samples, seed=seed, concurrency=samples * 2)
    store = await off_loop(Store, db)
    progress = Showing(console)
    job = Job(problems(SOURCE, Silent(), Selection(limit=limit)), settings, store, progress, source=SOURCE)
    try:
        await first_draft(job, console)
        await asyncio.to_thread(load, "correct")
        run_id = await job.run()
    finally:
        await job.close()
    section(
        console,
        "What came of it",
        f"{plural(limit, 'problem')}, {plural(samples, 'independent sample')} each, one redraft",
    )
    console.print(render(await off_loop(summarise_job, job, run_id)))
    section(console, "Ask it in SQL", f"redraft query --db {db} '...'")
    for sql in QUESTIONS:
        console.print(Text(sql, style="cyan"))
        console.print(Padding(table(await off_loop(store.query, sql), console.width), (0, 0, 1, 2)))
    section(console, "Export what is right", f"redraft export --db {db} --include-heldout {rows}")
    console.print(FOR_SHOW)
    exported = await export(rows, db=store, include_heldout=True)
    dropped = ", ".join(f"{count} {reason}" for reason, count in exported.dropped.items())
    console.print(f"{plural(exported.kept, 'row')} kept; dropped: {dropped}. The first row:")
    with rows.open(encoding="utf-8") as lines:
        console.print(Text(next(lines, "").strip(), style="dim"))
    section(console, "Where everything is", "")
    console.print(_places(db, rows))


async def first_draft(job: Job, console: Console) -> None:
    """Samples the drafts of the first problem, and shows the first draft with its grades. The run that follows finds
    the drafts in the journal and does not sample them again."""
    problem = next(iter(job.problems.values()))
    job.journal.claim([job.unit(problem)])
    paths = await whole(job.client)(Trajectory(problem.ask(job.unit(problem))), job.settings.samples)
    [grade, *_] = await oracle(Keyring({problem.problem_id: problem.answer}))(paths[:1])
    console.print(heading("problem 1", problem))
    console.print(turn(paths[0], 1, grade.verdict, problem.answer))
    console.print(Text(f"\n{LEGEND}\n", style="dim"))


def fresh(folder: Path) -> tuple[Path, Path]:
    """Deletes the files of an earlier demonstration. Returns a pair of the paths of the database and of the exported
    rows. Raises StoreError."""
    db, rows = folder / "demo.duckdb", folder / "demo.sft.jsonl"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in (db, rows, Path(f"{db}.wal")):
            file.unlink(missing_ok=True)
        shutil.rmtree(f"{db}.journal", ignore_errors=True)
    except OSError as error:
        raise StoreError(f"{folder} can't be written: {error.strerror}: name another with --folder") from error
    return db, rows


class Showing:
    """A Progress that shows a few problems in full, and all other problems as a bar or as lines."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rest: Progress = Terminal(console) if console.is_terminal else Lines(sys.stdout)
        self._shown = 0

    def begin(self, plan: Plan) -> None:
        self._rest.begin(plan)

    def draft(self, problem: Problem, trajectory: Trajectory) -> None: ...

    def unit(self, problem: Problem, unit: Unit) -> None:
        path = _telling(unit) if self._shown < SHOWN else None
        if path is not None:
            self._shown += 1
            self._console.print(_whole(problem, path, unit))
        self._rest.unit(problem, unit)

    def say(self, text: str) -> None:
        self._rest.say(text)

    def end(self, status: str) -> None:
        self._rest.end(status)


def section(console: Console, title: str, note: str) -> None:
    """Prints a heading between two parts of the demonstration."""
    console.print()
    console.rule(Text.assemble((title, "bold cyan"), (f"  {note}" if note else "", "dim")), align="left", style="cyan")


def _verdicts(unit: Unit) -> dict[tuple[str, int], Verdict | None]:
    return {(g.trajectory_id, g.turn): g.verdict for g in unit.grades if g.grader == "oracle"}


def _telling(unit: Unit) -> Trajectory | None:
    """Returns a trajectory whose redraft is right, otherwise any trajectory with a redraft, or None if there is no
    redraft."""
    known = _verdicts(unit)
    redrafted = [path for path in unit.trajectories if path.turn > 1]
    mended = [path for path in redrafted if known.get((path.trajectory_id, path.turn)) is Verdict.RIGHT]
    return next(iter([*mended, *redrafted]), None)


def _whole(problem: Problem, path: Trajectory, unit: Unit) -> Group:
    known, paths = _verdicts(unit), unit.trajectories
    right = sum(known.get((other.trajectory_id, 1)) is Verdict.RIGHT for other in paths)
    drafts = [
        turn(path, number, known.get((path.trajectory_id, number)), problem.answer)
        for number in range(1, path.turn + 1)
    ]
    name = f"sample {path.sample + 1} of {len(paths)} ({right} right at once)"
    return Group(heading(name, problem), *drafts, Text())


def _places(db: Path, rows: Path) -> Table:
    places = Table.grid(padding=(0, 2))
    places.add_column(no_wrap=True)
    places.add_row(Text(str(db), style="bold"), "problems, steps, trajectories, grades and calls, in DuckDB")
    places.add_row(Text(str(rows), style="bold"), "training rows: TRL's prompt and completion")
    places.add_row()
    for command, what in (*_activation(), *NEXT):
        places.add_row(Text(command.format(db=db), style="cyan"), what)
    return places


def _activation() -> list[tuple[str, str]]:
    """Returns a list with the shell command that puts `redraft` on the PATH, and its explanation. The list is empty if
    `redraft` is already on the PATH, or if this Python is not in a virtual environment."""
    if shutil.which("redraft") or sys.prefix == sys.base_prefix:
        return []
    return [(f"source {Path(sys.prefix) / 'bin' / 'activate'}", "first: makes redraft a command of this shell")]


SOURCE = "builtin:split=heldout"

FOR_SHOW = (
    "These problems are held out, so that figures on them are honest: an export leaves them out, and takes them here"
    " for show only. `redraft generate` draws others, of the training split, to train on.\n"
)

QUESTIONS = (
    "SELECT k, round(pass_at_k, 3) AS pass_at_k FROM pass_at_k WHERE draft = 'first'",
    "SELECT turn, drafted, round(accuracy, 3) AS accuracy, wrong_to_right FROM corrections",
    """SELECT level, count(*) AS samples, round(avg(correct::INT), 2) AS correct
FROM samples JOIN problems USING (problem_id) GROUP BY level ORDER BY level""",
)

NEXT = (
    ("redraft query --db {db} 'FROM costs'", "any question of your own"),
    ("redraft solve 'QUESTION'", "one question, step by step"),
    ("redraft generate FILE --model NAME", "your problems, any model"),
    ("redraft doctor --db {db}", "what is installed, what the store holds"),
)
