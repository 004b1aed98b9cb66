"""Problems: the question that a solver may see, and the key that only graders read."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct, field
from msgspec.structs import force_setattr

from redraft.store.digest import digest


class Kind(StrEnum):
    """How an answer is compared with the key."""

    MATH = "math"  # numbers and LaTeX, up to mathematical equality
    CHOICE = "choice"  # a letter
    TEXT = "text"  # the same words
    CODE = "code"  # a program, which the key's tests are run on
    RUBRIC = "rubric"  # free text, which a model judges by the key's rubric


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
