"""Compares words with words, and words with mathematics."""

from redraft.graders.answers.mathematics.forms import Call, Form, Listing, Name, Words


def same_words(gold: Form, given: Form) -> bool | None:
    if isinstance(gold, Words) and isinstance(given, Words):
        ours, theirs = _phrase(gold.text), _phrase(given.text)
        return True if ours == theirs else None if _says_more(ours, theirs) or _says_more(theirs, ours) else False
    words, other = (gold, given) if isinstance(gold, Words) else (given, gold)
    assert isinstance(words, Words)
    text = _phrase(words.text)
    if text in EMPTY:
        return _is_empty_set(other)
    if _is_empty_set(other) and (text in NOTHING or NEGATIONS & set(text.split())):
        return True if text in NOTHING else None
    if text in LINE:
        return other == Name("ℝ") or (other == LINE_LISTING)
    return text.casefold() == other.name.casefold() if isinstance(other, Name) else False


def _phrase(text: str) -> str:
    """Returns a phrase without leading articles. A known synonym is replaced by the usual wording."""
    words = text.replace("’", "'").split()
    while len(words) > 1 and words[0] in ("a", "an", "the"):
        words = words[1:]
    text = " ".join(words)
    return SYNONYMS.get(text, text)


def _says_more(phrase: str, other: str) -> bool:
    """Returns whether a phrase has all words of another phrase and additional words, none of which is a negation."""
    words, others = set(phrase.split()), set(other.split())
    return others < words and NEGATIONS.isdisjoint(words - others)


def _is_empty_set(form: Form) -> bool:
    return form == Name("∅") or form == Listing("{}", ())


EMPTY = ("empty set", "the empty set", "empty")


NOTHING = ("no solution", "has no solution", "there is no solution", "no solution exists", "none")
"""Phrases that say that the set of solutions of an equation is empty. Other phrases with a negation, such as "no real
solution", may say less."""


LINE = ("all real numbers", "all reals", "real numbers", "all real")


LINE_LISTING = Listing("()", (Call("neg", (Name("∞"),)), Name("∞")))


NEGATIONS = frozenset(("no", "not", "none", "never"))
SYNONYMS = {
    "no solutions": "no solution",
    "no real solutions": "no real solution",
    "dne": "does not exist",
    "undefined.": "undefined",
    "there are no solutions": "there is no solution",
    "no solutions exist": "no solution exists",
    "yes": "true",
    "no": "false",
}
