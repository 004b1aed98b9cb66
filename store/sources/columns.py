"""Finds the role of each column of a row. The roles depend on the layout that the names of the columns show
(layout.py)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from redraft.store.errors import ColumnError
from redraft.store.sources.answer_key import COLUMNS
from redraft.store.sources.choice import option_columns
from redraft.store.sources.fields import Path
from redraft.store.sources.layout import BELONGS, METADATA, PICTURES, USUAL, Layout, layout_of

Paths = tuple[Path, ...]
NUMBERS = ("id", "problem_id", "unique_id")
KNOWN = ("answer", "unit", "wrong", "solution", "subject", "level", "split")
"""Roles whose columns are not part of a question."""


@dataclass(frozen=True)
class Columns:
    """The columns of a row by role. The roles are those of Layout. A role is empty if no column has it."""

    layout: Layout
    question: Paths
    beside: Paths
    unit: Paths
    answer: Paths
    answer_type: Paths
    choices: Paths
    options: dict[str, str]  # columns that hold one choice each, by the label of the choice
    wrong: Paths
    solution: Paths
    subject: Paths
    level: Paths
    split: Paths
    number: Paths  # the row's id
    kind: Paths
    keys: dict[str, Paths]  # keys of `code` and `rubric` problems, by the names in answer_key.COLUMNS
    unused: Paths  # columns that usually belong to a question, but not to this one
    watched: tuple[str, ...]  # unknown columns; a long text in one may belong to the question
    pictures: Paths

    @cached_property
    def plain(self) -> bool:
        """Whether a row is a question and its answer, with nothing that belongs to the question or says how answers are
        compared: a million such rows are read in half the time."""
        others = (
            self.beside, self.unit, self.answer_type, self.choices, self.options, self.wrong, self.kind, self.unused,
            self.watched, self.pictures, *self.keys.values(),
        )  # fmt: skip
        return len(self.question) == 1 and len(self.question[0]) == 1 and not any(others)


@lru_cache(maxsize=256)
def columns_of(names: tuple[str, ...], question: str | None = None, answer: str | None = None) -> Columns:
    """Returns the columns of a row whose columns have the names `names`. `question` and `answer` name columns that have
    unusual names; several names are separated by commas. Raises ColumnError if the row lacks one of them."""
    lower = {str(name).strip().lower(): name for name in reversed(names)}
    layout = layout_of(lower)

    def found(wanted: Sequence[str]) -> Paths:
        paths = [(one,) if one in lower else tuple(one.split(".")) for one in wanted]
        return tuple((lower[path[0]], *path[1:]) for path in paths if path[0] in lower)

    def role(name: str) -> Paths:
        return found(getattr(layout, name) or getattr(USUAL, name))

    asked = _named(names, question, "question") if question else role("question")
    if not question and not layout.question:
        asked = asked[:1]
    beside = () if question else tuple(path for path in role("beside") if path not in asked)
    choices = role("choices")
    options = {} if choices else option_columns(names)
    used = {path[0] for path in (*asked, *beside, *choices)}
    unused = tuple(path for path in found(BELONGS) if path[0] not in used)
    known = {path[0] for name in KNOWN for path in (*role(name), *found(getattr(USUAL, name)))}
    known |= {path[0] for wanted in (*COLUMNS.values(), PICTURES, NUMBERS) for path in found(wanted)}
    known |= {path[0] for path in unused} | {*(answer or "").split(","), *options.values(), *used}
    watched = [] if len(layout.marks) > 2 else [name for name in names if name not in known]
    return Columns(
        layout=layout,
        question=asked,
        beside=beside,
        unit=role("unit"),
        answer=_named(names, answer, "answer") if answer else role("answer"),
        answer_type=role("answer_type"),
        choices=choices,
        options=options,
        wrong=role("wrong"),
        solution=role("solution"),
        subject=role("subject"),
        level=role("level"),
        split=role("split"),
        number=found(NUMBERS),
        kind=found(("kind",)),
        keys={name: found(wanted) for name, wanted in COLUMNS.items()},
        unused=unused,
        watched=tuple(name for name in watched if not METADATA.search(str(name).lower())),
        pictures=found(PICTURES),
    )


def missing(names: Sequence[str], what: str, *roles: str) -> ColumnError:
    """Returns a ColumnError about a row that lacks the column for the question or the answer. The message lists the
    row's columns, and the options that name columns."""
    there = ", ".join(map(str, names)) or "none"
    cures = " and ".join(f"the one that holds the {role} with --{role}-column" for role in roles)
    return ColumnError(f"{what} among {there}: name {cures}")


def _named(names: Sequence[str], given: str, role: str) -> Paths:
    wanted = [given] if given in names else [name.strip() for name in given.split(",")]
    for name in wanted:
        if name not in names:
            raise missing(names, f"no column {name!r}", role)
    return tuple((name,) for name in wanted)
