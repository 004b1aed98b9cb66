"""Reads the letter of the choice that a reply makes. A letter that the reply rules out, or one of several letters, is
not a choice."""

import re
from collections import deque

from redraft.graders.answers.canonical import letter
from redraft.graders.answers.replies.labels import labels


def stated_letter(text: str) -> str | None:
    """Returns the letter that a text states as its answer ("the answer is (B)", "option B is correct"). If it states
    several, returns the last one. Returns "" if its last statement names several letters, and None if it states none.
    """
    place, found = -1, None
    for label in labels(text):
        said = label.content.lstrip().partition("\n")[0][:NEAR]
        if (named := letter(said)) or SEVERAL.match(said):
            place, found = label.start, named or ""
            break
    for pattern in STATEMENTS:
        for match in reversed(deque(pattern.finditer(text, max(place, 0)), MOST)):
            named = match[1] if pattern.groups else letter(text[match.end() : match.end() + NEAR].partition("\n")[0])
            if (
                named
                and match.start() > place
                and not RULES_OUT.search(text[max(0, match.start() - 20) : match.start()])
            ):
                place, found = match.start(), named
                break
    return found


def concluded_letter(text: str) -> str | None:
    """Returns the letter at the end of a text that has no statement of its choice, or the letter at its beginning if
    the text then explains the choice. Returns None if other letters are named with it."""
    lines = [line.strip() for line in text.strip()[-LONGEST:].split("\n") if line.strip()]
    if not lines:
        return None
    options = {match[1] for line in lines if (match := OPTION.match(line))}
    for line in (lines[-1], text.lstrip().partition("\n")[0][:LONGEST].strip()):
        if (match := OPTION.fullmatch(line)) and (len(options) == 1 or not match[2]):
            return match[1]
    if not FINISHED.search(lines[-1]):
        return None
    for sentence in reversed(SENTENCE.split(lines[-1])):
        named = [match[1] or match[2] for match in NAMED.finditer(sentence) if not _is_ruled_out(sentence, match)]
        if named:
            return named[0] if len(set(named)) == 1 else None
    return None


def _is_ruled_out(sentence: str, match: re.Match[str]) -> bool:
    before, after = sentence[max(0, match.start() - 20) : match.start()], sentence[match.end() : match.end() + 40]
    return bool(RULES_OUT.search(before) or RULED_OUT.match(after))


SEVERAL = re.compile(
    r"[\W_]*(?:(?:either|both|likely|probably|options?|choices?)\s+)*[(（]?[A-J][)）]?(?:[\s,，、&/]|and\b|or\b|[和或及])+"
    r"[(（]?(?!I\s+[a-z])[A-J](?![A-Za-z])"
)
NEAR = 120  # characters after a statement in which its letter is searched for
LONGEST = 2000
MOST = 64
_LETTER = r"[\"'`$*_(\[{（]{0,4}([A-J])(?![A-Za-zÀ-ÿА-я\d_'’+=^-])[\"'`$*_)\]}）]{0,4}"
STATEMENTS = [
    re.compile(pattern)
    for pattern in (
        r"\b(?:[Cc]orrect|[Rr]ight|[Bb]est|[Cc]losest|[Ff]inal|[Ii]ntended|[Tt]rue|[Mm]ost [a-z]+) (?:option|choice|"
        r"statement|response|alternative|match|letter|solution|one)\b[^.\n]{0,60}?"
        r"(?:\b(?:is|would be|must be|should be)\b|:)[\s*_:]*",
        r"\b(?:[Cc]hoose|[Ss]elect|[Pp]ick|[Gg]o with|[Oo]pt for)[\s:*_]+"
        r"(?=(?:[Oo]ption|[Cc]hoice|[Aa]nswer|[(*\"'$A-J]))",
        rf"\b(?:[Oo]ption|[Cc]hoice|[Aa]nswer|[Ss]tatement)\s+{_LETTER}\s*(?:is|seems|appears|would be|must be)\s+"
        r"(?:the\s+)?(?:only\s+|most\s+|best\s+|likely\s+)*(?:correct|right|best|answer|accurate|appropriate|valid|true|one|suitable)\b",
        rf"(?<![\w'’(.-]){_LETTER}\s+is\s+(?:therefore\s+|thus\s+)?(?:the\s+)?(?:correct|right|best)\b",
        r"(?:opción|opcion|alternativa|opção|opzione|option|réponse)\s+(?:correcta|correta|corretta|correcte)\s+"
        r"(?:es|é|è|est)\s+(?:la\s+|a\s+|le\s+)?",
        r"(?:选|選)(?:择|擇|项|項)?(?:是|为|為)?[\s:：*]*(?=[(（]?[A-J])",
        rf"(?:选项|選項|選択肢)\s*{_LETTER}\s*(?:是|为|為|が)?(?:正确|正確|正解|最)",
        r"(?:[Вв]ариант|보기|선택지)\s*(?=[(]?[A-J])",
    )
]
"""Patterns of statements of a choice. The letter is the pattern's group if it has one, or else follows the match."""
RULES_OUT = re.compile(
    r"(?:\bnot|n['’]t(?: be)?|\bcannot(?: be)?|\bnever|\bneither|\bnor|\bexclude|\beliminate|\brules? out|\bnot be"
    r"|不|非|排除)[\s*_(]*(?:the\s)?(?:[Oo]ption|[Cc]hoice|[Aa]nswer)?[\s*_(]*$"
)
RULED_OUT = re.compile(
    r"[)\]*_.:]*\s*(?:(?:and|or|,)\s*\(?[A-J]\)?\s*)*(?:is|are|was|were|would be|can be|must be|seems)\s+"
    r"(?:also\s+|all\s+|both\s+)?(?:not\b|in(?:correct|valid)|wrong|false|eliminated|ruled|excluded|n['’]t)|[)\]*_.:]*\s*(?:is|are|was|does|do)n['’]t|[)\]]?\s*不"
)
OPTION = re.compile(
    r"[\W_]*(?:(?:[Oo]ption|[Cc]hoice|选项)\s*)?[(\[（]?([A-J])(?:[\W_]*$|[*_]*[.):：、）\]](?!\w)([^\n]*))"
)
FINISHED = re.compile(r"[.!?。！)\]}*_`\"'”$]\W*$|(?<![A-Za-z])[A-J]$")
"""Matches the end of a line that does not break off."""
SENTENCE = re.compile(r"(?<=[a-z)\]*\d])[.!?]\s+(?=[A-Z*(])|。")
NAMED = re.compile(
    r"[(（]([A-J])[)）]|(?:[Oo]ption|[Cc]hoice|[Ss]tatement|\b(?:is|be|are|it's|so|[Tt]hus|[Tt]herefore|[Hh]ence),?)\s*:?\s*"
    r"[*_\"'`$(]*([A-J])(?=[*_\"'`$)]*(?:[.,):;!]|\s*$|\s+(?:is|because|since|as)\b))"
)
