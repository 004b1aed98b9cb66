"""Reads the answer of a solution from its text, by the kind of question, in microseconds.

A box counts before any other mark, because a box is the clearest mark; then `#### 18`, "A: 18" and "The answer
is 18", whichever comes last; then, if the text ends as a finished statement, its last number. A text that
was cut off in a box or in a calculation has no answer.
"""

import re

from redraft.graders.answers.canonical import MARKS, letter
from redraft.graders.answers.normalize import box, unwrap
from redraft.graders.answers.numbers import plain
from redraft.graders.programs.code_block import FENCE, program
from redraft.store.problems import Kind


def extract(text: str, kind: Kind = Kind.MATH) -> str | None:
    """The answer of a solution, as written; None if it gives none. If it gives several, the last counts.

    Code is the last block between fences that names Python or no language, else the whole text; free text is all of it.
    """
    if kind is Kind.CODE:
        return program(text)
    if kind is Kind.RUBRIC:
        return text.strip() or None
    if kind is Kind.MATH and BOX.search(text):
        return _boxed(text)
    return marked(text, kind) or _UNMARKED[kind](text)


def marked(text: str, kind: Kind = Kind.MATH) -> str | None:
    """The answer that a text marks as such (box, `####`, "A:", "the answer is", a block of code); None if it marks
    none."""
    if kind is Kind.RUBRIC:
        return None
    if kind is Kind.CODE:
        return program(text) if FENCE.search(text) else None
    if BOX.search(text) and (boxed := _boxed(text)):
        return letter(boxed) if kind is Kind.CHOICE else boxed
    weak = None
    for match in reversed(list(MARK.finditer(text))):
        content = text[match.end() :].split("\n", 1)[0]
        answer = _READ[kind](content)
        if answer is None or (match["heading"] is not None and answer != unwrap(content)):
            continue
        if match["line"] is not None or kind is not Kind.MATH or MATHS.search(answer):
            return answer
        weak = weak or answer
    return weak


def _boxed(text: str) -> str | None:
    last = None
    for match in BOX.finditer(text):
        last = match
    content = box(text, last.start()) if last else None
    return unwrap(content[0]) or None if content else None


def _read_math(content: str) -> str | None:
    content = unwrap(_sentence(content))
    if not content or plain(content):
        return content or None
    spans = SPAN.findall(content)
    if spans and PROSE.search(SPAN.sub("", content)):
        return unwrap(next(filter(None, spans[0])))
    prose = PROSE.search(COMMAND.sub(lambda match: "." * len(match[0]), content))
    if not prose:
        return content
    before = content[: prose.start()].rstrip(" ,;:(")
    if "\\" in before:
        return unwrap(before)
    number = NUMBER.search(content)
    return unwrap(number[0]) if number else content


def _read_text(content: str) -> str | None:
    return _sentence(content).strip(MARKS) or None


def _last_number(text: str) -> str | None:
    line = CALCULATOR.sub("", text).strip().rsplit("\n", 1)[-1].strip()
    numbers = list(NUMBER.finditer(line))
    if not numbers or "<<" in line:
        return None
    rest = line[numbers[-1].end() :]
    finished = line.endswith((".", "!", "$", "*")) or ENDING.fullmatch(rest)
    return unwrap(numbers[-1][0]) if finished else None


def _last_letter(text: str) -> str | None:
    alone = ALONE.fullmatch(text.strip().rsplit("\n", 1)[-1].strip())
    if alone:
        return alone[1]
    found = PARENTHESISED.findall(text)
    return found[-1] if found else None


def _last_line(text: str) -> str | None:
    return text.strip().rsplit("\n", 1)[-1].strip(MARKS) or None


def _sentence(content: str) -> str:
    end = SENTENCE.search(content)
    return content[: end.start()] if end else content


_READ = {Kind.MATH: _read_math, Kind.CHOICE: letter, Kind.TEXT: _read_text}
_UNMARKED = {Kind.MATH: _last_number, Kind.CHOICE: _last_letter, Kind.TEXT: _last_line}

BOX = re.compile(r"\\(?:boxed|fbox)(?![a-z])")
MARK = re.compile(
    r"""^[ ]*\#\#\#\#[ ]*(?P<heading>(?=\S))
    | ^[ *>_-]*A[*_]*[ ]*:[ *_]*(?P<line>(?=[^\s*_]))
    | \banswers?\b(?:[*_]*[^.:\n=]{0,60}?\b(?:is|are|be|equals)\b[ *_:=]*|[ *_]*[:=][ *_:]*)(?P<phrase>(?=\S))
    """,
    re.VERBOSE | re.MULTILINE | re.IGNORECASE,
)
SENTENCE = re.compile(r"(?<=[\w})\]%$*\"'])\.(?=\s|$)")
SPAN = re.compile(r"(?<!\\)\$(?=[^\s$])((?:\\.|[^$\\])+)(?<!\s)\$|\\\((.+?)\\\)")
COMMAND = re.compile(
    r"\\(?:text|mbox|mathrm|textbf|begin|end)\s*\{[^{}]*\}|\\[A-Za-z]+|\b(?:sqrt|sin|cos|tan|log|and|or)\b"
)
PROSE = re.compile(r"[A-Za-z]{2,}")
MATHS = re.compile(r"\d|\\")
NUMBER = re.compile(
    r"""(?<![\w.])[-−]?(?:\\?\$|€|£)?\s?[-−]?
    (?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?:\s?/\s?\d+(?:\.\d+)?)?
    (?:\s?\\?%|\s(?:percent|thousand|million|billion|trillion)\b)?""",
    re.VERBOSE,
)
CALCULATOR = re.compile(r"<<[^<>]*>>")
ENDING = re.compile(r"[\s*_)$]*(?:[A-Za-z]+[\s*_)]*)?")
PARENTHESISED = re.compile(r"\(([A-J])\)")
ALONE = re.compile(r"\W*(?:[Oo]ption |[Cc]hoice )?([A-J])(?:\W*|[.):]\s.*)")
