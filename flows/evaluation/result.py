"""What an evaluation found: methods on the same problems, turn by turn, each beside what it has to be compared with."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from redraft.flows.evaluation.history import Cost
from redraft.graders.statistics import Interval


@dataclass(frozen=True, slots=True)
class Moves:
    """What a turn changed, in trajectories; those without a draft in it are unchanged. `correct` is the turn before's,
    plus `wrong_to_right`, minus `right_to_wrong`."""

    trajectories: int
    correct: int
    wrong_to_right: int = 0
    right_to_wrong: int = 0
    wrong_to_other_wrong: int = 0
    unchanged: int = 0
    no_answer: int = 0  # whose answer after the turn could not be read
    revised_right: int = 0  # right drafts that were revised: what the feedback should have spared
    revised_wrong: int = 0  # wrong drafts that were revised: what it found
    same_text: float | None = None  # share of the revisions that repeat the draft to the letter
    text_change: float | None = None  # mean edit distance as a share of the longer text

    @property
    def redrafts(self) -> int:
        """Drafts that were written in this turn."""
        return self.revised_right + self.revised_wrong


@dataclass(frozen=True, slots=True)
class EqualCost:
    """Self-consistency of the same model at the same number of written tokens: a vote of `k` sampled drafts, exactly
    expected over all choices of k, between two whole k where need be."""

    k: float
    accuracy: Interval
    difference: Interval  # the method minus self-consistency, in pairs
    short: bool = False  # the same tokens would have paid for more than `k` drafts, which were not sampled
    p: float | None = None  # of no difference, by sign flips over problems; of the method's last row only
    p_holm: float | None = None  # the same, corrected for the number of methods compared
    beyond_first: Interval | None = None  # the difference minus that of turn 1, in pairs


@dataclass(frozen=True, slots=True)
class Control:
    """What an oracle's stop gets without any correction: any of `guesses` independent drafts is right."""

    guesses: int
    accuracy: Interval
    difference: Interval  # the method minus the control, in pairs


@dataclass(frozen=True, slots=True)
class Row:
    """A method's answer after one turn, or (turn None) the agent's own pick among all its drafts."""

    turn: int | None
    accuracy: Interval
    cost: Cost  # a problem
    oracle_used: bool
    change: Interval | None = None  # since the turn before, in pairs
    change_from_first: Interval | None = None
    moves: Moves | None = None
    majority: Interval | None = None  # the drafts of one trajectory so far vote (m1@t)
    any_turn: Interval | None = None  # any of them is right (p1@t): only an oracle could choose it
    equal_cost: EqualCost | None = None
    control: Control | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A method's first and last row on the problems of one task."""

    name: str
    problems: int
    first: Interval
    last: Interval


@dataclass(frozen=True, slots=True)
class Compared:
    """One method on one model. `rows` are its turns in order, then its pick where that is something else: of each
    trajectory among its turns, or of a method that does not work in turns among all that it drew."""

    label: str
    model: str
    strategy: str
    recipe: str
    replicate: str
    in_turns: bool
    samples: int  # trajectories a problem that were asked for
    trajectories: int  # that are measured
    rows: Sequence[Row]
    oracle_used: bool
    feedback: str | None = None
    grader: str | None = None
    other_models: Sequence[str] = ()  # that its parts ask
    undecided: int = 0  # trajectories left out, since the oracle could not decide one of their drafts
    failures: Mapping[str, int] = field(default_factory=dict)  # failed trajectories by reason
    unjudged: bool = False  # by `likelihood`, which its model gives no log-probabilities for
    first_prompts: str = ""  # a hash of what its first drafts were asked with
    oracle_stops: bool = False  # the known answer ended trajectories
    oracle_chooses: bool = False  # the known answer chose among drafts
    unpicked: bool = False  # its pick is no row: its grader's opinion of each draft is not known
    tasks: Sequence[Task] = ()  # where there are several

    @property
    def last(self) -> Row | None:
        """What the method is judged by: its pick where that is measured, else its last turn."""
        return self.rows[-1] if self.rows else None


@dataclass(frozen=True, slots=True)
class Baseline:
    """The sampled drafts that self-consistency votes with."""

    model: str
    samples: int  # a problem
    cost: Cost  # of one draft
    pass_at_1: Interval
    votes: Mapping[int, Interval]  # by how many of them vote: 1, 2, 4 ... and all


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Methods compared on `problems` problems: those of `asked` whose drafts are judged under every method."""

    db: str
    asked: int
    problems: int
    tasks: Sequence[str]  # the sources that were given, where these are several; else those that the problems name
    methods: Sequence[Compared]
    baselines: Sequence[Baseline] = ()
    temperature: float = 1.0
    concurrency: int = 1  # calls that were in flight at once, at most
    spent: str | None = None  # which budget was used up, in words
    not_reached: Sequence[str] = ()  # methods that the budget left out
    taken: int = 0  # problems that were not drawn, since an export of this store has taken them
    of_training: int = 0  # problems of a split that is named as one to train on
    remarks: Sequence[str] = ()  # what the comparison lacks, see flows/evaluation/checklist.py

    @property
    def failed(self) -> int:
        """Trajectories that failed; the same command tries them again."""
        return sum(sum(method.failures.values()) for method in self.methods)

    def __repr__(self) -> str:
        last = [f"{one.label} {one.last.accuracy.estimate:.1%} right" for one in self.methods if one.last]
        return f"<Evaluation {self.problems:,} problems, {', '.join(last) or 'nothing measured'}: {self.db}>"

    def _repr_html_(self) -> str:
        from redraft.flows.evaluation.tables import html  # a notebook alone asks for it

        evaluation: Any = self  # type checkers know this file by two names
        return html(evaluation)

    def to_json(self) -> str:
        """The same as one JSON object."""
        return json.dumps(asdict(self))
