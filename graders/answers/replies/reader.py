"""Reads what the text after a mark states: a mathematical value, or a few words."""

import re
from itertools import takewhile

from redraft.graders.answers.replies.doubt import is_changed, is_denied, is_negative
from redraft.graders.answers.replies.formulas import first_display, result
from redraft.graders.answers.replies.split import BOLD, HTML, JOIN, PROSE, VALUE, masked, runs, sentences
from redraft.graders.answers.replies.strings import few_words
from redraft.graders.answers.replies.value import BEGINS, bare, is_formula, leading


def stated(content: str) -> str | None:
    """Returns the value that the text after a mark states, in its first line or below a line that only announces it.
    Returns words if it states words, and None if it states nothing."""
    if simple := SIMPLE.match(content):
        number, formula, token = simple.groups()
        return number or (result(formula.strip()) if formula else bare(token))
    for _ in range(ANNOUNCING):
        if (display := first_display(content)) is not None:
            return display or None
        first, _, rest = content.lstrip().partition("\n")
        if (_is_item(first, rest) or FIRST.match(first)) and (values := _listed(first, rest)):
            return values
        if not rest or not ANNOUNCES.search(first):
            return _first_value(sentences(ITEM.sub("", first) if _is_item(first, rest) else first), rest)
        content = rest
    return None


def _first_value(parts: list[str], rest: str) -> str | None:
    """Returns the value that the first sentence in `parts` states. Returns None if the sentence only begins to derive
    the value, which then follows in the other sentences and `rest`."""
    goes_on = (len(parts) > 1 or rest.strip(BLANK + "\n")) and DERIVES.match(parts[0])
    if goes_on or (len(parts) > LONGEST_STATEMENT and not STATES.search(masked(parts[0]))):
        return None
    return _value(parts[0])


def _value(sentence: str) -> str | None:
    if "<" in sentence:
        sentence = HTML.sub("", sentence)
    sentence = _without_explanation(sentence)
    sentence = BOLD.sub(r"\1", sentence.strip(ORNAMENTS)).strip(BLANK)
    if DENIED.match(sentence):
        return None
    if not PROSE.search(masked(sentence)):
        return leading(sentence)
    found = runs(sentence)
    if len(found) > 1 and ASIAN.search(sentence) and JOIN not in masked(sentence):
        return leading(sentence[found[-1][0] :])  # the verb and its value are at the end of the sentence
    return _object(sentence) or leading(sentence) or _predicate(sentence) or few_words(sentence)


def _without_explanation(sentence: str) -> str:
    """Returns a sentence without an explaining clause before it ("If he works, ...") or after it ("..., because")."""
    before = CONDITION.match(sentence)
    if before and VALUE.search(masked(sentence[before.end() :])):
        sentence = sentence[before.end() :]
    mask = masked(sentence)
    explains = EXPLAINS.search(mask)
    if not explains or (VALUE.search(mask) and not VALUE.search(mask, 0, explains.start())):
        return sentence
    if ALTERNATIVE.search(sentence, explains.end()):
        return sentence
    later = any(BEGINS.match(mask, copula.end()) for copula in COPULA.finditer(mask, explains.end()))
    return sentence if later and not BEGINS.match(mask) else sentence[: explains.start()]


def _object(sentence: str) -> str | None:
    """Returns the value after the verb of a sentence that has numbers on both sides of the verb: "8 pens cost $12"
    gives $12."""
    mask = masked(sentence)
    verb = VERB.search(mask)
    if not verb or not VALUE.search(mask, 0, verb.start()):
        return None
    end = CLAUSE.search(mask, verb.end())
    rest = sentence[verb.end() : end.start() if end else len(sentence)]
    found = runs(rest)
    return leading(rest[found[0][0] :]) if found else None


def _predicate(sentence: str) -> str | None:
    """Returns the value that a sentence assigns to its subject: "The smallest $k$ is 12" gives 12."""
    mask = masked(sentence)
    for copula in reversed(list(COPULA.finditer(mask))):
        if BEGINS.match(mask, copula.end()) and (value := leading(sentence[copula.end() :].lstrip())):
            return value
    found = runs(sentence)
    if not found or is_denied(before := sentence[: found[0][0]]) or is_changed(before):
        return None
    value = leading(sentence[found[0][0] :])
    return f"-{value}" if value and is_negative(before) else value


def _is_item(line: str, rest: str) -> bool:
    """Returns whether a line is an item of a list. A dash before a bare formula is a minus sign unless more items
    follow."""
    item = ITEM.match(line)
    if not item:
        return False
    text = line[item.end() :]
    return bool(ITEM.match(rest)) or text.startswith(("$", r"\(", "**")) or PROSE.search(masked(text)) is not None


def _listed(first: str, rest: str) -> str | None:
    """Returns the values of a list, joined by ", ", if each item is one value; otherwise None."""
    mark = ITEM if ITEM.match(first) else NUMBERED
    items = [first, *takewhile(mark.match, rest.split("\n"))]
    values = [_value(sentences(mark.sub("", item))[0]) or "" for item in items]
    return ", ".join(values) if len(values) > 1 and all(map(is_formula, values)) else None


ANNOUNCING = 4  # lines that may announce an answer before it is stated
LONGEST_STATEMENT = 2  # sentences; of more, the first must begin with the value
SIMPLE = re.compile(
    r"\s*(?:([-−]?[$€£]?\d[\d,]*(?:\.\d+)?%?)|\$([^$\n]*[^$\s\\])\$|(?!')(?=\S*[\d\\])([^\s!$*<>`\"\u0080-\uffff]+))"
    r"\.?[ \t]*(?:\n|\Z)"
)
"""Matches an answer that is only a number or a formula, as most answers are."""
BLANK = " \t\r*_`\"'“”:：≈~>∴⇒→"
ORNAMENTS = " \t*_✓✔✅☑️🎉🎯■□∎◻"
CONDITION = re.compile(
    r"(?:[Ii]f|[Ww]hen|[Aa]fter|[Bb]efore|[Ii]n|[Oo]n|[Ww]ith|[Bb]y|[Ss]ince|[Aa]s)\b[^,]*?[^\W\d],\s+"
)
EXPLAINS = re.compile(
    r"[\s,;(—–]+(?:because|since|which|so that|so|where|when|if|given|after|obtained|as|i\.e\.|that is|using|by \w+ing"
    rf"|{JOIN}+ (?:about|approximately|roughly|equivalently|simply)|assuming|not|rather than|instead of|denn|weil|car"
    r"|porque|因为|因為)\b|\s[—–]\s|，|；|\s\((?=[^\W\d_]{2,}[^()\d]*\)\W*$)"
)
ALTERNATIVE = re.compile(r"\botherwise\b|\belse\b|\b(?:and|or|but)\s+[-$]*\d[^.]*\b(?:if|when|for)\b")
"""Matches words that show that a value holds only in one case."""
VERB = re.compile(
    r"(?<=[^\W\d_] )(?:is|are|was|were|will|would|can|could|must|should|needs?|costs?|takes?|took|makes?|made"
    r"|earns?|earned|pays?|paid|spends?|spent|wins?|won|has|have|had|gets?|got|sells?|sold|eats?|ate|uses?|used|buys?"
    r"|bought|saves?|saved|weighs?|requires?|contains?|holds?|gives?|gave|leaves?|receives?|received|owes?)\b"
)
CLAUSE = re.compile(
    r"[,;]?\s(?:after|before|when|while|if|because|since|than|for each|per|that|who|which)\b|:?\s*\(|:\s"
)
COPULA = re.compile(
    r"(?<![\w'’])(?:is|are|was|were|be|equals|equal to|ist|sind|est|sont|es|son|é|è|sono)(?!\w)\s*:?|[是为為は=:：]"
)
ASIAN = re.compile(r"[\u0900-\u0eff\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")
DENIED = re.compile(r"(?:not|never|neither|nicht|pas|no es)\b|不")
STATES = re.compile(rf"(?:^|\b(?:is|equals|makes|costs)\b|=){BEGINS.pattern}")
DERIVES = re.compile(
    r"(?:first|firstly|initially|let|let['’]s|we|step|start|suppose|consider|to (?:find|solve|determine|calculate|get)"
    r"|there (?:are|were|is|was)|(?:he|she|they|it) (?:has|had|have|gets?|buys?|bought|uses?|used|needs? to find))\b",
    re.IGNORECASE,
)
"""Matches the beginning of a sentence that derives an answer."""
ITEM = re.compile(r"\A\s*(?:[*•]|[-–](?=\s+[^\d\s]))\s+")
FIRST = re.compile(r"\s*\(?1[.)]\s+\S")
NUMBERED = re.compile(r"\A\s*\(?\d{1,2}[.)]\s+")
ANNOUNCES = re.compile(r"[:：=][\s*_]*$|^\s*[*_`\"'“”]*(?:```\w*)?\s*$|\b(?:is|are)\s*$")
