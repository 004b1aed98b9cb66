"""The result of a self-training loop, formatted as lines."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from redraft.store.html import notes, table
from redraft.store.tables.rounds import Estimate, Round


@dataclass(frozen=True, slots=True)
class SelfTraining:
    """A self-training loop. `rounds` are the finished rounds. `model` is the name of the policy with the highest
    accuracy on the held-out problems. `spent` is a sentence that names the budget that is used up, or None."""

    db: str
    run_id: str
    loop_id: str
    method: str
    model: str
    folder: str
    rounds: Sequence[Round]
    spent: str | None = None

    @property
    def decision(self) -> str:
        """Returns the decision after the last round: "go on", "stop" or "take back". Returns "" before the first
        round."""
        return self.rounds[-1].decision or "" if self.rounds else ""

    def one_line(self) -> str:
        """Returns the last round as one line."""
        return _line(self.rounds[-1]) if self.rounds else "no round is done"

    def __str__(self) -> str:
        lines = [_line(one) for one in self.rounds]
        lines += [f"stopped: {self.spent} The same command goes on from here."] if self.spent else []
        return "\n".join([*lines, f"use it with --model {self.model}; loop {self.loop_id} of {self.db}"])

    def _repr_html_(self) -> str:
        rows = [
            (one.round, one.figures.get("rows", ""), percent(one.accuracy), percent(one.change), percent(one.gain))
            for one in self.rounds
        ]
        head = ("round", "rows", "pass@1", "change", "against the first model")
        return table(rows, head) + notes([one.reason for one in self.rounds if one.reason])

    def to_json(self) -> str:
        """Returns the fields as one JSON object."""
        return json.dumps(asdict(self), default=str)


def percent(found: Estimate) -> str:
    """Returns an estimate with its interval as text, such as "56.9% [54.0%, 59.8%]"."""
    if found.mean is None:
        return ""
    return f"{found.mean:.1%} [{found.low:.1%}, {found.high:.1%}]"


def _line(one: Round) -> str:
    if not one.round:
        return f"round 0: {percent(one.accuracy)} right on {one.figures['heldout']:,} held-out problems"
    alarms = [f"; ALARM, {alarm}" for alarm in one.figures.get("alarms", ())]
    return (
        f"round {one.round}: {one.figures['rows']:,} rows, {percent(one.accuracy)} right, {percent(one.gain)} against"
        f" round 0; {one.decision}: {one.reason}{''.join(alarms)}"
    )
