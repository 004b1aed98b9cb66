"""Reads the value at the end of a text that does not mark its answer."""

import re
from collections.abc import Sequence

from redraft.graders.answers.replies.doubt import is_changed, is_denied, is_negative, is_rejected, is_unanswered
from redraft.graders.answers.replies.formulas import is_closed, last_display
from redraft.graders.answers.replies.split import BOLD, COMMAND, HTML, PROSE, masked, runs, sentences
from redraft.graders.answers.replies.value import BEGINS, leading


def concluded(text: str) -> str | None:
    """Returns the value at the end of a text that does not mark its answer. Returns None if the text breaks off, or
    does not end with a value."""
    text = ORNAMENTS.sub("", CALCULATOR.sub("", text[-LONGEST:]))
    while remark := REMARK.search(text):
        text = text[: remark.start()].rstrip()
    explained = EXPLAINED.search(text)
    if explained and "\n" not in text[: explained.start()].strip():
        text = text[: explained.start()].strip()
    if is_unanswered(text[-NEAR:]):
        return None
    if output := OUTPUT.search(text):
        text = output[1]
    if (display := last_display(text)) is not None:
        return display or None
    line = REQUIRED.sub(".", HTML.sub("", text.rsplit("\n", 1)[-1].strip()))
    if "<<" in line or " | " in line or _is_open(text):  # a row of a table, or a text that breaks off
        return None
    for sentence in reversed(sentences(line)):
        bold = [part for part in BOLD.findall(sentence) if BEGINS.match(masked(part))]
        if len(bold) == 1:
            return leading(bold[0])
        sentence = LEAD.sub("", BOLD.sub(r"\1", sentence).strip(" \t*_"))
        main = AFTERTHOUGHT.split(sentence, maxsplit=1)[0]
        sentence = main if runs(main) else sentence
        found = runs(sentence)
        if found:
            start = _place(sentence, line, found)
            rejected = is_rejected(sentence[found[-1][1] :])
            return None if start is None or rejected else _value_at(sentence, start)
    return None


def _value_at(sentence: str, start: int) -> str | None:
    """Returns the value at the offset `start` of a sentence, with a minus sign that is written as a word. Returns None
    if the words before it deny or change it."""
    before, value = sentence[:start], leading(sentence[start:])
    if not value or not is_closed(value) or is_denied(before) or is_changed(before):
        return None
    return f"-{value}" if is_negative(before) else value


def _is_open(text: str) -> bool:
    """Returns whether a text breaks off in a formula."""
    if any(text.rfind(opening) > text.rfind(closing) for opening, closing in ((r"\(", r"\)"), (r"\[", r"\]"))):
        return True
    return bool(OPEN.search(masked(text.rpartition("\n\n")[2])))


def _place(sentence: str, line: str, found: Sequence[tuple[int, int]]) -> int | None:
    """Returns the offset of the value in the last sentence of a line; None if the sentence breaks off."""
    start, end = found[-1]
    rest = UNIT.fullmatch(sentence, end)
    if not line.endswith(ENDS) and (rest is None or rest[1] in UNFINISHED):
        return None
    counted = THERE_ARE.match(sentence)
    if counted and found[0][0] - counted.end() in (0, 1) and "=" not in sentence:
        return found[0][0]
    return start if PROSE.search(masked(sentence)) else 0


NEAR = 300  # characters at the end of a text that may say that there is no answer
LONGEST = 2000  # characters at the end of a text that may be its conclusion
ENDS = (".", "!", "$", "*", "。", "！", "`", r"\)", "।", "．")
ORNAMENTS = re.compile(r"(?:[\s■□∎◻\u2600-\u27bf\U0001f300-\U0001faff\ufe0f]|Q\.E\.D\.)+\Z")
"""Matches decorative characters at the end of a text."""
OPEN = re.compile(rf"(?<!\\)\$[{COMMAND}({{A-Za-z]")
"""Matches a dollar sign that begins a formula which is never closed."""
EXPLAINED = re.compile(
    r"\n[ \t]*[*_#>]*[ \t]*(?:Explanation|Reasoning|Reason|Here(?:['’]s| is) (?:why|how)|Verification|Check)\b"
    r"[*_]*\s*[:.\n]"
)
"""Matches the heading of an explanation after an answer."""
LEAD = re.compile(r"\A(?:[=-]>|[\s≈∴⇒→:=])+")
OUTPUT = re.compile(r"```(?:text|output|plaintext|math|latex)?[ ]*\n([^\n]*)\n```\Z")
"""Matches a code block of one line at the end of a text."""
REQUIRED = re.compile(
    r"(?: is (?:the|our|your|my)(?: [a-z]+){0,2} (?:answer|solution|result|value)| \((?:[Aa]nswer|[Aa]ns)\))\W*$"
)
CALCULATOR = re.compile(r"<<[^<>]*>>")
UNIT = re.compile(r"[\s*_)$\]]*(?:([^\W\d_]+)[\s*_)]*)?")
"""Matches what may be between the last value of a text and its end, if the text has no final full stop."""
UNFINISHED = frozenset(
    re.findall(r"\w+", "a an and are as at but by for from if in is of on or so than that the to with")
)
AFTERTHOUGHT = re.compile(
    r",\s+(?:with|where|or (?:about|approximately|roughly)|because|since|while|whereas|compared"
    r"|which (?!gives|leaves|makes|means|equals|is|totals))\b"
)
"""Matches the beginning of a clause that adds to a statement and does not lead to another statement."""
THERE_ARE = re.compile(
    r"\W*(?:(?:so|thus|hence|therefore|overall|finally|in total)\W+)*there\s+(?:are|is|were|was|will be)\s+"
    r"(?:(?:a total of|exactly|only|about|approximately)\s+)?(?=[\W\d])",
    re.IGNORECASE,
)
"""Matches the words before a number that counts things, such as "there are", whatever other numbers describe them."""
REMARK = re.compile(
    r"(?:\n|(?<=[.!?)*$]) +)[*_#> ]*(?:I hope|Hope this|Let me know|If you|Feel free|Please let|Please feel|Does this"
    r"|Is there|Would you|Do you|Note that|Note:|Thank|Good luck|Great job|Happy|You can|希望|如果)[^\n]*\Z"
)
"""Matches remarks of models after a solution that are not part of it."""
