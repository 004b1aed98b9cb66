"""Reads a problem from a row of a file."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import Any

from redraft.store.errors import SourceError, alternatives
from redraft.store.problems import Kind, Problem
from redraft.store.sources.answer import Known, known_answer, listed, marked_answer, stated_text
from redraft.store.sources.answer_key import read_rubric, read_tests, with_tests
from redraft.store.sources.choice import Choices, chosen_letter, mixed, read_choices
from redraft.store.sources.columns import Columns, columns_of, missing
from redraft.store.sources.fields import (
    Row,
    as_text,
    decoded,
    first,
    is_empty,
    lines_of,
    message_text,
    program_of,
    shown,
    value_at,
)
from redraft.store.sources.layout import LONG, PICTURE, SOLUTIONS, Layout

ROLES = ("question", "answer")
LEVEL = re.compile(r"(?:level *)?(\d{1,9})(?:\.0)?", re.IGNORECASE)
NUMBERED = re.compile(r"\s*[-−]?[\d.,]+\s*")
TRUTH = ("correct", "label")  # in some files they say whether a solution is right; true or false is no answer


@dataclass(slots=True)
class SourceNotes:
    """Counts of facts about the rows of a file that a user should know before paying for a model, such as questions
    that lack the text of a column."""

    left_out: Counter[str] = field(default_factory=Counter)  # questions that lack the text of a column, by column
    pictures: int = 0  # questions with a picture
    repeats: int = 0  # rows with the question of an earlier row
    columns: tuple[str, ...] = ()  # the columns of the latest row


def problem(
    row: Row,
    *,
    source: str,
    split: str | None,
    question: str | None,
    answer: str | None,
    notes: SourceNotes | None = None,
) -> Problem:
    """Returns the problem of a row. `question` and `answer` name the row's columns if the columns have unusual names.

    The question is joined from the columns of its layout. Choices are added to the question as lines "A) ...", and the
    answer is then a letter. The answer of a math problem is read by `known_answer`. `meta["solution"]` is the worked
    solution, if there is one, and `meta["no_answer"]` says what the cell holds if it holds no answer. The answer of a
    code problem is its tests. Below its question come the visible tests, or else the names of functions that the tests
    call. The answer of a `rubric` problem is its rubric. `notes` counts what a user should know. Raises SourceError if
    the row holds no problem.
    """
    notes = notes or SourceNotes()
    columns = columns_of(tuple(row), question, answer)
    if not columns.question:
        has_key = columns.answer or any(columns.keys[name] for name in ("tests", "check", "rubric"))
        raise missing(tuple(row), "no column for the question", *(["question"] if has_key else ROLES))
    notes.columns = tuple(row)
    text = _question(row, columns, notes)
    key, stated = _stated(row, columns)
    kind = Kind.MATH if columns.plain else _kind(row, columns)
    options, visible = [] if columns.plain else _options(row, columns, stated), ()
    if kind is Kind.CODE:
        tests, visible = _tests(row, columns)
        text = with_tests(text, visible, tests)
        known = Known(tests, program_of(first(row, columns.keys["program"])) or stated_text(stated))
    elif kind is Kind.RUBRIC:
        reference = stated_text(stated) or None
        known = Known(read_rubric(first(row, columns.keys["rubric"]), reference), reference)
    elif options:
        lettered = zip(ascii_uppercase, (choice for _, choice in options), strict=False)
        text = "\n".join([text, *(f"{label}) {choice}" for label, choice in lettered)])
        known, kind = _choice(stated, options, columns.layout), Kind.CHOICE
    elif kind is Kind.TEXT:
        words = stated_text(stated)
        known = marked_answer(words) or Known(words or None)
    else:
        known = known_answer(_typed(row, columns, stated), columns.layout.prose if key in SOLUTIONS else "value")
    elsewhere = [path for path in columns.solution if path[-1].strip().lower() != key]
    solution = known.solution or (lines_of(first(row, elsewhere), "solution") if elsewhere else "")
    number, level, subject = (first(row, paths) for paths in (columns.number, columns.level, columns.subject))
    meta = {"solution": solution, "tests": list(visible), "no_answer": known.why}
    return Problem(
        question=text,
        answer=known.answer,
        problem_id="" if number is None else f"{source}/{number}",
        source=source,
        split=split or as_text(first(row, columns.split), "split") or None,
        kind=kind,
        level=_level(level),
        subject=as_text(subject[0] if isinstance(subject, list) else subject, "subject") or None,
        meta={name: value for name, value in meta.items() if value},
    )


def worked(row: Row) -> str:
    """Returns a row's worked solution with its answer, unchanged; "" if the row has none. Raises SourceError
    if a column has a value of an unexpected type."""
    columns = columns_of(tuple(row))
    return lines_of(first(row, columns.solution), "solution") or stated_text(_stated(row, columns)[1])


def _question(row: Row, columns: Columns, notes: SourceNotes) -> str:
    """Returns the question, preceded by the texts of the columns `beside` and followed by the unit. Raises SourceError
    if the question is empty."""
    value = row[columns.question[0][0]] if columns.plain else None
    if isinstance(value, str) and (text := value.strip()) and not text.startswith("[{"):
        notes.pictures += "<im" in text and bool(PICTURE.search(text))
        return text
    joint, texts = columns.layout.joint, filter(None, _asked(row, columns))
    text = next(texts, "") if joint is None else _joined(list(texts), joint)
    if not text:
        raise SourceError("the question is empty")
    if unit := as_text(first(row, columns.unit), "unit"):
        text = f"{text} (Unit: {unit})"
    columns_with_pictures = any(not is_empty(row[path[0]]) for path in columns.pictures)
    notes.pictures += columns_with_pictures or ("<im" in text and bool(PICTURE.search(text)))
    if columns.unused:
        notes.left_out.update(str(path[0]) for path in columns.unused if not is_empty(row[path[0]]))
    for name in columns.watched:
        value = row[name]
        if isinstance(value, str) and len(value) >= LONG and text not in value:
            notes.left_out[str(name)] += 1
    if not columns.beside:
        return text
    beside = {str(path[0]): shown(row[path[0]]) for path in columns.beside}
    notes.left_out.update(name for name, told in beside.items() if told is None)
    return "\n\n".join(filter(None, ["\n".join(filter(None, beside.values())), text]))


def _joined(texts: Sequence[str], joint: str) -> str:
    """Returns the texts joined by `joint`. If that is a space, a full stop is added to a text that ends in a letter or
    digit."""
    if joint == " ":
        texts = [*(f"{text}." if text[-1].isalnum() else text for text in texts[:-1]), *texts[-1:]]
    return joint.join(texts)


def _asked(row: Row, columns: Columns) -> Iterable[str]:
    """Yields the text of each column of the question. A column may hold a prompt as a list of messages."""
    for path in columns.question:
        value = value_at(row, path)
        if isinstance(value, str) and value.startswith("[{"):
            value = decoded(value)
        messages = isinstance(value, list) and value and isinstance(value[0], dict)
        yield message_text(value) if messages else as_text(value, "question")


def _stated(row: Row, columns: Columns) -> tuple[str, Any]:
    """Returns a pair (column, value): the name of the answer's column in lower case, and its value. Returns ("", None)
    if no column has a value."""
    for path in columns.answer:
        value, name = value_at(row, path), str(path[-1]).strip().lower()
        if not is_empty(value) and not (isinstance(value, bool) and name in TRUTH):
            return name, value
    return "", None


def _options(row: Row, columns: Columns, stated: Any) -> Choices:
    """Returns the choices of a row, which are a list in one column, or are in several columns: one for each choice, or
    one for the right choice and others for the wrong ones."""
    if columns.options:
        return _listed(row, columns, stated)
    if not columns.wrong:
        return read_choices(first(row, columns.choices))
    wrong = [value for path in columns.wrong if not is_empty(value := value_at(row, path))]
    return mixed(stated, wrong) if wrong and stated is not None else []


def _listed(row: Row, columns: Columns, stated: Any) -> Choices:
    """Returns the choices that columns such as A, B and C hold; empty columns are ignored. Columns named by single
    letters may also hold numbers, such as the sides of a triangle. If all of them do, they are choices only if the
    answer is a letter."""
    texts = {label: row[name] for label, name in columns.options.items() if not is_empty(row[name])}
    letter = isinstance(stated, str) and stated.strip("(). ").upper() in texts
    numbers = "A" in columns.options.values() and all(NUMBERED.fullmatch(str(text)) for text in texts.values())
    return read_choices(texts) if len(texts) > 1 and (letter or not numbers) else []


def _typed(row: Row, columns: Columns, stated: Any) -> Any:
    """Returns a stated answer. If its row says that it is a list, as in TheoremQA, the items are joined by semicolons,
    which show that their order matters."""
    if columns.answer_type and str(first(row, columns.answer_type)).startswith("list") and isinstance(stated, str):
        items = listed(stated)
        return "; ".join(as_text(one, "answer") for one in items) if isinstance(items, list) else stated
    return stated


def _choice(stated: Any, options: Choices, layout: Layout) -> Known:
    if isinstance(stated, list) and len(stated) == 1:
        stated = stated[0]  # its type says whether it is a number
    return Known() if stated is None else Known(chosen_letter(stated, options, layout.answer_is))


def _kind(row: Row, columns: Columns) -> Kind:
    """Returns the kind of problem that a row names, or the kind that its columns imply if the row names none. Raises
    SourceError for an unknown kind."""
    value, keys = first(row, columns.kind), columns.keys
    if value is not None:
        if value not in list(Kind):
            raise SourceError(f"no kind {value!r}; {alternatives(value, Kind)}")
        return Kind(value)
    if keys["rubric"] and first(row, keys["rubric"]):
        return Kind.RUBRIC
    checked = keys["check"] and first(row, keys["check"]) and first(row, keys["entry_point"])
    return Kind.CODE if checked or (keys["tests"] and first(row, keys["tests"])) else Kind.MATH


def _tests(row: Row, columns: Columns) -> tuple[str | None, tuple[str, ...]]:
    """Returns a pair: the tests that decide whether a program is right, as one text (None if there are none), and the
    tests that a solver may see."""
    keys = columns.keys
    setup = [value_at(row, path) for path in keys["setup"]]
    decide = read_tests(first(row, (*keys["tests"], *keys["check"])), first(row, keys["entry_point"]), setup)
    return "\n".join(decide) or None, read_tests(first(row, keys["visible"]), setup=setup)


def _level(value: Any) -> int | None:
    found = None if value is None else LEVEL.fullmatch(str(value).strip())
    return int(found[1]) if found else None
