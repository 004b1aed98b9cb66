"""Problems. A problem has a question, which a solver may see, and a key (the right answer), which only graders read."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct, field
from msgspec.structs import force_setattr

from redraft.store.digest import digest


class Kind(StrEnum):
    """The kind of a problem, which decides how an answer is compared with the key."""

    MATH = "math"  # numbers and LaTeX, up to mathematical equality
    CHOICE = "choice"  # a letter
    TEXT = "text"  # the same words
    CODE = "code"  # a program, which the key's tests are run on
    RUBRIC = "rubric"  # free text, which a model judges by the key's rubric


class Question(Struct, frozen=True, gc=False):
    """The part of a problem that a solver may see. `unit` is the id of the unit of work, which also seeds its random
    draws. `branch` is empty, or `number/` for the part of the unit's tree that a strategy inside another strategy
    explores. `tests` are Python statements that the text shows, with which a program can be tested."""

    problem_id: str
    text: str
    kind: Kind = Kind.MATH
    unit: str = ""
    branch: str = ""
    tests: tuple[str, ...] = ()

    @property
    def root(self) -> str:
        """Returns the prefix of the ids of first steps."""
        return f"{self.unit}/{self.branch}"


class Problem(Struct, frozen=True):
    """A question with its source and its key. The key, `answer`, is read only by graders that use it. If `kind` is
    `code`, the key is the tests that decide; if it is `rubric`, the rubric's text. `meta["tests"]` lists the tests that
    the question shows."""

    question: str
    answer: str | None = None
    problem_id: str = ""  # if empty, it is derived from the question and its source
    source: str = ""
    split: str | None = None
    kind: Kind = Kind.MATH
    level: int | None = None
    subject: str | None = None
    parent_id: str | None = None  # the problem this one was made from
    augmentation: str | None = None  # the method that made it from its parent
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.problem_id:
            force_setattr(self, "problem_id", digest("problem", self.source, self.question))

    def ask(self, unit: str = "") -> Question:
        """Returns the question: the part of the problem that a solver may see."""
        tests = tuple(self.meta.get("tests", ()))
        return Question(self.problem_id, self.question, self.kind, unit or self.problem_id, tests=tests)


class Keyring:
    """The keys of problems. The keyring records the units in which a key was read, so that every trajectory of such a
    unit is marked `oracle_used`."""

    def __init__(self, keys: Mapping[str, str | None] | None = None) -> None:
        self._keys = dict(keys or {})
        self._opened: set[str] = set()

    def add(self, problem: Problem) -> None:
        self._keys[problem.problem_id] = problem.answer

    def discard(self, problem_id: str) -> None:
        self._keys.pop(problem_id, None)

    def open(self, question: Question) -> str | None:
        """Returns the question's key, or None if it is unknown. Records that the question's unit has used a key."""
        self._opened.add(question.unit)
        return self._keys.get(question.problem_id)

    def was_opened(self, unit: str) -> bool:
        return unit in self._opened
