"""The parts of an evaluation: methods on the same problems, turn by turn, each with its baseline and its control."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from redraft.flows.evaluation.history import Cost
from redraft.graders.statistics import Interval


@dataclass(frozen=True, slots=True)
class Moves:
    """The changes made by one turn, counted in trajectories. A trajectory without a draft in this turn counts as
    unchanged. `correct` is `correct` of the previous turn, plus `wrong_to_right`, minus `right_to_wrong`."""

    trajectories: int
    correct: int
    wrong_to_right: int = 0
    right_to_wrong: int = 0
    wrong_to_other_wrong: int = 0
    unchanged: int = 0
    no_answer: int = 0  # trajectories whose answer after the turn could not be read
    revised_right: int = 0  # right drafts that were revised: false alarms of the feedback
    revised_wrong: int = 0  # wrong drafts that were revised: mistakes that the feedback found
    same_text: float | None = None  # share of the revisions whose text is identical to the draft
    text_change: float | None = None  # mean edit distance as a share of the longer text

    @property
    def redrafts(self) -> int:
        """Returns the number of drafts that were written in this turn."""
        return self.revised_right + self.revised_wrong


@dataclass(frozen=True, slots=True)
class EqualCost:
    """The accuracy of self-consistency with the same model and the same number of generated tokens: a vote of `k`
    sampled drafts. It is the exact expectation over all subsets of k drafts, interpolated between two integers if k is
    not an integer."""

    k: float
    accuracy: Interval
    difference: Interval  # the method minus self-consistency, paired by problem
    short: bool = False  # True: the tokens would suffice for more than `k` drafts, but only `k` were sampled
    p: float | None = None  # p-value of a sign-flip test over problems; only the last row has it
    p_holm: float | None = None  # `p` after Holm's correction for the number of methods
    beyond_first: Interval | None = None  # the difference minus the difference of turn 1, paired by problem


@dataclass(frozen=True, slots=True)
class Control:
    """The accuracy of an oracle that only stops, without any correction: the probability that at least one of `guesses`
    independent drafts is right."""

    guesses: int
    accuracy: Interval
    difference: Interval  # the method minus the control, paired by problem


@dataclass(frozen=True, slots=True)
class Row:
    """A method's accuracy after one turn, or (if `turn` is None) the accuracy of the agent's own pick among all its
    drafts."""

    turn: int | None
    accuracy: Interval
    cost: Cost  # per problem
    oracle_used: bool
    change: Interval | None = None  # since the turn before, paired by problem
    change_from_first: Interval | None = None
    moves: Moves | None = None
    majority: Interval | None = None  # vote of the trajectory's drafts so far (m1@t)
    any_turn: Interval | None = None  # whether any draft so far is right (p1@t): only an oracle could choose it
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
class MethodResult:
    """The result of one method on one model. `rows` are its turns in order, followed by its pick if that is not the
    draft of the last turn. If the method works in turns, each trajectory picks among its own drafts. Otherwise the
    method picks among all its drafts."""

    label: str
    model: str
    strategy: str
    recipe: str
    replicate: str
    in_turns: bool
    samples: int  # requested trajectories per problem
    trajectories: int  # measured trajectories
    rows: Sequence[Row]
    oracle_used: bool
    feedback: str | None = None
    grader: str | None = None
    other_models: Sequence[str] = ()  # further models that the parts of the method call
    undecided: int = 0  # trajectories left out because the oracle could not judge one of their drafts
    failures: Mapping[str, int] = field(default_factory=dict)  # failed trajectories by reason
    unjudged: bool = False  # `likelihood` had no values, because the model returns no log-probabilities
    first_prompts: str = ""  # a hash of the prompts of its first drafts
    oracle_stops: bool = False  # the known answer ended trajectories
    oracle_chooses: bool = False  # the known answer chose among drafts
    unpicked: bool = False  # its pick has no row, because not every draft is graded by its grader
    tasks: Sequence[Task] = ()  # if there are several

    @property
    def last(self) -> Row | None:
        """Returns the row that represents the method: its pick if the pick is measured, else its last turn. Returns
        None if there are no rows."""
        return self.rows[-1] if self.rows else None


@dataclass(frozen=True, slots=True)
class Baseline:
    """The independent drafts whose vote is self-consistency."""

    model: str
    samples: int  # drafts per problem
    cost: Cost  # per draft
    pass_at_1: Interval
    votes: Mapping[int, Interval]  # accuracy by the number of votes: 1, 2, 4 ... and all drafts
