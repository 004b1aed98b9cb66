"""`redraft grade`: compares one reply, or a file of replies, with the answer key."""

import os
import sys
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redraft.flows.cli import options

if TYPE_CHECKING:
    from redraft.graders.answers.checker import Checker
    from redraft.graders.answers.task import Task
    from redraft.graders.grade import Graded

EXIT_CODES = {"right": 0, "wrong": 1, "undecided": 3}
"""The exit codes for one reply, by verdict. In all commands, 2 is a user's mistake."""


@click.command()
@click.argument("reply", metavar="REPLY|FILE")
@options.option(
    "answer", "The known answer to REPLY; for code, its tests. Without it, a FILE is graded.", metavar="KEY"
)
@options.option(
    "kind",
    "The kind of answer, which decides how it is read and compared. The rows of a FILE may name other kinds.",
    type=click.Choice(["math", "choice", "text", "code"]),
    default="math",
)
@options.option(
    "choices",
    'The choices of the question, as in \'["red", "blue"]\' or "A) red B) blue". KEY is one of them.',
    metavar="TEXT",
)
@options.SANDBOX
@options.JSON
def grade(reply: str, answer: str | None, kind: str, choices: str | None, sandbox: str, json: bool) -> int:
    """Print whether replies are right, by their known answers.

    With --answer, REPLY is the text of one reply, and the exit code is 0 for right, 1 for wrong, 3 for undecided.
    Without --answer, FILE has a reply in each row, with the columns `reply` and `answer`, and optionally `kind` and
    `choices`; the exit code is 0 if all rows were graded. With --json, each row is printed as a line of JSON with
    `extracted`, `verdict` and `reason` added. `-` is standard input. docs/oracle.md defines what counts as equal.
    """
    checker = _checker(sandbox)
    if answer is None and choices:
        raise click.UsageError("--choices belong to one reply: give its key with --answer, or each row its choices")
    if answer is None:
        _grade_file(reply, kind, json, checker)
        return 0
    from redraft.graders.grade import grade as graded

    found = graded(sys.stdin.read() if reply == "-" else reply, answer, kind, choices, checker=checker)
    if json:
        click.echo(_line({}, found))
    else:
        told = [found.extracted and f": {found.extracted}", found.reason and f" ({found.reason})"]
        click.echo(found.verdict + "".join(filter(None, told)))
    return EXIT_CODES[found.verdict]


def _checker(sandbox: str) -> "Checker | None":
    """Returns a checker whose programs run in this sandbox. Returns None for the default sandbox."""
    if sandbox == "monty":
        return None
    from redraft.graders.answers.checker import Checker
    from redraft.graders.grade import MOST_WORKERS
    from redraft.graders.programs.sandbox import Sandbox

    workers = min(os.cpu_count() or 1, MOST_WORKERS)
    return Checker(workers=workers, sandbox=Sandbox(workers, "cpython"))


def _grade_file(name: str, kind: str, json: bool, checker: "Checker | None") -> None:
    from redraft.flows.cli.signals import Stopped
    from redraft.graders.grade import grade_tasks

    rows: deque[Mapping[str, Any]] = deque()
    counts: Counter[str] = Counter()
    try:
        for found in grade_tasks(_tasks(name, kind, rows), checker):
            counts[found.verdict] += 1
            row = rows.popleft()
            if json:
                click.echo(_line(row, found))
    except KeyboardInterrupt:
        kept = "their lines are printed" if json else "nothing of them is kept"
        click.echo(f"\nredraft: stopped after {_told(counts)}; {kept}", err=True)
        raise Stopped from None
    if not json:
        click.echo(_told(counts))


def _told(counts: Counter[str]) -> str:
    return f"{counts.total():,} graded: {', '.join(f'{counts[verdict]:,} {verdict}' for verdict in EXIT_CODES)}"


def _tasks(name: str, kind: str, rows: deque[Mapping[str, Any]]) -> Iterator["Task"]:
    """Yields a grading task for each row of a file. Each row is also appended to `rows`, so that it can be printed with
    its grade."""
    from redraft.graders.answers.task import GradeError, read_task
    from redraft.store.errors import RedraftError
    from redraft.store.sources import files
    from redraft.store.sources.rows.json_rows import json_lines

    file = "standard input" if name == "-" else name
    cure = "name a file of rows, or give the key of a reply with --answer"
    found = json_lines(Path("/dev/stdin")) if name == "-" else files.rows(name, cure=cure)
    for place, row in found:
        if isinstance(row, RedraftError):
            raise GradeError(f"{file}, {place}: {row}") from row
        try:
            task = read_task(row, kind)
        except RedraftError as error:
            raise GradeError(f"{file}, {place}: {error}") from error
        rows.append(row)
        yield task


def _line(row: Mapping[str, Any], found: "Graded") -> str:
    from redraft.store.json_records import strict

    return strict({**row, "extracted": found.extracted, "verdict": found.verdict, "reason": found.reason})
