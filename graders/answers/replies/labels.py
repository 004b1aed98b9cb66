"""Finds the words, tags and headings with which a reply marks its answer, and the text that they mark.

The words of each language are data. To add a language, add a row.
"""

import re
from collections import deque
from collections.abc import Iterator
from enum import StrEnum, auto
from itertools import islice

from msgspec import Struct


class Form(StrEnum):
    """How an answer is marked."""

    LINE = auto()  # "Answer: 18" at the beginning of a line, or a heading above the answer
    PHRASE = auto()  # "the answer is 18" in a sentence
    HEADING = auto()  # "#### 18", which may also be the heading of a section
    CELL = auto()  # a tag, a JSON field or a table cell that contains only the answer


class Label(Struct, frozen=True, gc=False):
    """A mark at the offset `start`, and the text that follows it, up to the end of the mark's content or at most
    LONGEST characters."""

    form: Form
    content: str
    start: int


def labels(text: str) -> Iterator[Label]:
    """Yields the marks of a text from the last to the first, at most MOST of them."""
    return islice(_labels(text), MOST)


def _labels(text: str) -> Iterator[Label]:
    pattern = ASCII_NOUN if text.isascii() else NOUN
    for noun in reversed(deque(pattern.finditer(text), MOST_NOUNS)):
        before = text[max(0, noun.start() - AROUND) : noun.start()].rpartition("\n")[2]
        marked = _marked(noun[0], before, text[noun.end() : noun.end() + LONGEST])
        if marked and marked[1].strip():
            yield Label(*marked, noun.start())


def _marked(noun: str, before: str, after: str) -> tuple[Form, str] | None:
    if noun[0] == "#":
        return None if after.startswith("#") else (Form.HEADING, after)
    if noun[0] == "<":
        return (Form.CELL, TAG_END.split(after, maxsplit=1)[0])
    if noun[-1] == ":":
        return (Form.LINE, after) if MARKUP.fullmatch(before) else None
    if LETTER.match(before[-1:]):
        return None
    for opening, held in CELLS:
        if opening.search(before) and (cell := held.match(after)):
            return (Form.CELL, _unescaped(cell[1]))
    if ALONE.fullmatch(before) and (colon := COLON.match(after)):
        return (Form.LINE, after[colon.end() :])
    says = None if DOUBT.search(before) else SAYS.match(after)
    if not says or NEGATED.search(says[0]) or (MAYBE.search(says[0]) and IF.match(after, says.end())):
        return None
    return (Form.PHRASE, after[says.end() :])


def _unescaped(value: str) -> str:
    """Returns the text of a string in JSON. Backslashes of LaTeX may be doubled or, as careless writers leave them,
    single."""
    text = value.strip()
    if text[:1] in ('"', "'"):
        return text[1:-1].replace("\\\\", "\\").replace('\\"', '"')
    return text.strip("[]") if text.startswith("[") else text


MOST = 12
"""The number of marks that are read. If the last ones state nothing, earlier ones are not the answer."""
MOST_NOUNS = 64
LONGEST = 1000
AROUND = 80  # characters before a noun that determine its form

NOUNS = {
    "English": r"answers?|Answers?|ANSWERS?|Ans|ANS|ans",
    "German": r"Antwort(?:en)?|Lösungswert",
    "French": r"réponse|Réponse",
    "Spanish": r"respuesta|Respuesta",
    "Portuguese": r"resposta|Resposta",
    "Italian": r"risposta|Risposta",
    "Dutch": r"antwoord|Antwoord",
    "Polish": r"odpowied[źz]|Odpowied[źz]",
    "Czech": r"odpověď|Odpověď",
    "Swedish": r"svaret|Svaret|Svar",
    "Turkish": r"cevap|Cevap|yanıt|Yanıt",
    "Vietnamese": r"đáp án|Đáp án|đáp số|Đáp số",
    "Indonesian": r"jawaban(?:nya)?|Jawaban(?:nya)?",
    "Russian": r"ответ|Ответ|ОТВЕТ",
    "Ukrainian": r"відповідь|Відповідь",
    "Chinese": r"答案|答(?=[：:])",
    "Japanese": r"答え|正解|解答(?=は)|回答(?=は)",
    "Korean": r"정답|답(?=[은:：]|이 )",
    "Hindi": r"उत्तर",
    "Arabic": r"الإجابة|الجواب|إجابة",
}
"""The words for "answer", in lower and upper case. They begin with literal letters, so the search is fast."""
_OTHERS = [r"A[*_]{0,3} ?:", "####", r"<\|begin_of_box\|>", r"<(?:final_?)?[Aa]nswer>"]
NOUN = re.compile("|".join([*_OTHERS, *NOUNS.values()]))
ASCII_NOUN = re.compile("|".join([*_OTHERS, *filter(str.isascii, "|".join(NOUNS.values()).split("|"))]))
"""The nouns that a text in ASCII can have. With fewer alternatives the search is faster."""
LETTER = re.compile(r"[^\W_\u0600-\u06ff\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]|-")
"""Matches a character before a noun that makes the noun the end of another word ("long-answer"). Characters of scripts
without spaces do not match."""
MARKUP = re.compile(
    r"(?:[\s>#*_•–—✅✔✓🎯📌💡:【\[-]|\d{1,2}[.)]|</?(?:b|strong|p|em|h\d)>|\\(?:text|textbf|mathbf)\{)*"
)
ALONE = re.compile(rf"{MARKUP.pattern}(?:[^\W\d]+(?:['’]s)?[ ,]+){{0,4}}{MARKUP.pattern}")
"""Matches what may precede a noun at the beginning of a line: markup, a few words ("So the final")."""
COLON = re.compile(
    r"""(?:\ (?:choice|option))? (?:\ *\([^()\n]{0,40}\)|\ *\d{1,2}(?=[*_ ]*[:：]))?
    (?: [*_]*\ *(?:[:：=]|[】\]])
        (?:[\s*_}:：]|</(?:b|strong|p|em|h\d)>|(?:\"{3}|'{3}|`{3}\w*)(?=\n))* | [*_\ :]*\n\s* )""",
    re.VERBOSE,
)
CELLS = (
    (
        re.compile(r"""["'](?:[a-z]{1,12}[_ ]?)?$"""),
        re.compile(r"""["']\s*:\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\[[^\[\]]*\]|[^\s,{}\]]+)"""),
    ),
    (re.compile(r"\|[*_ ]*(?:[^\W\d]+ ){0,2}$"), re.compile(r"[*_ :]*\|([^|\n]*)")),
)
"""Pairs of patterns for the text before and after the noun of a JSON field or table cell. The group is the content."""
TAG_END = re.compile(r"</|<\|end_of_box\|>")
SAYS = re.compile(
    r"""["'”’*_)\]]{0,4} (?:\ (?:choice|option|value))?
    (?: ,?\ (?:to|for|of|in|as|with|when|if|we|I|you|that|which|given|here|at|on|after|by|from|rounded|expressed|written
          |then|thus|therefore|must|should|will|would|can|could|may|might|has|comes|turns|works|simplifies|should|also
          |der|die|das|auf|zu|zur|für|de|du|des|del|da|do|à|a|al|la|est|final|finale|correcta|correcte|correct|на|в)\b
        [^.:\n=。，：]{0,60}?
      | \ *\([^()\n]{0,40}\) | ,[^.,:\n=]{1,50}, | [（(][^（）()\n]{0,20}[)）] )?
    [ *_]*
    (?: \ (?:is|are|was|were|be|equals|becomes|ist|sind|lautet|beträgt|wäre|est|sont|serait|vaut|es|son|será|sería|é|è
          |são|sono|seria|jest|är|je|là|adalah|равен|равна|равно|это|هي|هو)\b
      | \ ?(?:[=:：→⇒]|—|–) | (?:应该?|應該?|就)?(?:是|为|為|等于|等於) | [应應]?[选選][择擇项項]? | [はが] | [은는이] )
    [\s*_:：=]*""",
    re.VERBOSE,
)
"""Matches the text between a noun and its answer: optionally what the answer is for, then a verb or a sign."""
NEGATED = re.compile(r"\b(?:not|cannot|never|nicht|pas|no|non|не)\b|n['’]t\b")
MAYBE, IF = re.compile(r"\b(?:would|could|might)\b"), re.compile(r"[^.\n]{0,60}?\b(?:if|had)\b")
"""Match an answer to a case that differs from the question: "would be 42 if ...\"."""
DOUBT = re.compile(
    r"\b(?:[Ii]f|[Ww]hether|[Ss]uppos(?:e|ing)|[Aa]ssum(?:e|ing)|[Uu]nless|[Ww]hat)\s(?:[^\W\d]+\s){0,5}$"
)
"""Matches the words before an answer that is only considered."""
