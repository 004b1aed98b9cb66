"""Reads the known answer of a problem from the cell that states it: a value, a value with its unit, a list of values,
or a worked solution."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from redraft.store.errors import SourceError
from redraft.store.sources.fields import as_text, is_empty

NO_VALUE = frozenset({"nan", "none", "null", "n/a", "na", "proof", "notfound", "not found", "not_found", "unknown"})
"""What data sets write in the place of an answer that they don't have."""

GSM8K = re.compile(r"\n?#### *(.+?)\s*\Z")
BOX = re.compile(r"\\(?:boxed|fbox) *")
BRACES = re.compile(r"\\.|[{}]", re.DOTALL)  # an escaped brace is skipped, and an escaped backslash escapes nothing
NUMBER = r"[-−]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?:/\d+)?"
UNIT = re.compile(rf"({NUMBER}(?::\d+)?)\s+\((?!mod\b|base\b)[A-Za-z$%][^()+*=]+\)")  # "9 (apples)", as ASDiv writes it
FORMULA = re.compile(r"\A\$([^$]+)\$\Z")
STATED = re.compile(r"\banswer(?:\s+is\s*:?|\s*:)\s*(?:\*\*)?(.+?)(?:\*\*)?\.?\s*\Z", re.IGNORECASE)
WORD = re.compile(r"(?<![\\\w{])[^\W\d_]{2,}")  # in prose: no command or name of an environment of LaTeX
LAST = re.compile(rf"(?<![\w.])(?:\$|\\\$)?({NUMBER})(?![\w/])")


class Known(NamedTuple):
    """The known answer; None if there is none. `why` then says what stands in its place. `solution` is the text that
    the answer was read from, if it was read from a worked solution."""

    answer: str | None = None
    solution: str | None = None
    why: str | None = None


def known_answer(value: Any, *, worked: bool = False) -> Known:
    """Returns the known answer that a cell states. With `worked`, the column holds worked solutions by its name.

    GSM8K's mark (`#### 18`) and the last `\\boxed{...}` count before all else. A solution without such a mark has the
    answer that its last line states plainly: "The answer is 18", or a last sentence with one value, such as "She has
    30 - 12 = 18 dollars." Raises SourceError for an object, and for a box that is never closed.
    """
    text = stated_text(value)
    if not text:
        return Known()
    if text.casefold() in NO_VALUE:
        return Known(why=repr(text))
    if marked := marked_answer(text):
        return marked
    if (worked and not _is_value(text)) or ("\n" in text and len(WORD.findall(text)) > MOST_WORDS):
        last = plain_value(text)
        return Known(last, text, None if last else "a solution that states no answer plainly")
    return Known(without_unit(text))


def marked_answer(text: str) -> Known | None:
    """Returns the answer that a text marks as GSM8K (`#### 18`) or MATH (`\\boxed{18}`) do; None if it marks none.
    Raises SourceError for a box that is never closed."""
    if mark := GSM8K.search(text):
        return Known(mark[1].replace(",", "").replace("$", ""), text[: mark.start()])
    box = boxed(text)
    if box is None:
        return None
    return Known(None, text, repr(box)) if box.casefold() in {"", *NO_VALUE} else Known(box, text)


def stated_text(value: Any) -> str:
    """Returns what a cell states as one text. The texts of a list have commas between them, and lose the dollar signs
    around each. Raises SourceError."""
    if isinstance(value, Mapping) and isinstance(value.get("text"), list):  # SQuAD's answers
        value = value["text"][:1]
    if isinstance(value, list):
        return ", ".join(filter(None, (FORMULA.sub(r"\1", as_text(one, "answer")) for one in value)))
    return "" if is_empty(value) else as_text(value, "answer")


def without_unit(text: str) -> str:
    """Returns "9" for "9 (apples)", and "4, 6" for "4 (cats); 6 (dogs)"; any other text as it is."""
    parts = [UNIT.fullmatch(part.strip()) for part in text.split(";")]
    return ", ".join(part[1] for part in parts if part) if all(parts) else text


def plain_value(text: str) -> str | None:
    """Returns the value that the end of a worked solution states plainly; None if it states none, or several."""
    line = text.rstrip().rsplit("\n", 1)[-1]
    if stated := STATED.search(text):
        return stated[1].strip() if "\n" not in stated[1] and len(stated[1]) <= LONGEST_ANSWER else None
    sentence = re.split(r"(?<=[.!?])\s+", line.strip())[-1]
    values = LAST.findall(sentence.rpartition("=")[2])
    return values[0].replace(",", "") if len(values) == 1 else None


LONGEST_ANSWER = 80  # characters


MOST_WORDS = 4
"""The most words in a value of several lines, such as a matrix; a text with more words is a solution."""


def _is_value(text: str) -> bool:
    """Returns whether the text in a column of solutions is a bare value: a few words, and no sentence."""
    return len(text.split()) <= 4 and not text.endswith((".", "!"))


def boxed(text: str) -> str | None:
    """Returns the content of the last `\\boxed{...}`, `\\fbox{...}` or `\\boxed 5`; None if there is no box. The
    content may have pairs of braces. Raises SourceError if the box is never closed."""
    if "box" not in text:
        return None
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
