"""Grades replies by their keys, for programs without an event loop, such as trainers' reward functions and tests.

>>> from redraft.graders import grade
>>> grade("3 + 4 = 7, so the answer is 7.", "7").value
1.0

The functions may be called from any thread and from forked processes. They block until the result is there. Inside a
running event loop, write `await asyncio.to_thread(grade, reply, answer)`.
"""

import asyncio
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Any

from msgspec import Struct

from redraft.graders.answers.checker import Checker
from redraft.graders.answers.task import GradeError, Task, read_task
from redraft.graders.answers.verify import plain_ruling, verify
from redraft.graders.ruling import VALUES
from redraft.store.errors import RedraftError
from redraft.store.trajectory import Verdict


class Graded(Struct, frozen=True, gc=False):
    """The grade of one reply. `extracted` is the answer that was read from the reply, or None if it has none. `reason`
    is None if the answer and the key alone explain the verdict."""

    extracted: str | None
    verdict: Verdict
    reason: str | None = None

    @property
    def value(self) -> float | None:
        """Returns the reward: 1.0 for `right`, 0.0 for `wrong`, None for `undecided`."""
        return VALUES[self.verdict]

    def __bool__(self) -> bool:
        """Raises TypeError, because otherwise `if grade(...)` would be true for a wrong reply too."""
        raise TypeError(f"a grade is right, wrong or undecided ({self.verdict}): ask grade(...).verdict == 'right'")


def grade(
    reply: str | None,
    answer: str | float | list[str] | None,
    kind: str = "math",
    choices: Iterable[str] | Mapping[str, str] | None = None,
    *,
    checker: Checker | None = None,
) -> Graded:
    """Grades a whole reply of a model by the key `answer`: a text or a number. The key of code is its tests.

    `kind` is math, choice, text or code. With `choices` the kind is choice, and the key may be a letter, an index from
    0, or the text of a choice. Some answers are compared in processes, which start when they are first needed and then
    keep running. A `checker` uses its own processes and limits. Raises RedraftError if the key cannot be read.
    """
    task = read_task({"reply": reply, "answer": answer, "kind": kind, "choices": choices})
    return _result(_begin(task, checker or _shared.checker()))


def grade_all(rows: Iterable[Mapping[str, Any]], *, checker: Checker | None = None) -> Iterator[Graded]:
    """Grades rows with the columns `reply` and `answer`, and optionally `kind` and `choices`, as `grade` takes them.
    Other columns are ignored. Yields a Graded for each row, in order; many rows are compared at the same time.

    There may be any number of rows, because at most 512 are held in memory. Raises GradeError for a row that cannot be
    graded, after the grades of the rows before it.
    """
    return grade_tasks(_numbered(rows), checker)


def grade_tasks(tasks: Iterable[Task], checker: Checker | None = None) -> Iterator[Graded]:
    """Yields a grade for each task, as `grade_all` does for rows. If `tasks` raises a RedraftError, the grades of the
    tasks before it are yielded first."""
    waiting: deque[Graded | Future[Graded]] = deque()
    used = checker or _shared.checker()
    try:
        for task in tasks:
            waiting.append(_begin(task, used))
            while waiting and (len(waiting) >= AHEAD or not isinstance(waiting[0], Future) or waiting[0].done()):
                yield _result(waiting.popleft())
    except RedraftError:
        yield from map(_result, waiting)
        raise
    yield from map(_result, waiting)


def _numbered(rows: Iterable[Mapping[str, Any]]) -> Iterator[Task]:
    for number, row in enumerate(rows, start=1):
        try:
            yield read_task(row)
        except RedraftError as error:
            raise GradeError(f"row {number}: {error}") from error


def _begin(task: Task, checker: Checker) -> Graded | Future[Graded]:
    """Returns the grade of a task if it is known at once; otherwise a future for the grade."""
    found = task.extracted()
    ruling = plain_ruling(task.key, found, task.kind, checker)
    if ruling:
        return Graded(found, ruling.verdict, ruling.reason)
    return asyncio.run_coroutine_threadsafe(_verified(task, found, checker), _shared.loop())


async def _verified(task: Task, found: str | None, checker: Checker) -> Graded:
    ruling = await verify(task.key, found, task.kind, checker)
    return Graded(found, ruling.verdict, ruling.reason)


def _result(begun: Graded | Future[Graded]) -> Graded:
    return begun.result() if isinstance(begun, Future) else begun


class _Shared:
    """The objects that all callers in this process share: a checker, and a thread with an event loop. They are made
    when they are first needed."""

    def __init__(self) -> None:
        self.after_fork()
        os.register_at_fork(after_in_child=self.after_fork)

    def after_fork(self) -> None:
        """Resets the shared objects after a fork, because only the forking thread exists in the child process."""
        self._lock = Lock()
        self._checker: Checker | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def checker(self) -> Checker:
        with self._lock:
            if self._checker is None:
                self._checker = Checker(workers=min(os.cpu_count() or 1, MOST_WORKERS))
            return self._checker

    def loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                Thread(target=self._loop.run_forever, name="grade", daemon=True).start()
            return self._loop


AHEAD = 512  # maximum number of rows that are in progress at once
MOST_WORKERS = 8  # processes; each takes about 150 MB

_shared = _Shared()
