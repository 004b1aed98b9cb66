"""Whether an answer equals the key: exactly where that is cheap, by Math-Verify in killable processes otherwise.

Two conventions of this field that a mathematician might not share: a missing or different unit makes no
difference ("12 cm" is 12), and 50% equals both 0.5 and 50. Plain numbers are compared exactly, so 0.333 is
not 1/3; a decimal equals an irrational key from six correct decimals on.
"""

import asyncio
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

from redraft.graders.canonical import canonical
from redraft.graders.shortcuts import decide, same_plain
from redraft.graders.worker import Worker, WorkerError
from redraft.store.records import Kind, Verdict


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict on one answer, with the reason where it is not plain from the two texts."""

    verdict: Verdict
    reason: str | None = None


class Checker:
    """Compares answers with keys. `limit_s` is the most seconds for one comparison, `workers` the most processes,
    each of at most `memory_mb` megabytes.

    The processes start when first needed, are shared by all event loops and threads, and end with `close`, with
    the last reference to the checker, or with the program, however it ends.
    """

    def __init__(self, limit_s: float = 5.0, workers: int = 2, memory_mb: int = 2048) -> None:
        self.limit_s = limit_s
        self._memory_mb = memory_mb
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="checker")
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._alive: set[Worker] = set()
        self._closed = False
        self._rulings: dict[tuple[str, str], Ruling] = {}
        self._finalizer = weakref.finalize(self, _stop, self._alive, self._threads)

    async def equal(self, gold: str, given: str, kind: Kind = Kind.MATH) -> Ruling:
        """Right, wrong, or undecided with a reason: over the time or memory limit, or a key that cannot be read.

        Not symmetric: the key comes first. Raises RuntimeError when the checker is closed.
        """
        same = same_plain(gold, given) if kind is Kind.MATH else None
        if same is not None:
            return Ruling(Verdict.RIGHT if same else Verdict.WRONG)
        if canonical(given, kind) is None:
            return Ruling(Verdict.WRONG, "no answer")
        if canonical(gold, kind) is None:
            return Ruling(Verdict.UNDECIDED, f"the key {gold!r} is no answer of kind {kind.value}")
        same = decide(gold, given, kind)
        if same is not None:
            return Ruling(Verdict.RIGHT if same else Verdict.WRONG)
        ruling = self._rulings.get((gold, given))
        if ruling is None:
            if self._closed:
                raise RuntimeError("this checker is closed; make another one")
            loop = asyncio.get_running_loop()
            ruling = await loop.run_in_executor(self._threads, self._compare, gold, given)
        return ruling

    async def close(self) -> None:
        """Ends every process, the busy ones too; what they were asked comes out as undecided."""
        self._closed = True
        await asyncio.to_thread(self._finalizer)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the workers that run."""
        return tuple(worker.pid for worker in tuple(self._alive))

    def _compare(self, gold: str, given: str) -> Ruling:
        known = self._rulings.get((gold, given))
        if known:
            return known
        try:
            ruling = self._ask(gold, given)
        except (WorkerError, OSError) as error:
            return Ruling(Verdict.UNDECIDED, str(error))
        with self._lock:
            if len(self._rulings) >= MOST_REMEMBERED:
                self._rulings.pop(next(iter(self._rulings)))
            self._rulings[gold, given] = ruling
        return ruling

    def _ask(self, gold: str, given: str, attempts: int = 2) -> Ruling:
        worker = self._borrow()
        try:
            reply = worker.ask(gold, given, self.limit_s)
        except TimeoutError:
            self._discard(worker)
            return Ruling(Verdict.UNDECIDED, f"not decided within the limit of {self.limit_s:g} s")
        except WorkerError:
            self._discard(worker)
            if attempts > 1 and not self._closed:
                return self._ask(gold, given, attempts - 1)
            raise
        with self._lock:
            self._idle.append(worker)
        verdicts = {True: Verdict.RIGHT, False: Verdict.WRONG, None: Verdict.UNDECIDED}
        return Ruling(verdicts[reply["same"]], reply["reason"])

    def _borrow(self) -> Worker:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        worker = Worker(self._memory_mb)
        with self._lock:
            self._alive.add(worker)
        if self._closed:
            self._discard(worker)
            raise WorkerError("the checker was closed")
        return worker

    def _discard(self, worker: Worker) -> None:
        worker.stop()
        with self._lock:
            self._alive.discard(worker)


def _stop(workers: set[Worker], threads: ThreadPoolExecutor) -> None:
    for worker in tuple(workers):
        worker.stop()
    workers.clear()
    threads.shutdown(wait=False, cancel_futures=True)


MOST_REMEMBERED = 100_000
