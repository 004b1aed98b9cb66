"""Keeps texts in the wanted languages."""

import re
from functools import cache
from typing import TYPE_CHECKING, Literal

from redraft.flows.filters.filter import Filter
from redraft.flows.filters.sifting.candidates import Candidate
from redraft.store.errors import PartError, alternatives
from redraft.store.plugins.arguments import check_number

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
LATEX = re.compile(
    r"\$\$.*?\$\$|\$[^$\n]*\$|\\\[.*?\\\]|\\\(.*?\\\)|\\begin\{(\w+\*?)\}.*?\\end\{\1\}|\\[A-Za-z]+(?:\{[^{}]*\})*",
    re.DOTALL,
)
WORD = re.compile(r"[^\W\d_]+")
SCRIPTS = {
    "Han": "\u3400-\u4dbf\u4e00-\u9fff", "Kana": "\u3040-\u30ff", "Hangul": "\u1100-\u11ff\uac00-\ud7af",
    "Cyrillic": "\u0400-\u052f", "Arabic": "\u0600-\u06ff", "Hebrew": "\u0590-\u05ff", "Thai": "\u0e00-\u0e7f",
    "Devanagari": "\u0900-\u097f", "Bengali": "\u0980-\u09ff", "Tamil": "\u0b80-\u0bff",
}  # fmt: skip
"""The Unicode ranges of letters of each script. Greek is left out, because mathematics uses it."""
FOREIGN = {name: re.compile(f"[{ranges}]") for name, ranges in SCRIPTS.items()}
ANY_FOREIGN = re.compile(f"[{''.join(SCRIPTS.values())}]")
USED = {
    "zh": {"Han"}, "ja": {"Han", "Kana"}, "ko": {"Hangul", "Han"}, "ru": {"Cyrillic"}, "uk": {"Cyrillic"},
    "be": {"Cyrillic"}, "bg": {"Cyrillic"}, "mk": {"Cyrillic"}, "sr": {"Cyrillic"}, "kk": {"Cyrillic"},
    "ky": {"Cyrillic"}, "mn": {"Cyrillic"}, "ar": {"Arabic"}, "fa": {"Arabic"}, "ur": {"Arabic"}, "ps": {"Arabic"},
    "ug": {"Arabic"}, "he": {"Hebrew"}, "th": {"Thai"}, "hi": {"Devanagari"}, "mr": {"Devanagari"},
    "ne": {"Devanagari"}, "bn": {"Bengali"}, "as": {"Bengali"}, "ta": {"Tamil"},
}  # fmt: skip
"""The scripts of SCRIPTS in which each language is written."""
LONGEST = 500  # characters of a text that py3langid reads


def language(
    *, want: str = "en", of: Literal["draft", "question"] = "draft", mixed: float = 0.05, words: int = 12
) -> Filter:
    """Drops a draft that is not in one of the languages `want`, which are ISO 639-1 codes separated by commas. With
    `of="question"`, drops the drafts of a question that is not in one of them. LaTeX and code are ignored.

    Two rules decide. First, a draft mixes languages if more than a share `mixed` of its letters are in a script that
    none of the languages uses (DeepSeek-R1, arXiv 2501.12948, rewards drafts in a single language). Second, py3langid
    names the most probable language of the first 500 characters. A text of fewer than `words` words is too short for
    py3langid, and is kept if it passes the first rule.
    """
    check_number("language.mixed", mixed, 0.05, least=0, most=1)
    check_number("language.words", words, 12, least=1)
    wanted = {code.strip().lower() for code in want.split(",")} - {""}
    for code in sorted(wanted):
        if code not in _codes():
            raise PartError(f"language.want={code!r}: {alternatives(code, _codes(), ' (ISO 639-1)')}")
    if not wanted:
        raise PartError("language.want is empty: name a language, such as en")
    used = {script for code in wanted for script in USED.get(code, ())}

    def check(candidate: Candidate) -> str | None:
        found = WORD.findall(prose(candidate.text if of == "draft" else candidate.question))
        letters = "".join(found)
        if foreign := _foreign(letters, used, mixed):
            return foreign
        if len(found) < words or (code := str(_identifier().classify(" ".join(found)[:LONGEST])[0])) in wanted:
            return None
        return None if code == NO_LANGUAGE else f"in another language: {code}"

    return check


def prose(text: str) -> str:
    """Returns a text without code and LaTeX."""
    if "`" in text:
        text = CODE.sub(" ", text)
    return LATEX.sub(" ", text) if "\\" in text or "$" in text else text


def _foreign(letters: str, used: set[str], most: float) -> str | None:
    if letters.isascii() or len(ANY_FOREIGN.findall(letters)) <= most * len(letters):
        return None
    counts = {name: len(script.findall(letters)) for name, script in FOREIGN.items() if name not in used}
    name = max(counts, key=counts.__getitem__)
    share = sum(counts.values()) / len(letters)
    return f"in another script: {share:.2f} of the letters, most {name}" if share > most else None


NO_LANGUAGE = "zxx"
"""The language code that py3langid returns for a text without language."""


@cache
def _identifier() -> "LanguageIdentifier":
    from py3langid import langid  # slow: its model takes a second to load

    return langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE)


@cache
def _codes() -> list[str]:
    return sorted(set(_identifier().labels) - {NO_LANGUAGE})
