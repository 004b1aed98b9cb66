"""Tells what the words before or after a value do to it: deny it, change it, take it back."""

import re


def is_denied(before: str) -> bool:
    """Says whether the words before a value deny it, or tell that the writer does not know it."""
    return bool(DENIED.search(before) or UNSURE.search(before))


def is_changed(before: str) -> bool:
    """Says whether the words before a value make it another one ("half of 7"), a bound ("at least 7") or a part of
    something else ("every 7 days", "step 7")."""
    return bool(CHANGED.search(before))


def is_negative(before: str) -> bool:
    """Says whether the words before a value are its sign ("minus 7")."""
    return bool(NEGATIVE.search(before))


def is_taken_back(after: str) -> bool:
    """Says whether the text after a stated answer takes it back ("Wait, I forgot the fee")."""
    return bool(TAKEN_BACK.search(after[:LONGEST]))


LONGEST = 2000  # characters after an answer
DENIED = re.compile(
    r"(?:\b(?:not|never|cannot|neither|nor|impossible|nicht|pas|no es)|n['’]t|不是|不为)\s*"
    r"(?:(?:be|been|equal|equals|to|exactly|the|definitely|that|is|it|true|[a-z])\s+){0,4}(?:=\s*)?[$\\(]*$",
    re.IGNORECASE,
)
UNSURE = re.compile(r"(?:n['’]t know|\bnot sure|\bunsure|\bno idea)\b", re.IGNORECASE)
CHANGED = re.compile(
    r"""(?:\b(?:twice|double|triple|thrice|half|every|per|nearly|almost)
    | \b(?:half|third|quarter|root|square|cube|multiple|power|factor|tenth)\s+of(?:\s+the\s+number)?
    | \b(?:less|more|greater|fewer|larger|smaller|other|rather)\s+than | \b(?:is|be)\s+at\s+(?:least|most) | \bout\s+of
    | \b(?:divided|multiplied)\s+by | \d\s+(?:times|to|point|less|more|feet|foot) | \d\s*(?:hours?|minutes?|feet)\s+and
    | \b(?:step|part|question|problem|case|equation|chapter|page|option|line)(?:\s+(?:no\.?|number))?)\s*[$\\(]*$""",
    re.IGNORECASE | re.VERBOSE,
)
NEGATIVE = re.compile(r"\b(?:minus|negative)\s+$", re.IGNORECASE)
TAKEN_BACK = re.compile(
    r"(?:[.!?]|\n)\s*(?:(?:Oh |But )?[Ww]ait\b|Correction\b|No[,.]\s|Oops\b|Hold on\b|However, the correct\b"
    r"|(?:Sorry, )?I made an? (?:mistake|error)\b|I was wrong\b)"
)
