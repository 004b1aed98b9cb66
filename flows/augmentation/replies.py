"""Parses a new question from a model's reply. If the reply has no question, the reason is returned."""

import re
from dataclasses import dataclass

from redraft.graders.answers.replies.thinking import unthought


@dataclass(frozen=True, slots=True)
class ReadReply:
    """The result of parsing a reply: the question, or the reason why there is none."""

    question: str = ""
    refused: str | None = None


def read_question(reply: str, original: str = "") -> ReadReply:
    """Returns the first question of a reply, without the text before and after it. A reply is refused if it is empty,
    contains an answer, asks nothing, or repeats the `original`."""
    text = _without_frame(unthought(reply))
    if not text:
        return ReadReply(refused="empty reply")
    if ANSWERS.search(text):
        return ReadReply(refused="the reply answers instead of asking")
    if not ASKS.search(text):
        return ReadReply(refused="the reply asks nothing")
    if same_text(text, original):
        return ReadReply(refused="the same question again")
    return ReadReply(text)


def read_statement(reply: str, variable: str, answer: str, asked: str) -> ReadReply:
    """Returns the declarative statement in a reply. The statement must contain the answer. If the question `asked` has
    the variable, the statement must contain it too."""
    text = " ".join(_without_frame(unthought(reply)).split())
    if not text:
        return ReadReply(refused="empty reply")
    if "?" in text:
        return ReadReply(refused="the reply asks instead of stating")
    if not _states(text, answer):
        return ReadReply(refused="the statement lacks the answer")
    unknown = rf"(?<![A-Za-z]){variable}(?![A-Za-z])"
    if re.search(unknown, asked) and not re.search(unknown, text):
        return ReadReply(refused=f"the statement lost {variable}")
    return ReadReply(text)


def read_verdict(reply: str) -> bool | None:
    """Returns True or False if the last "yes" or "no" of a reply is "yes" or "no". Returns None if the reply has
    neither word."""
    words = VERDICT.findall(unthought(reply))
    return words[-1].lower() == "yes" if words else None


def same_text(text: str, other: str) -> bool:
    """Returns True if two texts differ only in case, white space and punctuation at their ends."""
    return _plain(text) == _plain(other)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .?!\"'")


def _states(text: str, answer: str) -> bool:
    digits = text.replace(",", "")
    return re.search(rf"(?<![\d.]){re.escape(answer.replace(',', ''))}(?!\d|\.\d)", digits) is not None


def _without_frame(reply: str) -> str:
    """Returns the first rewrite in a reply, without a preface, a label, a code fence, and the text after it."""
    text = FENCE.sub("", reply).strip()
    first, _, rest = text.partition("\n")
    if rest.strip() and PREFACE.fullmatch(first.strip()):
        text = rest.strip()
    text = LABEL.sub("", text, count=1).strip()
    text = NEXT.split(text, maxsplit=1)[0].strip()
    if len(text) > 1 and text[0] in QUOTES and text[-1] == QUOTES[text[0]]:
        text = text[1:-1].strip()
    return text


QUOTES = {'"': '"', "“": "”"}
FENCE = re.compile(r"^```\w*[ \t]*$", re.MULTILINE)
PREFACE = re.compile(r"(?:Sure|Certainly|Of course|Okay|OK|Here|Below|The following)\b[^?]*[:!.]\**", re.IGNORECASE)
NAMES = r"(?:rephrased|rewritten|new|modified|revised|final)?\s*(?:question|problem|version|statement)"
LABEL = re.compile(
    rf"\A(?:[*#>\s]*(?:{NAMES})\s*(?:\d+|one)?\s*[*]*\s*:[*]*\s*|\s*[-*]\s+|\s*\(?1[.)]\s+)", re.IGNORECASE
)
NEXT = re.compile(
    rf"\n\s*(?:\(?2[.)]\s|[-*]\s|[*#>\s]*(?:{NAMES}\s*(?:\d+|two)?|solution|answer|explanation|note|rationale|alternatively)"
    r"\s*[*]*:|-{3,}|#{2,}\s*(?:solution|answer|explanation)\b|(?:or|alternatively),?\s*\n)",
    re.IGNORECASE,
)
"""Matches the beginning of a second rewrite, a solution or a remark."""
VERDICT = re.compile(r"\b(?:yes|no)\b", re.IGNORECASE)
ANSWERS = re.compile(r"\\boxed\s*\{|^\s*####|\bthe (?:final )?answer is\b(?![^?]*\?)", re.IGNORECASE | re.MULTILINE)
ASKS = re.compile(
    r"\?|？|\b(?:find|calculate|compute|determine|evaluate|simplify|solve|express|prove|show|state|give|write|what|how|"
    r"which|when|who|where|factor|expand|graph|identify|estimate)\b",
    re.IGNORECASE,
)
