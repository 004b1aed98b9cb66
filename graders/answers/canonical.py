"""Computes the vote key of an answer. A vote counts answers with equal keys as the same answer.

The key leaves out units, and the name of a single value. Equal answers may have different keys.
"""

import re
import unicodedata

from redraft.graders.answers.mathematics.forms import Unread
from redraft.graders.answers.mathematics.key import vote_key
from redraft.graders.answers.mathematics.reading.parser import parse
from redraft.graders.answers.normalize import bare
from redraft.graders.answers.numbers import is_whole, plain
from redraft.store.problems import Kind


def canonical(answer: str | None, kind: Kind = Kind.MATH) -> str | None:
    """Returns the key under which an answer is counted in a vote; None if there is no answer.

    A number becomes a reduced fraction: "$1,000.0" and "1000" become "1000", "0.5" becomes "1/2", and "50%" becomes
    "50". Numbers in lists and tuples are changed in the same way. Other mathematics gets a uniform spelling without
    spaces. A choice becomes its capital letter, and text becomes lower case with single spaces. Two programs have the
    same key if their lines are equal, ignoring blank lines, spaces at the ends of lines, and lines with only a comment.
    """
    if answer is None or not answer.strip():
        return None
    if kind is Kind.CHOICE:
        return letter(answer)
    if kind in (Kind.TEXT, Kind.RUBRIC):
        return words(answer)
    if kind is Kind.CODE:
        return lines(answer)
    if is_whole(answer):
        return str(int(answer))
    number = plain(answer)
    if number:
        return str(number.value)
    return _mathematics(answer)


def letter(answer: str) -> str | None:
    """Returns the letter of the choice that an answer names: "(c)", "C.", "\\text{(C)}" and "C) 42" all give "C".
    Returns None if there is no letter, if there are several ("A or B"), or if the letter begins something else ("E =
    mc^2", "A car")."""
    match = LETTER.match(TYPESETTING.sub("", answer[:LONGEST_CHOICE]))
    return (match[1] or match[2]).upper() if match else None


def words(answer: str) -> str | None:
    """Returns the words of an answer in lower case, without surrounding punctuation and markup. Different forms of
    apostrophes become the same character, as do different forms of dashes."""
    text = unicodedata.normalize("NFKC", TEXT.sub(r"\1", answer)).translate(SHAPES)
    return " ".join(text.casefold().strip(MARKS).split()) or None


def lines(code: str) -> str | None:
    """Returns the lines of a program without blank lines, lines with only a comment, and spaces at the ends of lines.
    No parser is used, because a model's text might break it."""
    stripped = (line.rstrip() for line in code.splitlines())
    return "\n".join(line for line in stripped if line and not line.lstrip().startswith("#")) or None


def is_words(answer: str) -> bool:
    """Returns whether an answer has only words ("no solution", "\\text{Evelyn}"), which algebra can't compare."""
    text = bare(answer)
    plain_text = TEXT.sub(r"\1", text)
    if not WORDY.fullmatch(plain_text) or MATHS.search(plain_text):
        return False
    return text != plain_text or len(plain_text) > LONGEST_PRODUCT or plain_text.casefold() in SHORT_WORDS


def _mathematics(answer: str) -> str | None:
    if len(answer) > LONGEST:
        return " ".join(answer.split())
    try:
        key = vote_key(parse(answer))
    except Unread:
        key = None
    if key is not None:
        return key
    if is_words(answer):
        return words(TEXT.sub(r"\1", bare(answer)).strip(MARKS))
    text = TEXT.sub(r"\1", bare(answer)).replace(r"\cdot", "*")
    return SINGLE.sub(r"\1\2", SPACES.sub("", text)) or None


TEXT = re.compile(r"\\text\s*\{([^{}]*)\}")
LONGEST_CHOICE = 200  # characters in which the letter is searched for
TYPESETTING = re.compile(r"\\(?:text|math)[a-z]{0,3}\s*\{|\\(?:boxed|fbox|framebox)\s*\{|\\[()\[\],;! ]|[$*_`{}\"“”]")
_WORD = r"[A-Za-zÀ-ÿА-я\d_'’]"
_AFTER = (
    r"[^\s\w]|\s*$|\s[^a-zA-Z]|\s+(?:because|since|as|for|is|with|based|due|which|that|where|if|and|in|would)\b"
    r"|\s+(?-i:(?<![AI]\s)[A-Z])|[\u3040-\uffff]"
)
"""Matches what may follow a letter without brackets. Words that the letter begins, as in "A car", do not match."""
_SECOND = rf"(?:[,，、和或]|or\b|and\b)+\s*(?:and\s|or\s)?[\W_]*(?-i:(?!I\s+[a-z])[A-Z])(?!{_WORD})"
LETTER = re.compile(
    rf"""[\W_]*(?:(?:the|is|be|as|likely|probably|most|clearly|therefore|thus|also|simply|correct|right|best|final|la|le)\s+)*
    (?:(?:option|choice|answer|letter|statement|opción|opção|вариант)s?\s*(?:\bis\b)?|选项|選項|選択肢)?[\W_]*?
    (?:[(（\[]([A-Za-z])[)）\].] | (?<![(\w])((?-i:[A-Z])|[a-z](?=\s*[).:]|\s*$))(?={_AFTER}))
    (?!{_WORD}|[+=^<>/&]|-\w|\s*(?:[=+^<>/&|]|{_SECOND}))""",
    re.IGNORECASE | re.VERBOSE,
)
LONGEST = 10_000  # characters; a longer answer is not parsed
SPACES = re.compile(r" +(?!\d)|(?<!\d) +")
SINGLE = re.compile(r"([_^])\{(\w)\}")
WORDY = re.compile(r"\s*[^\W\d_][^\W\d_'’-]*(?:[ '’-]+[^\W\d_]+)*\s*")
MATHS = re.compile(r"\b(?:pi|sqrt|sin|cos|tan|cot|sec|csc|log|ln|exp|infinity|inf|\w)\b")
SHORT_WORDS = frozenset(["yes", "no", "true", "false", "even", "odd", "none", "east", "west"])
LONGEST_PRODUCT = 4  # letters: "abcd" may be a product of unknowns, "ellipse" is a word
SHAPES = str.maketrans(dict.fromkeys("‘’ʼ´`′", "'") | dict.fromkeys("‐‑–—−", "-"))
MARKS = " \t\r\n.,;:!?*_`\"'“”‘’$"
