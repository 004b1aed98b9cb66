"""The protocol by which a run reports its progress. The classes here print nothing, plain lines or JSON lines."""

import json
import sys
import time
from dataclasses import asdict, dataclass
from typing import NamedTuple, Protocol, TextIO, runtime_checkable

from redraft.store.errors import plural
from redraft.store.problems import Problem
from redraft.store.trajectory import Role, Trajectory, Verdict
from redraft.store.unit import Unit


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a run that is about to begin. `problems` counts all its problems, and `done` counts those that are
    already done."""

    run_id: str
    problems: int
    done: int
    samples: int | None  # None if the strategy does not take a number of samples
    strategy: str
    model: str
    db: str
    noun: str = "problem"  # the noun for the things that are counted

    @property
    def todo(self) -> int:
        return self.problems - self.done


class Progress(Protocol):
    """Receives the events of a run in order. A run may call `say` from any thread, and even before `begin`."""

    def begin(self, plan: Plan) -> None: ...

    def draft(self, problem: Problem, trajectory: Trajectory) -> None:
        """Receives a trajectory with a new draft. The draft has not been compared with the known answer yet."""
        ...

    def unit(self, problem: Problem, unit: Unit) -> None:
        """Receives a finished problem, whose drafts are all graded."""
        ...

    def say(self, text: str) -> None:
        """Receives a message for a person, for example that another process has locked the store."""
        ...

    def end(self, status: str) -> None:
        """Receives the final status of the run: "finished", "interrupted" or "failed". Its results are in the store."""
        ...


@runtime_checkable
class Counted(Progress, Protocol):
    """A Progress that also takes the counts of a unit that another process finished. If a unit is finished once more,
    the counts are what has changed."""

    def counted(self, problem_id: str, status: str, counted: "Counts") -> None: ...


class Silent:
    """A Progress that prints nothing."""

    def begin(self, plan: Plan) -> None: ...

    def draft(self, problem: Problem, trajectory: Trajectory) -> None: ...

    def unit(self, problem: Problem, unit: Unit) -> None: ...

    def say(self, text: str) -> None: ...

    def end(self, status: str) -> None: ...


class Notes(Silent):
    """A Progress that prints only the messages of `say`, to standard error."""

    def say(self, text: str) -> None:
        if sys.stderr is not None:  # a program without a console has none
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()


class Counts(NamedTuple):
    """The counts of finished units that a display needs. Drafts are the independent samples, or the pick of a search
    without samples. Tokens are only those that this run paid for."""

    problems: int = 0
    drafts: int = 0
    decided: int = 0
    first_right: int = 0
    last_right: int = 0
    tokens: int = 0
    failed: int = 0


def counts(unit: Unit) -> Counts:
    """Returns the counts of one unit."""
    verdicts = {(g.trajectory_id, g.turn): g.verdict for g in unit.grades if g.grader == "oracle"}
    samples = [path for path in unit.trajectories if path.role is Role.SAMPLE]
    shown = samples or [path for path in unit.trajectories if path.chosen]
    last = [verdicts.get((path.trajectory_id, path.turn)) for path in shown]
    return Counts(
        problems=1,
        drafts=len(shown),
        decided=sum(verdict in (Verdict.RIGHT, Verdict.WRONG) for verdict in last),
        first_right=sum(verdicts.get((path.trajectory_id, 1)) is Verdict.RIGHT for path in shown),
        last_right=sum(verdict is Verdict.RIGHT for verdict in last),
        tokens=sum(call.completion_tokens for call, _ in unit.calls),
        failed=int(unit.status == "failed"),
    )


class Tally:
    """Running totals of finished units."""

    def __init__(self) -> None:
        self.total = Counts()
        self._start = time.monotonic()

    def add(self, counted: Counts) -> None:
        """Adds the counts of one unit."""
        self.total = Counts(*map(sum, zip(self.total, counted, strict=True)))

    @property
    def problems(self) -> int:
        return self.total.problems

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    def text(self) -> str:
        """Returns the totals as text, such as "62% right, 4,100 tokens/s"."""
        total = self.total
        right = f"{total.last_right / total.decided:.0%} right, " if total.decided else ""
        failed = f", {total.failed} failed" if total.failed else ""
        return f"{right}{total.tokens / max(self.seconds, 1e-9):,.0f} tokens/s{failed}"


class Lines:
    """A Progress that writes plain lines for a log: one when the run begins, and then one every `seconds`."""

    def __init__(self, file: TextIO | None = None, seconds: float = 5.0) -> None:
        self._file = file or sys.stderr
        self._seconds = seconds
        self._last = time.monotonic()
        self._plan: Plan | None = None
        self.tally = Tally()

    def begin(self, plan: Plan) -> None:
        self._plan, self.tally, self._last = plan, Tally(), time.monotonic()
        self.say(describe(plan))

    def draft(self, problem: Problem, trajectory: Trajectory) -> None: ...

    def unit(self, problem: Problem, unit: Unit) -> None:
        self.counted(problem.problem_id, unit.status, counts(unit))

    def counted(self, problem_id: str, status: str, counted: Counts) -> None:
        self.tally.add(counted)
        if self._plan and time.monotonic() - self._last >= self._seconds:
            self._last = time.monotonic()
            todo = plural(self._plan.todo, self._plan.noun)
            self.say(f"{self.tally.problems} of {todo}, {self.tally.text()}")

    def say(self, text: str) -> None:
        self._file.write(f"{text}\n")
        self._file.flush()

    def end(self, status: str) -> None:
        if status == "interrupted" and self._plan:
            self.say(interrupted(self._plan, self.tally))


class JsonLines:
    """A Progress for programs: it writes each event as one line with a JSON object."""

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file or sys.stderr
        self.tally = Tally()

    def begin(self, plan: Plan) -> None:
        self._write({"event": "begin", **asdict(plan)})

    def draft(self, problem: Problem, trajectory: Trajectory) -> None: ...

    def unit(self, problem: Problem, unit: Unit) -> None:
        self.counted(problem.problem_id, unit.status, counts(unit))

    def counted(self, problem_id: str, status: str, counted: Counts) -> None:
        self.tally.add(counted)
        total = self.tally.total
        self._write(
            {"event": "unit", "problem_id": problem_id, "status": status, "problems": total.problems,
             "drafts": total.drafts, "right": total.last_right, "tokens": total.tokens,
             "seconds": round(self.tally.seconds, 3)}
        )  # fmt: skip

    def say(self, text: str) -> None:
        self._write({"event": "note", "text": text})

    def end(self, status: str) -> None:
        self._write({"event": "end", "status": status})

    def _write(self, event: dict[str, object]) -> None:
        self._file.write(json.dumps(event) + "\n")
        self._file.flush()


def describe(plan: Plan) -> str:
    """Returns a plan as one line."""
    known = f", {plan.done} of them done before" if plan.done else ""
    drafts = f", {plural(plan.samples, 'sample')} each" if plan.samples is not None else ""
    return f"{plural(plan.problems, plan.noun)}{known}: {plan.strategy} on {plan.model}{drafts}, into {plan.db}"


def interrupted(plan: Plan, tally: Tally) -> str:
    """Returns one line for a person who stopped a run: what is done, and how to go on. A store that the run has made
    is removed if nothing is done, so it is not named then."""
    done, whole = plan.done + tally.problems, plural(plan.problems, plan.noun)
    kept = f"{done} of {whole} are in {plan.db}" if done else f"none of {whole} is done"
    return f"Stopped: {kept}; the same command goes on from here."
