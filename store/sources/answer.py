"""Reads the known answer of a problem from a cell of a data file. The cell may hold a value, a value with its unit, a
list of values, or a worked solution."""

import ast
import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from redraft.store.errors import SourceError
from redraft.store.sources.fields import as_text, decoded, is_empty

NO_VALUE = frozenset({"nan", "none", "null", "n/a", "na", "proof", "notfound", "not found", "not_found", "unknown"})
"""The values that data sets write if they have no answer."""

MARK = "####"  # GSM8K's, before the answer on a solution's last line
BOX = re.compile(r"\\(?:boxed|fbox) *")
BRACES = re.compile(r"\\.|[{}]", re.DOTALL)  # an escaped brace is skipped, and an escaped backslash escapes nothing
NUMBER = r"[-−]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?:/\d+)?"
UNIT = re.compile(rf"({NUMBER}(?::\d+)?)\s+\((?!mod\b|base\b)[A-Za-z$%][^()+*=]+\)")  # "9 (apples)", as ASDiv writes it
IN_BRACKETS = re.compile(rf"\(({NUMBER}\s+(?!mod\b|base\b)[A-Za-z]{{2,}}[^(),;=]*)\)")  # "(5 apples)"
LABEL = re.compile(r"[A-Z]\)\s*(?=\S)|\([A-Z]\)\s+(?=[\w\\$]|-\S)")  # "A)21", the label of a choice
FORMULA = re.compile(r"\A\$([^$]+)\$\Z")
STATES = re.compile(r"\banswer(?:\s+is\s*:?|\s*:)", re.IGNORECASE)
SENTENCE = re.compile(r"(?<=[.!?])\s+")
WORD = re.compile(r"(?<![\\\w{])[^\W\d_]{2,}")  # in prose: no command or name of an environment of LaTeX
LAST = re.compile(rf"(?<![\w.])(?:\$|\\\$)?({NUMBER})(?![\w/])")


class Known(NamedTuple):
    """The known answer, or None if there is none; then `why` says what the cell holds instead. `solution` is the worked
    solution that the answer was read from, if the cell held one."""

    answer: str | None = None
    solution: str | None = None
    why: str | None = None


Reads = Literal["value", "solution", "statement", "mark"]
"""What a cell holds, and so what of it is an answer: a value, or a solution that states one ("value"); a worked
solution, whose last sentence may be the answer ("solution"); a text that may be a solution, so that only a bare number
or a stated answer counts ("statement"); a free text, in which only a marked answer counts ("mark")."""


def known_answer(value: Any, reads: Reads = "value") -> Known:
    """Returns the known answer that a cell states. `reads` says what the cell's column holds.

    An answer after GSM8K's mark (`#### 18`), or in the last `\\boxed{...}`, takes precedence. In a solution without
    such a mark, the answer is what its end states plainly: "The answer is 18", or a last sentence with one value, such
    as "She has 30 - 12 = 18 dollars." Raises SourceError if the cell holds an object, or if a box is never closed.
    """
    text = stated_text(value)
    if not text:
        return Known()
    if text.isdigit() and text.isascii() and reads != "mark":  # most answers of most data sets
        return Known(text)
    if text.casefold() in NO_VALUE:
        return Known(why=repr(text))
    if marked := marked_answer(text):
        return marked
    if reads == "mark":
        return Known(None, text, "a text that marks no answer")
    if _is_solution(text, reads):
        last = stated_answer(text) if reads == "statement" else plain_value(text)
        return Known(last, text, None if last else "a solution that states no answer plainly")
    return Known(bare_value(text))


def _is_solution(text: str, reads: Reads) -> bool:
    if reads == "statement":
        return bool(WORD.search(text))
    if reads == "solution":
        return not _is_value(text)
    return bool(STATES.search(text)) or ("\n" in text and len(WORD.findall(text)) > MOST_WORDS)


def marked_answer(text: str) -> Known | None:
    """Returns the answer that a text marks as GSM8K (`#### 18`) or MATH (`\\boxed{18}`) do, or None if it marks none.
    Raises SourceError if a box is never closed."""
    before, mark, after = text.rpartition(MARK)
    if mark and "\n" not in after.strip():
        value, solution = after.strip().replace(",", "").replace("$", ""), before.removesuffix("\n")
        return Known(value, solution) if value else Known(None, solution, f"{MARK} without a value")
    box = boxed(text)
    if box is None:
        return None
    return Known(None, text, repr(box)) if box.casefold() in {"", *NO_VALUE} else Known(box, text)


def stated_text(value: Any) -> str:
    """Returns the content of a cell as one text. A list, or a text that spells one, such as '["3", "4"]', becomes its
    items joined by commas, without the dollar signs around each item. Raises SourceError if the cell holds an object or
    a nested list."""
    if isinstance(value, Mapping) and isinstance(value.get("text"), list):  # SQuAD's answers
        value = value["text"][:1]
    if isinstance(value, str) and value.lstrip().startswith(QUOTED):
        value = listed(value)
    if isinstance(value, list):
        return ", ".join(filter(None, (FORMULA.sub(r"\1", as_text(one, "answer")) for one in value)))
    return "" if is_empty(value) else as_text(value, "answer")


def listed(text: str) -> Any:
    """Returns the list that `text` spells in JSON or Python syntax; returns `text` unchanged if it spells no list."""
    value = decoded(text)
    if isinstance(value, str) and text.lstrip().startswith("["):
        try:
            value = ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return text
    return value if isinstance(value, list) else text


def bare_value(text: str) -> str:
    """Returns a value without the label, unit or brackets that data sets write around it: "9" for "9 (apples)", "4, 6"
    for "4 (cats); 6 (dogs)", "5 apples" for "(5 apples)", and "21" for "A)21". Other texts are returned unchanged."""
    if label := LABEL.match(text):
        text = text[label.end() :]
    if whole := IN_BRACKETS.fullmatch(text):
        return whole[1]
    parts = [UNIT.fullmatch(part.strip()) for part in text.split(";")]
    return ", ".join(part[1] for part in parts if part) if all(parts) else text


def plain_value(text: str) -> str | None:
    """Returns the value that the end of a worked solution states plainly, or None if it states no value or several
    values."""
    if STATES.search(text):
        return stated_answer(text)
    line = text.rstrip().rsplit("\n", 1)[-1]
    values = LAST.findall(SENTENCE.split(line.strip())[-1].rpartition("=")[2])
    return values[0].replace(",", "") if len(values) == 1 else None


def stated_answer(text: str) -> str | None:
    """Returns the value after the last "the answer is" or "answer:" of a text. Returns None if there is none, or if a
    longer text than a value follows."""
    *_, last = [None, *STATES.finditer(text)]
    if last is None:
        return None
    value = text[last.end() :].strip().removeprefix("**").removesuffix(".").strip().removesuffix("**").strip()
    plain = value and "\n" not in value and len(value) <= LONGEST_ANSWER and not SENTENCE.search(value)
    return value if plain else None


LONGEST_ANSWER = 80  # characters

QUOTED = ('["', "['")
"""The first characters of a text that spells a list of texts. A list of numbers, [1, 2], may be an interval."""


MOST_WORDS = 4
"""The largest number of words in a value of several lines, such as a matrix. A text with more words is a solution."""


def _is_value(text: str) -> bool:
    """Returns whether a text in a column of solutions is a value without a solution: at most four words, and no
    sentence."""
    return len(text.split()) <= 4 and not text.endswith((".", "!"))


def boxed(text: str) -> str | None:
    """Returns the content of the last `\\boxed{...}`, `\\fbox{...}` or `\\boxed 5`, or None if there is no box.
    The content may have nested braces. Raises SourceError if the box is never closed."""
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
