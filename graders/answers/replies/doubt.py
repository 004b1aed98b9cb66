"""Detects whether the words before or after a value deny it, change it or take it back."""

import re


def is_denied(before: str) -> bool:
    """Returns whether the words before a value deny it, or say that the writer does not know it."""
    return bool(DENIED.search(before) or UNSURE.search(before))


def is_changed(before: str) -> bool:
    """Returns whether the words before a value turn it into another value ("half of 7"), a bound ("at least 7") or a
    part of something else ("every 7 days", "step 7")."""
    return bool(CHANGED.search(before))


def is_negative(before: str) -> bool:
    """Returns whether the words before a value are its minus sign ("minus 7")."""
    return bool(NEGATIVE.search(before))


def is_rejected(after: str) -> bool:
    """Returns whether the words after a value call it wrong ("... 42 is incorrect")."""
    return bool(AFTERWARDS.match(after))


def is_unanswered(text: str) -> bool:
    """Returns whether a text says that there is no answer ("cannot be determined")."""
    return bool(UNANSWERED.search(text))


def is_taken_back(after: str) -> bool:
    """Returns whether the text after a stated answer takes the answer back ("Wait, I forgot the fee")."""
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
    | \b(?:half|thirds?|quarters?|(?:four|fif|six|seven|eigh|nin|ten)ths?|root|square|cube|multiple|power|factor)
      \s+of(?:\s+the\s+number)?
    | \b(?:less|more|greater|fewer|larger|smaller|other|rather)\s+than | \b(?:is|be)\s+at\s+(?:least|most) | \bout\s+of
    | \b(?:divided|multiplied)\s+by | \d\s+(?:times|to|point|less|more|feet|foot) | \d\s*(?:hours?|minutes?|feet)\s+and
    | \b(?:step|part|question|problem|case|equation|chapter|page|option|line)(?:\s+(?:no\.?|number))?)\s*[$\\(]*$""",
    re.IGNORECASE | re.VERBOSE,
)
NEGATIVE = re.compile(r"\b(?:minus|negative)\s+$", re.IGNORECASE)
AFTERWARDS = re.compile(
    r"\W{0,4}(?:is|was|would be|are|were)\s+(?:clearly\s+)?(?:incorrect|wrong|not (?:correct|right))\b"
)
UNANSWERED = re.compile(r"\b(?:cannot be (?:determined|answered)|none (?:of (?:them|these) )?fits?)\b", re.IGNORECASE)
TAKEN_BACK = re.compile(
    r"""(?:[.!?…]|\n)\s*(?:
      (?:(?:Oh\ |But\ )?[Ww]ait|Oops|Hold\ on|Actually|[Nn]o)\b[^\n]{0,80}?
      \b(?:wrong|mistake|error|forgot|incorrect|should|missed|misread|not\ right|double[-\ ]count(?:s|ed)?)\b
    | No[,.]\s+(?:it|that|the)\b | Correction\b | However,\ the\ correct\b
    | (?:Sorry,\ )?I\ made\ an?\ (?:mistake|error)\b | I\ was\ wrong\b)""",
    re.VERBOSE,
)
"""Matches a retraction, but not a mere check ("Wait, let me check: ... Yes.")."""
