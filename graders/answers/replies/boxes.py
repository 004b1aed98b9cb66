"""Reads the boxes of a reply (`\\boxed{18}`)."""

import re

from redraft.graders.answers.normalize import BOXED, box, unwrap
from redraft.graders.answers.replies.doubt import is_denied
from redraft.graders.answers.replies.formulas import result


def boxed(text: str) -> str | None:
    """Returns the content of the last box that is not empty. If one statement has several boxes, their contents are
    joined by ", ". Returns "" if the last box is cut off, and None if all boxes are empty or there is none."""
    answers: list[str] = []
    place = following = len(text)
    for _ in range(MOST):
        place = text.rfind("box", max(0, following - NEAR) if answers else 0, place)
        start = text.rfind("\\", max(0, place - LONGEST_COMMAND), place) if place >= 0 else -1
        if place < 0:
            break
        if start < 0 or not BOXED.match(text, start) or is_denied(text[max(0, start - BEFORE) : start]):
            continue
        found = box(text, start)
        if found is None:
            if answers:
                break
            return ""
        content, end = found
        answer = _content(content)
        if end > following or (answers and answer and not TOGETHER.fullmatch(text[end:following])):
            break
        if answer and answer not in answers:
            answers.insert(0, answer)
        following = start if answer else following
    return ", ".join(answers) or None


def after_boxes(text: str) -> str:
    """Returns the text after the last box; "" if there is no box."""
    place = text.rfind("box")
    start = text.rfind("\\", max(0, place - LONGEST_COMMAND), place) if place >= 0 else -1
    found = box(text, start) if start >= 0 else None
    return text[found[1] :] if found else ""


def without_boxes(text: str) -> str:
    """Returns the text without empty boxes."""
    return EMPTY.sub("", text) if "box" in text else text


def _content(content: str) -> str:
    """Returns the content of a box without a label; "" if it is only a placeholder for an answer."""
    answer = unwrap(content)
    if answer.isalnum() and not answer.isalpha():
        return answer
    if label := LABEL.match(answer):
        answer = answer[label.end() :]
        answer = unwrap(answer[:-1] if answer.count("}") > answer.count("{") else answer)
    if GROUP.fullmatch(answer):
        answer = answer[1:-1]
    return "" if PLACEHOLDER.fullmatch(answer) else result(answer)


EMPTY = re.compile(rf"{BOXED.pattern}\s{{0,9}}\{{[\s.…]{{0,9}}\}}")
MOST = 100  # boxes that are read
BEFORE = 20  # characters before a box that may deny it
NEAR = 300  # maximum number of characters between two boxes of one statement
LONGEST_COMMAND = len(r"\frame")
_GAP = r"(?:[\s$&]|\\[()\[\],;!: ]|\\q?quad(?![a-z])|\\\\)*"
_AND = r"(?:[,;、，]|\b(?:and|or|und|oder|et|ou|y|o|и)\b|[和或与及]|\\text\{[\s,]*(?:and|or)[\s,]*\})"
_NAME = r"\\?[A-Za-z]+(?:_\{?\w+\}?)?(?:\([\w,]+\))?\s*="
_DERIVED = (
    r"so|thus|hence|therefore|no|not|wait|which|giving|gives|then|actually|finally|we|I|it|that|is|simplif\w+|becomes"
)
TOGETHER = re.compile(
    rf"{_GAP}(?:{_AND}{_GAP})+(?:{_NAME}{_GAP})?|{_GAP}{_NAME}{_GAP}"
    rf"|{_GAP}(?:{_AND}\s*)+(?:(?!(?:{_DERIVED})\b)[\w'’-]+\s+){{1,8}}(?:(?:is|are|equals)\s+)?{_GAP}(?:{_NAME}{_GAP})?"
)
"""Matches the text between two boxes of one statement: a comma, "and", names, but no reasoning between them."""
LABEL = re.compile(
    r"(?:\\text(?:bf|rm)?\s*\{)?\s*(?:the\s+)?(?:final\s+)?answers?\s*(?:\bis\b\s*:?|[:=])\s*\}?\s*[:=]?"
    r"|\s*(?:≈|=|\\approx(?![a-z]))",
    re.IGNORECASE,
)
GROUP = re.compile(r"\{[^{},;]*\}")
"""Matches braces that only group. A list in braces does not match, because it may be a set."""
PLACEHOLDER = re.compile(
    r"|\.+|…|\\[lc]?dots|\?+|_+|(?:\\text\s*\{)?\W*(?:(?:your|the|final|insert)\s+)*answer(?:\s+here)?\W*",
    re.IGNORECASE,
)
