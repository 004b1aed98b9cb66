"""Compares an answer with the key: exactly if that is cheap, otherwise by Math-Verify in processes that can be killed.

Two conventions of this field may surprise a mathematician: a missing or different unit makes no difference ("12 cm"
equals 12), and 50% equals both 0.5 and 50. Plain numbers are compared exactly, so 0.333 does not equal 1/3. A decimal
equals an irrational key if it has at least six correct decimals.
"""

import threading
from functools import partial
from typing import Self

from redraft.graders.answers.canonical import LONGEST, canonical
from redraft.graders.answers.exact_match import RULINGS, decide, same_plain
from redraft.graders.answers.normalize import bare
from redraft.graders.processes.pool import ProcessPool
from redraft.graders.processes.process import Process, ProcessError
from redraft.graders.programs.sandbox import Sandbox
from redraft.graders.ruling import Ruling
from redraft.store.problems import Kind
from redraft.store.trajectory import Verdict


class Checker:
    """Compares answers with keys. `limit_s` limits the processor time of one comparison, in seconds. At most `workers`
    processes run, each with at most `memory_mb` megabytes of memory. Programs run in the `sandbox`, which the caller
    closes; if it is None, in the sandbox that the whole process shares.

    The processes start when they are first needed, and all event loops and threads share them. They end with `close`,
    with the last reference to the checker, or when the program ends, however it ends.
    """

    def __init__(
        self, limit_s: float = 5.0, workers: int = 2, memory_mb: int = 2048, sandbox: Sandbox | None = None
    ) -> None:
        self.limit_s, self.sandbox = limit_s, sandbox
        start = partial(Process, "redraft.graders.answers.math_verify_process", str(memory_mb), name="checker")
        self._pool = ProcessPool(start, workers, "checker")
        self._rulings: dict[tuple[str, str], Ruling] = {}
        self._lock = threading.Lock()

    async def equal(self, gold: str, given: str, kind: Kind = Kind.MATH) -> Ruling:
        """Returns a ruling: `right`, `wrong`, or `undecided` with a reason, which is an exceeded limit of time or
        memory, or a key that can't be read.

        The order of the arguments matters: the key is the first. Raises RuntimeError if the checker is closed.
        """
        return self.at_once(gold, given, kind) or await self._pool.run(partial(self._compare, gold, given))

    def at_once(self, gold: str, given: str, kind: Kind = Kind.MATH) -> Ruling | None:
        """Returns the ruling if it needs no process, because the answers are plain or were compared before; otherwise
        None."""
        same = same_plain(gold, given) if kind is Kind.MATH else None
        if same is not None:
            return RULINGS[same]
        if not _says_something(given, kind):
            return Ruling(Verdict.WRONG, "no answer")
        if not _says_something(gold, kind):
            return Ruling(Verdict.UNDECIDED, f"the key {gold!r} is no answer of kind {kind.value}")
        return decide(gold, given, kind) or self._rulings.get((gold, given))

    async def close(self) -> None:
        """Ends every process, even during a comparison. Such a comparison is `undecided`."""
        await self._pool.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def pids(self) -> tuple[int, ...]:
        """Returns the ids of the running worker processes."""
        return self._pool.pids

    def _compare(self, gold: str, given: str) -> Ruling:
        known = self._rulings.get((gold, given))
        if known:
            return known
        try:
            reply = self._pool.ask({"gold": gold, "given": given}, self.limit_s)
        except TimeoutError:
            ruling = Ruling(Verdict.UNDECIDED, f"not decided within the limit of {self.limit_s:g} s")
        except (ProcessError, OSError) as error:
            return Ruling(Verdict.UNDECIDED, str(error))
        else:
            ruling = Ruling(VERDICTS[reply["same"]], reply["reason"])
        with self._lock:
            if len(self._rulings) >= MOST_REMEMBERED:
                self._rulings.pop(next(iter(self._rulings)))
            self._rulings[gold, given] = ruling
        return ruling


def _says_something(answer: str, kind: Kind) -> bool:
    if kind is not Kind.MATH:
        return canonical(answer, kind) is not None
    return len(answer) > LONGEST or bool(bare(answer))


VERDICTS = {True: Verdict.RIGHT, False: Verdict.WRONG, None: Verdict.UNDECIDED}
MOST_REMEMBERED = 100_000
