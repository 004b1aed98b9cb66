"""Reads a problem from a row of a file. It knows the usual names of columns, and how GSM8K, MATH and multiple-choice
data sets write answers."""

import json
import re
from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from redraft.store.errors import ColumnError, SourceError
from redraft.store.problems import Kind, Problem
from redraft.store.sources import answer_keys as kinds
from redraft.store.sources.files import Row

QUESTION = ("question", "problem", "content", "prompt", "input", "query")
ANSWER = ("answer", "answerkey", "final_answer", "target", "solution", "output")
SUBJECT = ("subject", "type", "category", "topic")
ID = ("id", "problem_id", "unique_id")
CHOICES = ("choices", "options")
SOLUTION = ("solution", "rationale", "explanation")

GSM8K = re.compile(r"\n?#### *(.+?)\s*\Z")
BOX = re.compile(r"\\(?:boxed|fbox) *")
BRACES = re.compile(r"\\.|[{}]", re.DOTALL)  # an escaped brace is skipped, and an escaped backslash escapes nothing


def problem(row: Row, *, source: str, split: str | None, question: str | None, answer: str | None) -> Problem:
    """Returns the problem of a row. `question` and `answer` name the row's columns if the columns have unusual names.

    GSM8K's answer (`#### 18`) and MATH's answer (the last `\\boxed{...}`) are read from the worked solution, which is
    kept as `meta["solution"]`. Choices become lines "A) ..." of the question, and their answer is a letter. The answer
    of a code problem is its tests; visible tests follow the question. The answer of free text is its rubric. Raises
    SourceError if the row holds no problem.
    """
    asked, key = _column(row, question, QUESTION), _column(row, answer, ANSWER)
    if asked is None:
        missing = "no column for the question" if question is None else f"no column {question!r}"
        there = ", ".join(map(str, row)) or "none"
        raise ColumnError(f"{missing} among {there}: name the one that holds the question with --question-column")
    if answer is not None and key is None:
        there = ", ".join(map(str, row))
        raise ColumnError(
            f"no column {answer!r} among {there}: name the one that holds the answer with --answer-column"
        )
    text = _text(row[asked], "question")
    if not text:
        raise SourceError("the question is empty")
    stated = None if key is None else _text(row[key], "answer") or None
    options = read_choices(_value(row, CHOICES))
    kind, visible = _kind(row), ()
    if kind is Kind.CODE:
        found, visible = _tests(row)
        text, solution = kinds.shown(text, visible), _text(_value(row, kinds.PROGRAM), "solution") or stated
    elif kind is Kind.RUBRIC:
        found, solution = kinds.read_rubric(_value(row, kinds.RUBRIC), stated), stated
    elif options:
        lettered = zip(ascii_uppercase, (choice for _, choice in options), strict=False)
        text = "\n".join([text, *(f"{letter}) {choice}" for letter, choice in lettered)])
        found, solution, kind = chosen_letter(stated, options), None, Kind.CHOICE
    else:
        found, solution = _answer(stated)
    solution = solution or (_text(_value(row, SOLUTION), "solution") if key not in SOLUTION else None)
    number, level = _value(row, ID), _value(row, ("level",))
    return Problem(
        question=text,
        answer=found,
        problem_id="" if number is None else f"{source}/{number}",
        source=source,
        split=split or _text(_value(row, ("split",)), "split") or None,
        kind=kind,
        level=_level(level),
        subject=_text(_value(row, SUBJECT), "subject") or None,
        meta=({"solution": solution} if solution else {}) | ({"tests": list(visible)} if visible else {}),
    )


def boxed(text: str) -> str | None:
    """Returns the content of the last `\\boxed{...}`, `\\fbox{...}` or `\\boxed 5`; None if there is no box. The
    content may have pairs of braces. Raises SourceError if the box is never closed."""
    boxes = list(BOX.finditer(text))
    if not boxes:
        return None
    rest = text[boxes[-1].end() :]
    if not rest.startswith("{"):
        return next(iter(rest.partition("$")[0].split()), None)
    depth = 0
    for mark in BRACES.finditer(rest):
        depth += {"{": 1, "}": -1}.get(mark[0], 0)
        if depth == 0:
            return rest[1 : mark.start()].strip()
    raise SourceError("the answer's \\boxed{ is never closed")


def worked(row: Row) -> str:
    """Returns a row's worked solution as written, with its answer; empty if the row has none. Raises SourceError."""
    texts = (_text(_value(row, columns), "solution") for columns in (SOLUTION, ANSWER))
    return next(filter(None, texts), "")


def _answer(stated: str | None) -> tuple[str | None, str | None]:
    """Returns the answer alone, and the worked solution if the answer was read from a solution."""
    if stated is None:
        return None, None
    if mark := GSM8K.search(stated):
        return mark[1].replace(",", "").replace("$", ""), stated[: mark.start()]
    box = boxed(stated)
    return (stated, None) if box is None else (box, stated)


def _column(row: Row, named: str | None, usual: Sequence[str]) -> str | None:
    """Returns the name of a column: the name that the user gave, else the first usual name that the row has."""
    if named is not None:
        return named if named in row else None
    names = {str(name).strip().lower(): name for name in reversed(list(row))}
    return next((names[name] for name in usual if name in names), None)


def _value(row: Row, usual: Sequence[str]) -> Any:
    name = _column(row, None, usual)
    return None if name is None else row[name]


def _text(value: Any, what: str) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping | list):
        raise SourceError(f"the {what} is not a text")
    text = str(value).strip()
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise SourceError(f"the {what} holds half a character (a lone surrogate)")
    return text


def read_choices(value: Any) -> list[tuple[str, str]]:
    """Returns the label and the text of each choice. `value` is a list, `{"A": ...}`, `{"label": [...], "text":
    [...]}`, or one of the three as JSON text."""
    if isinstance(value, str) and value.strip():
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise SourceError(f"the choices are not a JSON list ({error})") from error
    if not value:
        return []
    if not isinstance(value, Mapping | list):
        raise SourceError("the choices are not a list")
    if isinstance(value, Mapping):
        listed = {"label", "text"} <= value.keys()
        labels, texts = (value["label"], value["text"]) if listed else (list(value), list(value.values()))
    else:
        labels, texts = ascii_uppercase[: len(value)], value
    if not isinstance(texts, list) or len(labels) != len(texts) or not 2 <= len(texts) <= len(ascii_uppercase):
        raise SourceError("the choices are not a list of 2 to 26 texts")
    return [(str(label), _text(text, "choice")) for label, text in zip(labels, texts, strict=True)]


def chosen_letter(stated: str | None, options: Sequence[tuple[str, str]]) -> str | None:
    """Returns the letter of the right choice. The row may name the choice by its label, by its number from 0, or by its
    text."""
    if stated is None:
        return None
    labels = [label for label, _ in options]
    texts = [text for _, text in options]
    bare = stated.strip("(). ")
    for names in (labels, list(map(str.lower, labels)), [str(number) for number in range(len(options))], texts):
        if bare in names or stated in names:
            return ascii_uppercase[names.index(bare if bare in names else stated)]
    raise SourceError(f"the answer {stated!r} is none of the choices {', '.join(labels)}")


def _kind(row: Row) -> Kind:
    """Returns the kind of problem that a row names; if the row names none, the kind that its columns imply."""
    value = _value(row, ("kind",))
    if value not in (None, ""):
        if value not in list(Kind):
            raise SourceError(f"no kind {value!r}; there are {', '.join(Kind)}")
        return Kind(value)
    if _value(row, kinds.RUBRIC):
        return Kind.RUBRIC
    checked = _value(row, kinds.HUMANEVAL) and _value(row, ("entry_point",))
    return Kind.CODE if checked or _value(row, kinds.TESTS) else Kind.MATH


def _tests(row: Row) -> tuple[str | None, tuple[str, ...]]:
    """Returns the tests that decide whether a program is right, as one text, and the tests that a solver may see."""
    decide = kinds.read_tests(_value(row, (*kinds.TESTS, *kinds.HUMANEVAL)), _value(row, ("entry_point",)))
    return "\n".join(decide) or None, kinds.read_tests(_value(row, kinds.VISIBLE), None)


def _level(value: Any) -> int | None:
    found = re.fullmatch(r"(?:level *)?(\d{1,9})(?:\.0)?", str(value).strip(), re.IGNORECASE)
    return int(found[1]) if found else None
