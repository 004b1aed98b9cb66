"""Measures folder stores with many writers or with many rows: `python bench/scale/folder.py writers|rows FOLDER`.

`writers` starts processes that publish units at the same time, 1,000 rows per batch. It prints the rows per second of
wall time and of processor time, and the errors. It fails unless every unit is stored exactly once. FOLDER may also be
a DuckLake, as in `"ducklake:postgres:dbname=redraft data_path=lake"`.

`rows` makes a store of narrow rows (drafts without texts) and queries the accuracy of each run, pass@4 of all problems,
and the drafts of one problem, as `redraft query` does. It prints the seconds and the peak memory.
"""

import argparse
import os
import resource
import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from redraft.store import Grade, Question, Role, Stop, Store, Trajectory, Verdict
from redraft.store.ducklake.address import is_ducklake
from redraft.store.lake.folder import Folder, open_folder
from redraft.store.lake.log import Entry, Log
from redraft.store.lake.segments import NewSegment
from redraft.store.lake.template import template
from redraft.store.unit import Unit, unit_id

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
DRAFTS = 33  # drafts per unit, each with a step and a grade; a unit has 100 rows with its commit
DRAFTS_OF_A_PROBLEM = 100
RUNS = 4


def unit(number: int) -> Unit:
    """Returns a unit of 100 rows."""
    own = unit_id("r", f"p{number}", "")
    question = Question(f"p{number}", "What is it?", unit=own)
    text = f"First {number} + {number} = {2 * number}. Then it is halved.\n\\boxed{{{number}}}"
    starts = [Trajectory(question, sample=n, role=Role.SAMPLE, stop=Stop.ANSWERED, answer="1") for n in range(DRAFTS)]
    drafts = [start.grow(text, n, tokens=30, final=True) for n, start in enumerate(starts)]
    grades = tuple(Grade("oracle", draft.trajectory_id, 1, None, Verdict.RIGHT) for draft in drafts)
    return Unit(own, "run", "r", f"p{number}", "", 1, DRAFTS, "done", tuple(drafts), grades, (), NOON, NOON)


def write(folder: str, numbers: range) -> None:
    """Publishes units in batches of ten; the child processes run this. Exits with code 1 after an error."""
    units = [unit(number) for number in numbers]
    with Store(folder) as store:
        start = time.process_time()
        for at in range(0, len(units), 10):
            store.publish(units[at : at + 10])
    click.echo(f"  {len(units):,} units: {time.process_time() - start:.2f} s of processor time")


def writers(name: str, processes: int, batches: int) -> None:
    """Measures processes that write at the same time."""
    Store(name).query("FROM runs")
    start = time.perf_counter()
    children = []
    for place in range(processes):
        if child := os.fork():
            children.append(child)
            continue
        write(name, range(place * batches * 10, (place + 1) * batches * 10))
        os._exit(0)
    failed = sum(os.waitpid(child, 0)[1] != 0 for child in children)
    took = time.perf_counter() - start
    rows = 1000 * batches * processes
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = spent.ru_utime + spent.ru_stime
    click.echo(f"{processes} writers, {rows:,} rows: {rows / took:,.0f} rows a second, {failed} errors")
    click.echo(f"{rows / processor:,.0f} rows a second of processor time, making the units included")
    counted = Store(name).query("SELECT count(*), count(DISTINCT unit_id), count(DISTINCT commit_id) FROM raw.commits")
    expected = rows // 100
    if counted.rows != [(expected, expected, expected)] or failed:
        sys.exit(f"units are lost or doubled: {counted.rows}, not {expected}")


def rows(folder: Path, problems: int) -> None:
    """Measures queries over many narrow rows."""
    if not folder.exists():
        make(folder, problems)
    for name, sql in QUESTIONS.items():
        store = Store(folder, create=False)
        with store.held(read_only=True):
            before, start = time.process_time(), time.perf_counter()
            found = store.query(sql)
            took, spent = time.perf_counter() - start, time.process_time() - before
        click.echo(f"{name}: {took:.2f} s, {spent:.2f} s of processor time, {len(found.rows)} rows, {found.rows[0]}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    click.echo(f"peak memory {peak:.2f} GB")


def make(folder: Path, problems: int) -> None:
    """Makes the store with 16 segments."""
    import duckdb

    place: Folder = open_folder(str(folder), create=True)[0]
    log = Log(place)
    parts = 16
    with duckdb.connect(":memory:", config={"threads": 2, "memory_limit": "4GB"}) as connection:
        for part in range(parts):
            segment = NewSegment(place)
            span = {"first": problems * part // parts, "end": problems * (part + 1) // parts, "problems": problems}
            for table, select in MADE.items():
                columns = template().tables[table]
                given = connection.execute(f"DESCRIBE {select.format(**span)}").fetchall()
                known = {name for name, *_ in given}
                picks = ", ".join(
                    f'"{name}"::{kind} AS "{name}"' if name in known else f'NULL::{kind} AS "{name}"'
                    for name, kind in columns.items()
                )
                segment.copy(connection, table, f"SELECT {picks} FROM ({select.format(**span)})")
            written = segment.finish()
            assert written is not None
            log.put(Entry(add=(written,)), log.read())
    size = sum(segment.size for segment in log.read().live.values()) / 2**20
    click.echo(f"{problems * DRAFTS_OF_A_PROBLEM:,} drafts of {problems:,} problems, {size:,.0f} MB")


OWN = f"printf('%016x', i) AS unit_id, 'p' || i AS problem_id, 'run' || (i * {RUNS} // {{problems}}) AS run_id"
MADE = {
    "commits": f"""
        SELECT i AS commit_id, {OWN}, 1 AS attempt, 'r' || (i * {RUNS} // {{problems}}) AS recipe, '' AS replicate,
               {DRAFTS_OF_A_PROBLEM} AS samples, 'done' AS status, TIMESTAMP '2026-01-02' AS published_at
        FROM range({{first}}, {{end}}) r(i)""",
    "run_events": f"""
        SELECT DISTINCT 'run' || n AS run_id, 'started' AS event, TIMESTAMP '2026-01-02' AS happened_at,
               'generate' AS stage, 'r' || n AS recipe, 'best_of_n' AS strategy, 'made' AS model, '{{{{}}}}' AS config
        FROM range({RUNS}) r(n) WHERE {{first}} = 0""",
    "turns": f"""
        SELECT i AS commit_id, hash(i, s) AS path_id, printf('%016x', i) || '/' || s AS trajectory_id, 1 AS turn,
               1 AS turns, s AS sample, 'sample' AS role, true AS chosen, false AS oracle_used, 'answered' AS ended,
               30 AS path_tokens, ((hash(i, s) % 100)::INTEGER)::VARCHAR AS answer, 'answered' AS stop,
               CASE WHEN hash(s, i) % 100 < 1 + i % 99 THEN 'right' ELSE 'wrong' END AS verdict, 1 AS steps,
               30 AS tokens, 30 AS turn_tokens
        FROM range({{first}}, {{end}}) r(i), range({DRAFTS_OF_A_PROBLEM}) t(s)""",
}
QUESTIONS = {
    "accuracy by run": "SELECT run_id, avg(correct::INTEGER) FROM samples GROUP BY run_id ORDER BY run_id",
    "pass@4": "SELECT recipe, problems, pass_at_k FROM pass_at_k WHERE k = 4 ORDER BY recipe",
    "drafts of one problem": "SELECT trajectory_id, answer, correct FROM trajectories WHERE problem_id = 'p4321'",
}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0] if __doc__ else None)
    parser.add_argument("what", choices=["writers", "rows"])
    parser.add_argument("folder")
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--batches", type=int, default=100)
    parser.add_argument("--problems", type=int, default=1_000_000)
    parser.add_argument("--remove", action="store_true", help="remove the folder first")
    given = parser.parse_args()
    if given.remove:
        shutil.rmtree(given.folder, ignore_errors=True)
    if given.what == "writers":
        name = given.folder if is_ducklake(given.folder) else f"{given.folder}/"
        writers(name, given.processes, given.batches)
    else:
        rows(Path(given.folder), given.problems)
