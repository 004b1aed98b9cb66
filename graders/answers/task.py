"""Reads grading tasks from the rows of a file or a data set. A task is a reply, its key, and how they are compared."""

from collections.abc import Iterable, Mapping
from string import ascii_uppercase
from typing import Any

from msgspec import Struct

from redraft.graders.answers.canonical import words
from redraft.graders.answers.extract import extract
from redraft.store.errors import RedraftError
from redraft.store.problems import Kind
from redraft.store.sources.answer_key import read_tests
from redraft.store.sources.choice import chosen_letter, read_choices

KINDS = tuple(kind.value for kind in Kind if kind is not Kind.RUBRIC)
"""The kinds of problems that a key decides without a model."""


class GradeError(RedraftError):
    """Raised if a row can't be graded. The message says why."""


class Task(Struct, frozen=True, gc=False):
    """A reply to grade by a key. `choices` are the texts of the choices A, B and so on, if they are known."""

    reply: str
    key: str | None
    kind: Kind
    choices: tuple[str, ...] = ()

    def extracted(self) -> str | None:
        """Returns the answer in the reply. If there are choices, the answer is a letter. If the reply contains the text
        of a choice but no letter, the answer is the letter of that choice."""
        found = extract(self.reply, self.kind)
        if found or not self.choices:
            return found
        stated = extract(self.reply, Kind.TEXT)
        texts = [words(text) for text in self.choices]
        known = stated is not None and texts.count(words(stated)) == 1
        return ascii_uppercase[texts.index(words(stated or ""))] if known else None


def read_task(row: Mapping[str, Any], kind: str = Kind.MATH.value) -> Task:
    """Returns the task of a row with the columns `reply` and `answer`, and optionally `kind` and `choices`. The
    argument `kind` is used if the row has no kind. Raises GradeError, and SourceError if choices or tests cannot be
    read."""
    if not isinstance(row, Mapping):
        raise GradeError(f"a row is of type {type(row).__name__}: it has to be {SHAPE}")
    for name in ("reply", "answer"):
        if name not in row:
            raise GradeError(f"no column {name!r} among {', '.join(map(str, row)) or 'none'}: a row is {SHAPE}")
    reply, answer = row["reply"], row["answer"]
    if not isinstance(reply, str | None):
        raise GradeError(
            f"the reply is of type {type(reply).__name__}, and has to be a text (of messages, the last content)"
        )
    choices = row.get("choices")
    if isinstance(choices, Iterable) and not isinstance(choices, str | Mapping):
        choices = list(choices)
    if options := read_choices(choices):
        key = _key(answer)
        return Task(reply or "", key and chosen_letter(key, options), Kind.CHOICE, tuple(text for _, text in options))
    used = _kind(row.get("kind") or kind)
    key = "\n".join(read_tests(answer, row.get("entry_point"))) if used is Kind.CODE else _key(answer)
    return Task(reply or "", key, used)


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise GradeError(f"no kind {name!r} that a key decides; there are {', '.join(KINDS)}")
    return Kind(name)


def _key(answer: object) -> str | None:
    if not isinstance(answer, str | int | float | None):
        raise GradeError(f"the answer is of type {type(answer).__name__}, and has to be a text or a number")
    return None if answer is None or answer != answer else str(answer)  # NaN is not a key


SHAPE = '{"reply": "The answer is 7.", "answer": "7"}'
