"""Reads the choices of a multiple-choice problem in the forms that data sets use, and finds the choice that the answer
names."""

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from redraft.store.digest import digest
from redraft.store.errors import SourceError
from redraft.store.sources.fields import as_text, decoded, lines_of

Choices = list[tuple[str, str]]
"""A pair (label, text) for each choice."""

SHAPE = 'write them as ["red", "blue"]'
LABELLED = re.compile(r"\(?\s*([A-Z])\s*[).:]\s*(.*)", re.DOTALL | re.IGNORECASE)


def read_choices(value: Any) -> Choices:
    """Returns the choices as pairs (label, text). `value` is a list, `{"A": ...}` or `{"label": [...], "text": [...]}`,
    or a text that spells one of the three, or a text such as "a ) 38 , b ) 27" or "A) red B) blue". The texts of a list
    may begin with labels: "A)21" or "(A) 21". Raises SourceError."""
    if isinstance(value, str) and value.strip():
        value = _from_text(value)
    if not value:
        return []
    if not isinstance(value, Mapping | list):
        raise SourceError(f"the choices are not a list: {SHAPE}")
    if isinstance(value, Mapping):
        columns = {"label", "text"} <= value.keys()
        labels, texts = (value["label"], value["text"]) if columns else (list(value), list(value.values()))
    else:
        labels, texts = ascii_uppercase[: len(value)], value
    listed = isinstance(texts, list) and isinstance(labels, list | str) and len(labels) == len(texts)
    if not listed or not 2 <= len(texts) <= len(ascii_uppercase):
        raise SourceError(f"the choices are not a list of 2 to 26 texts: {SHAPE}")
    return _unlabelled([(str(label), as_text(text, "choice")) for label, text in zip(labels, texts, strict=True)])


OPTION = re.compile(r"(options?|choices?|opt)[ _.-]?([a-z]|\d\d?)", re.IGNORECASE)


def option_columns(names: Iterable[str]) -> dict[str, str]:
    """Returns the columns that hold one choice each, by the label of the choice. Such columns are named A, B, C in
    capitals, or have names such as optionA, option_b and choice1. Returns an empty dictionary if the labels do not
    begin with A, 0 or 1, or if a label is missing."""
    groups: dict[str, dict[str, str]] = {}
    for name in map(str, names):
        match = OPTION.fullmatch(name.strip())
        kind, label = (match[1].casefold(), match[2].upper()) if match else ("", name.strip())
        if match or (len(label) == 1 and label in ascii_uppercase):
            groups.setdefault(kind, {})[label] = name
    for kind, group in groups.items():
        labels = sorted(group, key=lambda label: (len(label), label))
        usual = [[*ascii_uppercase], *([str(n) for n in range(first, 26)] for first in ((0, 1) if kind else ()))]
        if len(labels) > 1 and any(labels == one[: len(labels)] for one in usual):
            return {label: group[label] for label in labels}
    return {}


def mixed(right: Any, wrong: Sequence[Any]) -> Choices:
    """Returns the right and the wrong choices, in an order that depends only on a hash of their texts. The order is the
    same each time and does not reveal the right choice."""
    texts = [as_text(one, "choice") for one in (right, *wrong)]
    return list(zip(ascii_uppercase, sorted(texts, key=lambda text: digest("choice", *texts, text)), strict=False))


def chosen_letter(stated: Any, choices: Choices, answer_is: str = "") -> str:
    """Returns the letter of the choice that an answer names by its label, its index from 0, or its text. `answer_is`
    says which of the three is tried first: "label", "number" or "text". Raises SourceError if the answer names no
    choice, or may name more than one."""
    labels, texts = [label for label, _ in choices], [one for _, one in choices]
    text = lines_of(stated, "answer")
    bare = text.strip("(). ")
    several = bare.replace("\n", "")
    if len(several) > 1 and several not in texts and set(several) <= set(labels):
        raise SourceError(f"several choices are right ({', '.join(several)}), and redraft's multiple choice has one")
    numbers = [str(number) for number in range(len(choices))]
    ways = {"label": labels, "number": numbers if labels[0] not in ("0", "1") else [], "text": texts}
    found = {way: _place(names, text, bare) for way, names in ways.items()}
    found = {way: place for way, place in found.items() if place is not None}
    if not found and bare.upper() in labels:
        return ascii_uppercase[labels.index(bare.upper())]
    if not found:
        raise SourceError(f"the answer {text[:100]!r} is none of the choices {', '.join(labels)}")
    sure = "number" if isinstance(stated, int) and not isinstance(stated, bool) else answer_is
    found = {sure: found[sure]} if sure in found else found
    places = set(found.values())
    if found.keys() == {"text"} and texts.count(named := texts[found["text"]]) > 1:
        equal = " and ".join(letter for letter, one in zip(ascii_uppercase, texts, strict=False) if one == named)
        raise SourceError(f"the answer {text[:100]!r} is the text of the choices {equal}: no two may be equal")
    if len(places) > 1:
        ways_told = " or ".join(f"{ascii_uppercase[place]} by its {way}" for way, place in found.items())
        raise SourceError(f"the answer {text!r} may be choice {ways_told}: write the letter of the right choice")
    return ascii_uppercase[places.pop()]


def _place(names: Sequence[str], text: str, bare: str) -> int | None:
    return names.index(text) if text in names else names.index(bare) if bare in names else None


def _from_text(text: str) -> Any:
    value = decoded(text)
    if not isinstance(value, str):
        return value
    if text.lstrip().startswith(("[", "{")):
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            value = text
        if isinstance(value, dict) or (isinstance(value, list) and len(value) > 1):
            return value
        text = str(value[0]) if isinstance(value, list) and value else text
    return _in_line(text.strip())


def _in_line(text: str) -> dict[str, str]:
    """Returns the choices, by label, of a text that lists them in one line: "a ) 38 , b ) 27" or "A) red B) blue".
    Raises SourceError."""
    found: dict[str, str] = {}
    start, label = 0, ""
    for letter in ascii_uppercase:
        mark = re.compile(rf"(?:^|[\s,])\(?{letter} ?[).]\s", re.IGNORECASE).search(text, start)
        if mark is None or (not label and mark.start()):
            break
        if label:
            found[label] = text[start : mark.start()].strip(" ,")
        start, label = mark.end(), letter
    if not found:
        raise SourceError(f"the choices are no JSON list: {SHAPE}")
    return {**found, label: text[start:].strip(" ,")}


def _unlabelled(choices: Choices) -> Choices:
    """Removes the labels that the texts of the choices begin with, if these labels are A, B, C ... in order. Otherwise
    returns the choices unchanged."""
    matches = [LABELLED.fullmatch(text) for _, text in choices]
    letters = "".join(match[1].upper() for match in matches if match)
    if len(letters) != len(choices) or letters != ascii_uppercase[: len(letters)]:
        return choices
    return [(match[1].upper(), match[2].strip()) for match in matches if match]
