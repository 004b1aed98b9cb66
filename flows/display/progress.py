"""What a run tells whoever watches it: the protocol, and nobody, plain lines, JSON lines."""

import json
import sys
import time
from dataclasses import asdict, dataclass
from typing import Protocol, TextIO

from redraft.flows.display.numbers import plural
from redraft.store.problems import Problem
from redraft.store.trajectory import Role, Trajectory, Verdict
from redraft.store.unit import Unit


@dataclass(frozen=True, slots=True)
class Plan:
    """A run that is about to begin: how many problems it was given, and how many of them are done already."""

    run_id: str
    problems: int
    done: int
    samples: int | None  # None where the strategy draws no number of them
    strategy: str
    model: str
    db: str
    noun: str = "problem"  # what is counted

    @property
    def todo(self) -> int:
        return self.problems - self.done


class Progress(Protocol):
    """Told what happens, in order. `say` may be called from any thread, and before `begin`."""

    def begin(self, plan: Plan) -> None: ...

    def draft(self, problem: Problem, trajectory: Trajectory) -> None:
        """A trajectory has a new draft; nobody has compared it with the key yet."""
        ...

    def unit(self, problem: Problem, unit: Unit) -> None:
        """A problem is finished and all its drafts are judged."""
        ...

    def say(self, text: str) -> None:
        """Something that a person should know, such as that the store is held by another process."""
        ...

    def end(self, status: str) -> None:
        """The run has ended: "finished", "interrupted" or "failed". What was done is in the store."""
        ...


class Silent:
    """A Progress that keeps to itself."""

    def begin(self, plan: Plan) -> None: ...

    def draft(self, problem: Problem, trajectory: Trajectory) -> None: ...

    def unit(self, problem: Problem, unit: Unit) -> None: ...

    def say(self, text: str) -> None: ...

    def end(self, status: str) -> None: ...


class Notes(Silent):
    """A Progress that writes what a person should know to standard error, and nothing else."""

    def say(self, text: str) -> None:
        if sys.stderr is not None:  # a program without a console has none
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()


class Tally:
    """Running totals of finished units."""

    def __init__(self) -> None:
        self.problems = self.drafts = self.first_right = self.last_right = self.decided = 0
        self.tokens = self.failed = 0
        self._start = time.monotonic()

    def add(self, unit: Unit) -> None:
        """Counts one unit: its independent samples, or its pick where a search drew none, and the tokens that this run
        paid for."""
        self.problems += 1
        self.tokens += sum(call.completion_tokens for call, _ in unit.calls)
        self.failed += unit.status == "failed"
        verdicts = {(g.trajectory_id, g.turn): g.verdict for g in unit.grades if g.grader == "oracle"}
        samples = [path for path in unit.trajectories if path.role is Role.SAMPLE]
        for path in samples or [path for path in unit.trajectories if path.chosen]:
            first, last = verdicts.get((path.trajectory_id, 1)), verdicts.get((path.trajectory_id, path.turn))
            self.drafts += 1
            self.decided += last in (Verdict.RIGHT, Verdict.WRONG)
            self.first_right += first is Verdict.RIGHT
            self.last_right += last is Verdict.RIGHT

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    def text(self) -> str:
        """Such as "62% right, 4,100 tokens/s"."""
        right = f"{self.last_right / self.decided:.0%} right, " if self.decided else ""
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{right}{self.tokens / max(self.seconds, 1e-9):,.0f} tokens/s{failed}"


class Lines:
    """Plain lines for a log: one when it begins, then one every `seconds`."""

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
        self.tally.add(unit)
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
    """One JSON object a line and event, for programs."""

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file or sys.stderr
        self.tally = Tally()

    def begin(self, plan: Plan) -> None:
        self._write({"event": "begin", **asdict(plan)})

    def draft(self, problem: Problem, trajectory: Trajectory) -> None: ...

    def unit(self, problem: Problem, unit: Unit) -> None:
        self.tally.add(unit)
        self._write(
            {"event": "unit", "problem_id": unit.problem_id, "status": unit.status, "problems": self.tally.problems,
             "drafts": self.tally.drafts, "right": self.tally.last_right, "tokens": self.tally.tokens,
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
    """A plan in one line."""
    known = f", {plan.done} of them done before" if plan.done else ""
    drafts = f", {plural(plan.samples, 'sample')} each" if plan.samples is not None else ""
    return f"{plural(plan.problems, plan.noun)}{known}: {plan.strategy} on {plan.model}{drafts}, into {plan.db}"


def interrupted(plan: Plan, tally: Tally) -> str:
    """What a person who stopped a run wants to know, in one line."""
    done = plan.done + tally.problems
    return (
        f"Stopped: {done} of {plural(plan.problems, plan.noun)} are in {plan.db}; the same command goes on from here."
    )
