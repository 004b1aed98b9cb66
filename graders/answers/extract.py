"""Reads the answer of a solution from its text, depending on the kind of question, in microseconds.

The model's thinking, and any further problem that the model makes up, are ignored. In the rest, a box takes precedence
over any other mark, because it is the clearest one. The next in order are `#### 18`, "A: 18" and "The answer is 18",
whichever comes last. Otherwise the answer is the value at the end of the text, if the text ends with a complete
statement. A text that was cut off inside a box or a calculation has no answer.
"""

import re
from itertools import islice

from redraft.graders.answers.canonical import TEXT, letter
from redraft.graders.answers.normalize import unwrap
from redraft.graders.answers.replies.boxes import after_boxes, boxed, without_boxes
from redraft.graders.answers.replies.choice import concluded_letter, stated_letter
from redraft.graders.answers.replies.doubt import is_taken_back
from redraft.graders.answers.replies.final import concluded
from redraft.graders.answers.replies.labels import Form, labels
from redraft.graders.answers.replies.reader import stated
from redraft.graders.answers.replies.strings import concluded_words, stated_words
from redraft.graders.answers.replies.symbols import keyboard
from redraft.graders.answers.replies.thinking import spoken, unthought
from redraft.graders.answers.replies.value import is_formula
from redraft.graders.programs.program_reader import FENCE, program
from redraft.store.problems import Kind


def extract(text: str, kind: Kind = Kind.MATH) -> str | None:
    """Returns the answer of a solution, as written; None if it has none. If it states several answers, the last one is
    returned. For code, returns the program in the code blocks, or else the whole text; for free text, the whole text.
    """
    if kind is Kind.CODE:
        return program(unthought(text))
    if kind is Kind.RUBRIC:
        return unthought(text).strip() or None
    text, answer = _read(text, kind)
    return (_CONCLUDED[kind](text) if answer is None else answer) or None


def marked(text: str, kind: Kind = Kind.MATH) -> str | None:
    """Returns the answer that a text marks (with a box, `####`, "A:", "the answer is", or a code block); None if it
    marks none."""
    if kind is Kind.RUBRIC:
        return None
    if kind is Kind.CODE:
        text = unthought(text)
        return program(text) if FENCE.search(text) else None
    return _read(text, kind)[1] or None


def _read(text: str, kind: Kind) -> tuple[str, str | None]:
    """Returns a pair: the part of a text that may contain its answer, and the answer that it marks. The answer is "" if
    the mark is cut off, and None if there is no mark."""
    text = spoken(text)[-LONGEST:]
    if kind is Kind.MATH:
        text = keyboard(text)
    for heading in islice(PROBLEM.finditer(text), MOST_PROBLEMS):
        if answer := _STATED[kind](text[: heading.start()]):
            return text[: heading.start()], answer
    return text, _STATED[kind](text)


def _stated_math(text: str) -> str | None:
    if (answer := boxed(text)) is not None:
        rest = after_boxes(text)
        return (_stated_math(rest) or concluded(rest) or "") if is_taken_back(rest) else answer
    text = without_boxes(text)
    words = None
    for label in labels(text):
        if label.form is Form.PHRASE and is_taken_back(text[label.start :]):
            continue
        answer = stated(label.content)
        if answer is None or (label.form is Form.HEADING and not _is_all(answer, label.content)):
            continue
        if is_formula(answer) or (label.form is not Form.PHRASE and words is None):
            return answer
        words = words or answer
    return words


def _is_all(answer: str, content: str) -> bool:
    """Returns whether an answer is all that a heading says. A heading in words is an answer only at a text's end."""
    line, _, rest = content.partition("\n")
    return answer == unwrap(line) and (is_formula(answer) or not rest.strip())


def _stated_choice(text: str) -> str | None:
    answer = boxed(text)
    if answer and is_taken_back(rest := after_boxes(text)):
        return stated_letter(rest) or ""
    return (letter(answer) if answer else None) or stated_letter(text)


def _stated_text(text: str) -> str | None:
    answer = boxed(text)
    return TEXT.sub(r"\1", answer).strip() if answer else stated_words(text)


_STATED = {Kind.MATH: _stated_math, Kind.CHOICE: _stated_choice, Kind.TEXT: _stated_text}
_CONCLUDED = {
    Kind.MATH: lambda text: concluded(without_boxes(text)),
    Kind.CHOICE: concluded_letter,
    Kind.TEXT: concluded_words,
}

PROBLEM = re.compile(
    r"\n[ \t>*#_]{0,12}(?=[QPHUIEN#问問题題질문])(?:(?:Q|Question|QUESTION|Problem|PROBLEM|Human|User|USER|Instruction"
    r"|Input|Exercise|问题?|題目|题目|問題?|질문|문제)[*_]*[ ]?[:：]"
    r"|\#{2,6}[ ]?(?:Instruction|Question|Problem|Input|User|Human)s?\b"
    r"|Now,[^\n]{0,30}(?:\ball (?:the |questions and |the questions and )?answers|答案)[^\n]{0,10}[:：.])"
)
"""Matches the heading of another problem, which a model makes up after its answer, or of a list of all answers."""
MOST_PROBLEMS = 4
LONGEST = 200_000  # characters; only the end of a longer text is read
