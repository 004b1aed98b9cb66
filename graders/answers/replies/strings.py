"""Reads an answer in words, such as a name."""

import re

from redraft.graders.answers.canonical import MARKS
from redraft.graders.answers.normalize import unwrap
from redraft.graders.answers.replies.labels import labels
from redraft.graders.answers.replies.split import BOLD, VALUE, masked


def stated_words(text: str) -> str | None:
    """Returns the words that a text states as its answer, up to the end of their sentence or an explanation; None if it
    states none."""
    verdict = None
    for label in labels(text):
        line = BOLD.sub(r"\1", label.content.lstrip().partition("\n")[0].strip())
        end = EXPLAINS.search(line)
        if end:
            line = line[: end.start()]
        answer = PARTICLE.sub("", HEDGE.sub("", _first_sentence(line).strip(MARKS)))
        if decision := DECISION.match(answer):
            return decision[1]
        if answer and not TALK.match(answer):
            return answer
        if VERDICT.fullmatch(answer):
            verdict = verdict or answer
    return verdict


def few_words(sentence: str) -> str | None:
    """Returns the words of a sentence if they are an answer; None if the sentence only comments on the answer."""
    answer = unwrap(sentence)
    talk = TALK.match(answer) or len(answer.split()) > MOST_WORDS or VALUE.search(masked(answer))
    return None if talk else answer or None


def concluded_words(text: str) -> str | None:
    """Returns the last line of a text. If the text begins with yes or no, before the reasons, returns that word."""
    if decision := DECISION.match(text.lstrip()[:LONGEST]):
        return decision[1]
    return text.strip().rsplit("\n", 1)[-1].strip(MARKS) or None


def _first_sentence(line: str) -> str:
    """Returns the text up to the first full stop that ends a sentence. The full stop of an initial ("J. R. R.") or of
    an abbreviation ("St. Louis") does not end one."""
    for stop in STOP.finditer(line):
        if not SHORTENED.search(line[max(0, stop.start() - LONGEST) : stop.start()]):
            return line[: stop.start()]
    return line


MOST_WORDS = 6  # maximum number of words of an answer
LONGEST = 8  # characters of an abbreviation and the text before it
HEDGE = re.compile(
    r"(?:(?:most|very)\s+)?(?:likely|\w+ably|\w+ainly|clearly|simply|technically)\s+(?:to be\s+)?", re.IGNORECASE
)
VERDICT = re.compile(r"(?:in)?(?:valid|correct|consistent)|right|wrong|unknown|unique", re.IGNORECASE)
"""Matches words that usually comment on an answer, but are the answer if a text states no other."""
PARTICLE = re.compile(r"(?:です|である|でした|입니다|이다|이에요|예요)$")
DECISION = re.compile(r"[\"“'*]*(yes|no|true|false)[\"”'*]*(?:\s*[,;:–—(]|\.\s|\s+-\s|$)", re.IGNORECASE)
"""Matches yes or no, with or without a reason after it."""
STOP = re.compile(r"[.!?](?=[\s*_\"'”’)]+(?:[A-Z\d(]|$))|[。！？]")
SHORTENED = re.compile(
    r"(?:^|[\s.(\"'“])(?:[A-Z]|St|Ste|Mt|Ft|Mr|Mrs|Ms|Dr|Prof|Sr|Jr|Gen|Col|Capt|Lt|Sgt|Rev|Hon|Gov|Sen|Rep|Pres|vs|No|Nos|Vol"
    r"|Op|Inc|Ltd|Co|Corp|Bros|approx|ca|cf|e\.g|i\.e|etc|al|[A-Za-z]\.[A-Za-z])$"
)
EXPLAINS = re.compile(r"[,;]?\s+\(?(?:because|since|as it|as they|so that|which|due to)\b|\s[—–]\s|;\s", re.IGNORECASE)
TALK = re.compile(
    r"(?:correct|incorrect|right|wrong|not|in|as|given|found|obtained|shown|below|above|clear|clearly|obvious|unique|"
    r"the same|reasonable|valid|verified|confirmed|consistent|expected|therefore|simply|based|that|to|what|one of|this|"
    r"there|it|its|unknown|still|also|indeed|likely|probably|let|let's|we|because|since|so|determined|calculated|of|for|"
    r"a single|an integer|a number|called|marked|asked|needed|required|on|at|from|by|with|you|your|i|if|then)\b",
    re.IGNORECASE,
)
"""Matches words with which a sentence comments on the answer and does not state it."""
