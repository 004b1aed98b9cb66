"""The nouns of redraft: frozen values that every other file speaks in.

They are msgspec Structs: one is made in a third of the time that a frozen dataclass takes, and a run makes dozens a
draft. None can be part of a cycle, so most are kept from the garbage collector (gc=False).

One shape holds a single shot, a search tree and many turns of correction: a tree of `Step`s, in which a `Trajectory` is
a path from the question. An *occurrence* of text has an id (its unit, its place among its siblings); its *text* has a
key (a hash of its parent's key and itself), which groups equal texts and is never an identity: the same text drawn
twice is two samples.
"""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from hashlib import blake2b
from json.encoder import encode_basestring
from typing import Any

import orjson
from msgspec import Struct, field
from msgspec.structs import force_setattr, replace


class Kind(StrEnum):
    """How an answer is compared with the key."""

    MATH = "math"  # numbers and LaTeX, up to mathematical equality
    CHOICE = "choice"  # a letter
    TEXT = "text"  # the same words
    CODE = "code"  # a program, which the key's tests are run on
    RUBRIC = "rubric"  # free text, which a model judges by the key's rubric


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
    """A grader's decision; a grader that only scores gives none."""

    RIGHT = "right"
    WRONG = "wrong"
    UNDECIDED = "undecided"  # it could not tell, and says why


class Role(StrEnum):
    """What a trajectory was for."""

    SAMPLE = "sample"  # drawn independently: pass@k and votes may count it
    SEARCH = "search"  # explored by a search
    ROLLOUT = "rollout"  # thrown to estimate a value


PLAIN = frozenset({str, int})
CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)


def digest(*parts: Any) -> str:
    """A 16-digit hexadecimal hash of JSON-representable parts, stable across machines and versions of Python."""
    if PLAIN.issuperset(map(type, parts)):  # most are: an encoder for each would take half of a digest's time
        text = f"[{','.join([encode_basestring(part) if type(part) is str else str(part) for part in parts])}]"
    else:
        text = CANONICAL.encode(parts)
    return _hashed(text.encode("utf-8", "surrogatepass"))


def texts_digest(parts: Sequence[Any]) -> str:
    """The `digest` of parts that are texts, and lists of texts: a long conversation's in half the time."""
    try:
        return _hashed(orjson.dumps(parts))
    except TypeError:  # a lone surrogate
        return digest(*parts)


def prefix_key(before: str, by: str, text: str) -> str:
    """The `digest` of these three: the key of a text by somebody after the text with the key `before`."""
    return _hashed(
        f"[{encode_basestring(before)},{encode_basestring(by)},{encode_basestring(text)}]".encode(
            "utf-8", "surrogatepass"
        )
    )


def _hashed(text: bytes) -> str:
    return blake2b(text, digest_size=8).hexdigest()


class Question(Struct, frozen=True, gc=False):
    """What a solver may see. `unit` is the unit of work it is asked in, which seeds its draws; `branch` the part of
    its tree, where a strategy runs inside another: `number/` or nothing; `tests` are statements of Python that its text
    shows, for a program to be tried on."""

    problem_id: str
    text: str
    kind: Kind = Kind.MATH
    unit: str = ""
    branch: str = ""
    tests: tuple[str, ...] = ()

    @property
    def root(self) -> str:
        """Where first steps hang."""
        return f"{self.unit}/{self.branch}"


class Problem(Struct, frozen=True):
    """A question with where it came from and its key. Only graders that are given the key read `answer`: for code the
    tests that decide, for a rubric its text. `meta["tests"]` lists those tests that the question shows."""

    question: str
    answer: str | None = None
    problem_id: str = ""  # left empty, it is derived from the question and its source
    source: str = ""
    split: str | None = None
    kind: Kind = Kind.MATH
    level: int | None = None
    subject: str | None = None
    parent_id: str | None = None  # the problem this one was made from
    augmentation: str | None = None  # how it was made from it
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.problem_id:
            force_setattr(self, "problem_id", digest("problem", self.source, self.question))

    def ask(self, unit: str = "") -> Question:
        """The part a solver may see."""
        tests = tuple(self.meta.get("tests", ()))
        return Question(self.problem_id, self.question, self.kind, unit or self.problem_id, tests=tests)


class Keyring:
    """The keys of some problems. Whoever is handed it can read them, and each reading is remembered by unit, so that
    every trajectory of a unit in which a key was read is marked `oracle_used`."""

    def __init__(self, keys: Mapping[str, str | None] | None = None) -> None:
        self._keys = dict(keys or {})
        self._opened: set[str] = set()

    def add(self, problem: Problem) -> None:
        self._keys[problem.problem_id] = problem.answer

    def discard(self, problem_id: str) -> None:
        self._keys.pop(problem_id, None)

    def open(self, question: Question) -> str | None:
        """The known answer, or None where nobody knows it; the question's unit counts as touched by an oracle."""
        self._opened.add(question.unit)
        return self._keys.get(question.problem_id)

    def was_opened(self, unit: str) -> bool:
        return unit in self._opened


class Step(Struct, frozen=True, gc=False):
    """One occurrence of text that anybody wrote. `text` is exact, with its separator: a draft is its steps joined."""

    step_id: str  # "<unit>/<sibling>.<sibling>...": its place in the tree
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
    """The step after `parent` (None: a first one). `sibling` is its number among all that hang at the same place."""
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
    """A path from the question: the steps so far, and why it ended if it has. Immutable: each change is a new one."""

    question: Question
    steps: tuple[Step, ...] = ()
    sample: int = 0  # its number among the independent samples of its unit
    role: Role = Role.SAMPLE
    stop: Stop | None = None  # None while it can still grow
    stops: tuple[Stop, ...] = ()  # how each turn before the current one ended
    answer: str | None = None  # the answer of the last turn; None where none could be read
    answers: tuple[str | None, ...] = ()  # the answers of the turns before the current one
    score: float | None = None  # what the choosing grader gave it
    chosen: bool = False  # the agent's pick for its question
    grades: tuple["Grade", ...] = ()  # what graders said of its drafts on the way
    oracle_used: bool = False
    reason: str | None = None  # why it ended, or what failed, in words
    advice: str = ""  # what a critic says to whoever writes the next step; no part of the text

    def __repr__(self) -> str:
        """Such as `<Trajectory ab12:0, 2 drafts, 7 steps, answer '16', answered, chosen>`."""
        drafts = f"{self.turn} drafts, " if self.turn > 1 else ""
        answer = "no answer" if self.answer is None else f"answer {self.answer[:40]!r}"
        facts = [f"{drafts}{len(self.steps)} steps", answer, self.stop or "open", "chosen" if self.chosen else ""]
        return f"<Trajectory {self.trajectory_id}, {', '.join(filter(None, facts))}>"

    def _repr_html_(self) -> str:
        from redraft.store.html import trajectory  # a notebook alone asks for it

        path: Any = self  # type checkers know this file by two names
        return trajectory(path)

    @property
    def trajectory_id(self) -> str:
        return f"{self.question.unit}:{self.sample}" if self.role is Role.SAMPLE else self.place

    @property
    def place(self) -> str:
        """Where the next step would hang: the last step's id, or the root of this sample."""
        return self.steps[-1].step_id if self.steps else self.question.root

    @property
    def turn(self) -> int:
        return self.steps[-1].turn if self.steps else 1

    @property
    def tokens(self) -> int:
        return sum(step.tokens for step in self.steps)

    def draft(self, turn: int | None = None) -> tuple[Step, ...]:
        """The model's steps of one turn, the last one by default."""
        turn = self.turn if turn is None else turn
        return tuple([step for step in self.steps if step.turn == turn and step.by == "model"])

    def text(self, turn: int | None = None) -> str:
        """The draft of one turn, exactly as written; the last one by default."""
        return "".join([step.text for step in self.draft(turn)])

    def feedback(self, turn: int) -> Step | None:
        """What somebody said that opened this turn."""
        return next((step for step in self.steps if step.turn == turn and step.by != "model"), None)

    def grow(
        self, text: str, sibling: int, *, by: str = "model", turn: int | None = None, **facts: Any
    ) -> "Trajectory":
        """This path with one more step. `sibling` is the step's number among all that hang at the same place."""
        parent = self.steps[-1] if self.steps else None
        step = follow(self.question, parent, text, sibling, by=by, turn=turn, **facts)
        return replace(self, steps=(*self.steps, step))

    def respond(self, feedback: str, by: str, sibling: int = 0) -> "Trajectory":
        """This path with somebody's feedback at its end, open for the next turn."""
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
    """What the value of a step rests on: the probabilities of its classes, or a count with its interval; None where a
    grader has no such thing."""

    p_good: float | None = None
    p_neutral: float | None = None
    p_bad: float | None = None
    n: int | None = None  # rollouts or votes
    lo: float | None = None  # the ends of the 95% interval
    hi: float | None = None


class Grade(Struct, frozen=True, gc=False):
    """One judgement of a trajectory's draft at one turn, and of its steps where the grader has a value for each.

    `value` lies in [0, 1] for probabilities and is a log-probability for `likelihood`; None, with a reason, where the
    grader could not tell. `steps` has one value a step of the draft, or is empty.
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
    step_id: str | None = None  # the one step that it judges, where it judges no more of the draft


class Call(Struct, frozen=True, gc=False):
    """One answered or failed request to a model. Latencies in milliseconds, money in US dollars. Calls that were kept
    before there were times have no `answered_at`."""

    call_id: str
    unit: str
    problem_id: str
    purpose: str  # "propose", "revise", "critique", "grade" ...
    place: str  # the step_id below which its choices hang
    first: int  # number of its first sample among those asked at that place
    n: int
    model: str
    prompt_hash: str
    params: Mapping[str, Any]
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: float | None = None
    latency_ms: float = 0.0
    attempts: int = 1
    finish_reason: str | None = None
    error: str | None = None
    answered_at: float | None = None  # seconds since 1970, UTC: when it was answered, or given up
    failed_tries: Mapping[str, int] | None = None  # tries that failed, by their kind; None where none did
