"""An independent count of the numbers that `redraft augment` may replace by an unknown, and of its backward questions.
It was written separately, character by character and without regular expressions, so that the two can be compared.

The rules are those of docs/augment.md. MetaMath's own rules also replace years, dates, times and labels
(`metamath_hides`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

OPENING = "$€£¢\"'“‘"
CLOSING = "$€£¢%,.?!;”’\"'"
WORDS = {
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
    "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "sixteen": "16", "fifth": "1/5", "half": "1/2",
}  # fmt: skip
LABELS = ["room", "page", "chapter", "grade", "level", "number", "no", "question", "problem", "part", "figure", "step"]
LABELS += ["bus", "flight", "route", "highway", "channel", "section", "apartment", "exercise", "lesson", "version", "#"]
NAMES = "Day Week Month Year Team Class Group Box Bag Train Plan Store Type Car Player Game".split()  # noqa: SIM905
MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November"]
MONTHS += ["December", "Jan", "Feb", "Mar", "Apr", "Jun", "Jul", "Aug", "Sep", "Sept", "Oct", "Nov", "Dec"]
DATED = "in since of year by until before after during from to between and than through".split()  # noqa: SIM905
NOT_COUNTED = "no each every which this that the any another other last first only".split()  # noqa: SIM905
PRONOUN = "of another by day can should must who that is was has had gets got costs will would".split()  # noqa: SIM905
MARKS = ",.?!;:”“\"'()"


@dataclass(frozen=True, slots=True)
class Parts:
    """A word in three parts: the punctuation before its core, the core, and the punctuation after it."""

    before: str
    core: str
    after: str


def hidden_numbers(question: str) -> list[tuple[str, str]]:
    """Returns, for each number that may be hidden, the question with x in its place, and the number. The question must
    have no LaTeX and no unknown."""
    words, found, end = question.split(), [], 0
    for place, word in enumerate(words):
        start = question.index(word, end)
        end = start + len(word)
        parts = split(word)
        number = _number(parts, words[place - 1] if place else "", words[place + 1] if place + 1 < len(words) else "")
        if number:
            found.append((f"{question[:start]}{parts.before}x{parts.after}{question[end:]}", number))
    return found


def backward_questions(question: str, answer: str) -> list[tuple[str, str]]:
    """Returns FOBAR's backward questions made from a question, each with the hidden number."""
    told = f"If we know the answer to the above question is {answer}, what is the value of unknown variable x?"
    return [(f"{masked}\n{told}", number) for masked, number in hidden_numbers(question)]


def has_x(question: str) -> bool:
    """Returns True if the question contains x without a letter next to it."""
    padded = f" {question} "
    triples = zip(padded, padded[1:], padded[2:], strict=False)
    return any(x == "x" and not _letter(left) and left != "\\" and not _letter(right) for left, x, right in triples)


def metamath_hides(question: str) -> Iterator[str]:
    """Yields the words that MetaMath's own rules hide: number words, and words with a digit, without letters, and
    without certain signs."""
    for word in question.split():
        core = word.strip(OPENING + CLOSING).lower()
        digits, letters = any(map(str.isdigit, word)), any(map(str.isalpha, word))
        if (core in WORDS and len(word) - len(core) <= 1) or (
            digits and not letters and not set(word) & set(':()*"+-–—^=#<>&@')
        ):
            yield word


def split(word: str) -> Parts:
    """Splits a word into its parts."""
    first, last = 0, len(word)
    while first < last and word[first] in OPENING:
        first += 1
    while last > first and word[last - 1] in CLOSING:
        last -= 1
    return Parts(word[:first], word[first:last], word[last:])


def _number(parts: Parts, previous: str, following: str) -> str:
    """Returns the number in a word, without separators. Returns "" if it may not be hidden."""
    if parts.core.lower() in WORDS:
        counts = _word_counts(parts, previous.lower().strip(MARKS), following.lower().strip(MARKS))
        return WORDS[parts.core.lower()] if counts else ""
    if not _is_numeral(parts.core) or _names(parts, previous, following):
        return ""
    return parts.core.replace(",", "")


def _word_counts(parts: Parts, previous: str, following: str) -> bool:
    if set(parts.before) & set("$€£¢") or set(parts.after) & set("$€£¢%") or previous in LABELS:
        return False
    name = parts.core.lower()
    if name == "one" and (previous in NOT_COUNTED or following in PRONOUN or parts.after):
        return False
    if name == "fifth" and not (following == "of" and previous in ("a", "one")):
        return False
    return following not in ("fifth", "o'clock")


def _is_numeral(core: str) -> bool:
    """Returns True if a core is an integer, with or without commas between thousands, with or without decimals, and
    with or without a denominator."""
    whole, _, denominator = core.partition("/")
    if "/" in core and not _digits(denominator):
        return False
    whole, point, decimals = whole.partition(".")
    if point and not _digits(decimals):
        return False
    if not whole:
        return bool(point) and "/" not in core
    groups: Sequence[str] = whole.split(",")
    if len(groups) == 1:
        return _digits(whole)
    return len(groups[0]) <= 3 and all(map(_digits, groups)) and all(len(group) == 3 for group in groups[1:])


def _names(parts: Parts, previous: str, following: str) -> bool:
    """Returns True if a number is a name: a label, a day, a time of day, or a year."""
    plain = not set(parts.before) & set("$€£¢") and "%" not in parts.after
    if plain and (previous.lower() in LABELS or previous in NAMES):
        return True
    if {previous, previous.removesuffix("."), following.strip(MARKS)} & set(MONTHS):
        return True
    if following.lower().strip(MARKS).replace(".", "") in ("am", "pm", "o'clock"):
        return True
    before = previous.strip(MARKS)
    dated = before.lower() in DATED or before in MONTHS or _is_day(before)
    return dated and not parts.before and "%" not in parts.after and _is_year(parts.core)


def _is_year(core: str) -> bool:
    return len(core) == 4 and _digits(core) and 1500 <= int(core) <= 2099


def _is_day(word: str) -> bool:
    for ending in ("st", "nd", "rd", "th"):
        word = word.removesuffix(ending)
    return _digits(word) and len(word) <= 2


def _digits(text: str) -> bool:
    return bool(text) and all(character in "0123456789" for character in text)


def _letter(character: str) -> bool:
    return character.isascii() and character.isalpha()
