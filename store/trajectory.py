"""Trajectories and grades. The steps for a question form a tree, and a trajectory is one path from the question.

The same structure holds a single draft, a search tree and many turns of correction. The id of a step consists of its
unit and its position in the tree. The `prefix_key` of a step is a hash of its parent's key and its text. It groups
equal texts but does not identify a step: the same text drawn twice makes two samples.
"""

from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from redraft.store.digest import prefix_key
from redraft.store.errors import plural
from redraft.store.problems import Question


class Stop(StrEnum):
    """Why a trajectory ended."""

    ANSWERED = "answered"  # the text ends by itself, in an answer or not
    CRITIC = "critic"  # a critic said that it is finished or hopeless
    THRESHOLD = "threshold"  # its grade is high enough
    AGREED = "agreed"  # two drafts in turn gave the same answer
    BUDGET = "budget"  # calls, tokens, money or seconds were used up
    LENGTH = "length"  # cut at the token limit
    DEAD_END = "dead_end"  # nothing new could be proposed
    FAILED = "failed"  # a call failed: never a score, and left out of datasets


class Verdict(StrEnum):
    """A grader's decision. A grader that only scores returns no verdict."""

    RIGHT = "right"
    WRONG = "wrong"
    UNDECIDED = "undecided"  # it could not tell, and says why


class Role(StrEnum):
    """The purpose of a trajectory."""

    SAMPLE = "sample"  # drawn independently: pass@k and votes may count it
    SEARCH = "search"  # explored by a search
    ROLLOUT = "rollout"  # sampled to estimate a value


class Step(Struct, frozen=True, gc=False):
    """A piece of text that a model, a person or a program wrote. `text` is exact and includes its separator, so the
    steps of a draft joined together are the draft's text."""

    step_id: str  # "<unit>/<sibling>.<sibling>...": its position in the tree
    parent_id: str | None  # None for a first step
    prefix_key: str  # hash of the parent's key and the text
    depth: int  # 1 for a first step
    turn: int  # 1 for the first draft; a feedback step opens the turn that answers it
    by: str  # "model", or the name of the feedback or person that wrote it
    text: str
    final: bool = False  # the solution ends with it
    tokens: int = 0
    logprob: float | None = None  # natural log, summed over the step's tokens
    value: float | None = None
    visits: int | None = None
    call_id: str | None = None


def follow(
    question: Question,
    parent: Step | None,
    text: str,
    sibling: int,
    *,
    by: str = "model",
    turn: int | None = None,
    **facts: Any,
) -> Step:
    """Returns a step that follows `parent`, or a first step if `parent` is None. `sibling` is the index of the step
    among the children of `parent`."""
    if turn is None:
        turn = parent.turn if parent else 1
    return Step(
        step_id=f"{parent.step_id}.{sibling}" if parent else f"{question.root}{sibling}",
        parent_id=parent.step_id if parent else None,
        prefix_key=prefix_key(parent.prefix_key if parent else question.text, by, text),
        depth=parent.depth + 1 if parent else 1,
        turn=turn,
        by=by,
        text=text,
        **facts,
    )


class Trajectory(Struct, frozen=True, gc=False):
    """A path in the tree of steps, from the question on: its steps so far, and why it ended. A trajectory never
    changes: `grow` and `respond` return a new one."""

    question: Question
    steps: tuple[Step, ...] = ()
    sample: int = 0  # its index among the independent samples of its unit
    role: Role = Role.SAMPLE
    stop: Stop | None = None  # None while it can still grow
    stops: tuple[Stop, ...] = ()  # how each turn before the current one ended
    answer: str | None = None  # the answer of the last turn; None if none could be read
    answers: tuple[str | None, ...] = ()  # the answers of the turns before the current one
    score: float | None = None  # the value by which the agent chose
    chosen: bool = False  # the agent's pick for its question
    grades: tuple["Grade", ...] = ()  # grades of its drafts, from graders that the agent asked
    oracle_used: bool = False
    reason: str | None = None  # why it ended, or what failed, in words
    advice: str = ""  # a critic's advice for the next step; no part of the text

    def __repr__(self) -> str:
        """Returns a summary, such as `<Trajectory ab12:0, 2 drafts, 7 steps, answer '16', answered, chosen>`."""
        drafts = f"{self.turn} drafts, " if self.turn > 1 else ""
        answer = "no answer" if self.answer is None else f"answer {self.answer[:40]!r}"
        facts = [
            f"{drafts}{plural(len(self.steps), 'step')}",
            answer,
            self.stop or "open",
            "chosen" if self.chosen else "",
        ]
        return f"<Trajectory {self.trajectory_id}, {', '.join(filter(None, facts))}>"

    def _repr_html_(self) -> str:
        from redraft.store.html import trajectory  # only notebooks need it

        this: Any = self  # type checkers know this file by two names
        return trajectory(this)

    @property
    def trajectory_id(self) -> str:
        return f"{self.question.unit}:{self.sample}" if self.role is Role.SAMPLE else self.place

    @property
    def place(self) -> str:
        """Returns the parent of the next step: the id of the last step, or the root of the question if there is no
        step."""
        return self.steps[-1].step_id if self.steps else self.question.root

    @property
    def turn(self) -> int:
        return self.steps[-1].turn if self.steps else 1

    @property
    def tokens(self) -> int:
        return sum(step.tokens for step in self.steps)

    def draft(self, turn: int | None = None) -> tuple[Step, ...]:
        """Returns the model's steps of one turn; of the last turn if `turn` is None."""
        turn = self.turn if turn is None else turn
        return tuple([step for step in self.steps if step.turn == turn and step.by == "model"])

    def text(self, turn: int | None = None) -> str:
        """Returns the exact text of the draft of one turn; of the last turn if `turn` is None."""
        return "".join([step.text for step in self.draft(turn)])

    def feedback(self, turn: int) -> Step | None:
        """Returns the feedback step that opened the turn `turn`, or None."""
        return next((step for step in self.steps if step.turn == turn and step.by != "model"), None)

    def grow(
        self, text: str, sibling: int, *, by: str = "model", turn: int | None = None, **facts: Any
    ) -> "Trajectory":
        """Returns a copy of this trajectory with one more step. `sibling` is the index of the step among the children
        of the same parent."""
        parent = self.steps[-1] if self.steps else None
        step = follow(self.question, parent, text, sibling, by=by, turn=turn, **facts)
        return replace(self, steps=(*self.steps, step))

    def respond(self, feedback: str, by: str, sibling: int = 0) -> "Trajectory":
        """Returns a copy of this trajectory that ends with a feedback step, has no answer, and is open for the next
        turn."""
        parent = self.steps[-1] if self.steps else None
        step = follow(self.question, parent, feedback, sibling, by=by, turn=self.turn + 1)
        return replace(
            self,
            steps=(*self.steps, step),
            stop=None,
            answer=None,
            stops=(*self.stops, self.stop or Stop.ANSWERED),
            answers=(*self.answers, self.answer),
        )


class Detail(Struct, frozen=True, gc=False):
    """The evidence for a step's value: the probabilities of its classes, or a number of rollouts or votes with a 95%
    interval. A field is None if the grader has no such evidence."""

    p_good: float | None = None
    p_neutral: float | None = None
    p_bad: float | None = None
    n: int | None = None  # rollouts or votes
    lo: float | None = None  # the ends of the 95% interval
    hi: float | None = None


class Grade(Struct, frozen=True, gc=False):
    """One judgement of a trajectory's draft at one turn, and of its steps if the grader has a value for each.

    `value` is in [0, 1] if it is a probability; for the grader `likelihood` it is a log-probability. It is None, with a
    `reason`, if the grader could not decide. `steps` has one value for each step of the draft, or is empty.
    """

    grader: str
    trajectory_id: str
    turn: int
    value: float | None = None
    verdict: Verdict | None = None
    steps: tuple[float | None, ...] = ()
    reason: str | None = None
    grader_model: str | None = None
    details: tuple[Detail, ...] = ()
    rollouts: tuple[Trajectory, ...] = ()
    step_id: str | None = None  # the step, if it judges only one step of the draft
