"""Near misses of answers that are not a single value: changes of an element, a bracket, a name, a relation, a unit, a
word."""

import re
from collections.abc import Iterator, Mapping

from pairs.latex import Gold, split, tight
from pairs.misses import Miss, each
from pairs.near_values import CONSTANTS, LETTER


def _elements(gold: Gold) -> Iterator[str]:
    if gold.form not in ("list", "set", "tuple", "interval"):
        return
    opening, closing = gold.brackets or ("", "")
    items = gold.elements
    fewer = [[*items[:place], *items[place + 1 :]] for place in range(len(items))] if gold.form != "interval" else []
    more = [[*items, "17"], [*items[:-1], f"{items[-1]}+1"]] if gold.form != "interval" else []
    swapped = [[items[1], items[0], *items[2:]], items[::-1]] if gold.form == "tuple" else []
    for others in (*fewer, *more, *swapped):
        if others != items:
            yield opening + ", ".join(others) + closing


def _assignments(gold: Gold) -> Iterator[str]:
    pairs = gold.assignments if gold.form == "assignments" else []
    if pairs:
        names, values = zip(*pairs, strict=True)
        turned = (*values[1:], values[0])
        yield ", ".join(map("{}={}".format, names, turned))
        yield r" \text{ and } ".join(map("{}={}".format, names, turned))
        yield f"({','.join(names)})=({','.join(turned)})"
        yield ", ".join(turned)
        yield ", ".join(map("{}={}".format, [*names[:-1], "z"], values))
        yield ", ".join(map("{}={}".format, names[:-1], values[:-1]))
        yield ", ".join([*map("{}={}".format, names, values), "z=7"])


def _blanks(gold: Gold) -> Iterator[str]:
    if gold.form == "blanks":
        parts = [part.strip() for part in split(gold.text, ";")]
        yield "; ".join(parts[::-1])
        yield ", ".join(parts[::-1])
        yield from parts
        yield "; ".join([*parts, "3"])


def _times(gold: Gold) -> Iterator[str]:
    if gold.form == "time" and gold.text.endswith("m"):
        yield from (re.sub(r" ?[ap]m$", "", gold.text) + end for end in (" am", " pm") if not gold.text.endswith(end))


def _brackets(gold: Gold) -> Iterator[str]:
    if gold.form == "interval":
        inner = ", ".join(gold.elements)
        ends = [(a, b) for a in "([" for b in ")]" if (a, b) != gold.brackets]
        yield from (a + inner + b for a, b in ends if not re.search(r"\[\s*-?\\infty|\\infty\s*\]", a + inner + b))
    if gold.form == "union":
        text = tight(gold.text)
        parts = re.split(r"\s*\\cup\s*", text)
        yield from (r" \cup ".join([*parts[:place], *parts[place + 1 :]]) for place in range(len(parts)))
        yield text.replace(r"\cup", r"\cap")
        for match in re.finditer(r"[(\[](?!\s*-\\infty)|(?<!\\infty)(?<!\\infty )[)\]]", text):
            yield text[: match.start()] + {"(": "[", "[": "(", ")": "]", "]": ")"}[match[0]] + text[match.end() :]


def _matrix(gold: Gold) -> Iterator[str]:
    if gold.form != "matrix":
        return
    match = re.fullmatch(r"(\\begin\{.matrix\})(.*)(\\end\{.matrix\})", gold.text, re.DOTALL)
    assert match
    rows = [[cell.strip() for cell in row.split("&")] for row in match[2].split(r"\\") if row.strip()]
    columns = [list(column) for column in zip(*rows, strict=True)]
    for others in (rows[:-1], columns, [*rows, rows[0]], [rows[-1], *rows[1:-1], rows[0]] if len(rows) > 1 else rows):
        if others and others != rows:
            yield match[1] + r" \\ ".join(" & ".join(row) for row in others) + match[3]


def _sizes(gold: Gold) -> Iterator[str]:
    if not gold.unit or not gold.unit["word"]:
        return
    word, power = gold.unit["word"].strip(), gold.unit["power"] or ""
    for group in SIZES:
        if word in group:
            yield from (rf"{gold.body}\text{{ {other}}}{power}" for other in group if other != word)
    if power:
        yield rf"{gold.body}\text{{ {word}}}" + ("^3" if "2" in power else "^2")


def _name(gold: Gold) -> Iterator[str]:
    if gold.named:
        yield from (f"{name} = {gold.named[1]}" for name in "xyzw" if name != gold.named[0])


def _words(gold: Gold) -> Iterator[str]:
    match = re.fullmatch(r"\\text\{([^{}]*)\}|([A-Za-z' -]+)", gold.text) if gold.form == "words" else None
    if match:
        text = match[1] or match[2]
        for other in (f"not {text}", f"{text} and more", text[:-1], f"{text}ly", "none", "circle", "west", "odd", "7"):
            yield rf"\text{{{other}}}"


def _letters(gold: Gold) -> Iterator[str]:
    if gold.form == "letter":
        yield from (rf"\text{{({letter})}}" for letter in "ABCDE" if letter != gold.text[7])


def texts(gold: Gold) -> Iterator[str]:
    words = gold.text.split()
    yield from (f"not {gold.text}", f"{gold.text} junior", gold.text[:-1], gold.text[1:], f"{gold.text} or not")
    if len(words) > 1:
        yield from (" ".join(words[:-1]), " ".join(words[1:]), " ".join(reversed(words)))


def choices(gold: Gold) -> Iterator[str]:
    yield from (letter for letter in "ABCDEFGHIJ" if letter != gold.text)


SIZES = (
    ("cm", "m", "mm", "km"), ("inches", "feet", "miles", "yards"), ("cents", "dollars"),
    ("seconds", "minutes", "hours", "days", "weeks"), ("kg", "g", "mg"), ("degrees", "radians"), ("ml", "liters"),
)  # fmt: skip
BOUND = re.compile(r"\\mid|[:|]")  # the bar of a set, whose unknown may have any name
OTHER_UNKNOWN = each(
    LETTER, lambda m: ("w" if m[0] != "w" else "v") if m[0] not in CONSTANTS else None, "scalar", "relation"
)
FORMS: Mapping[str, Miss] = {
    "another unknown": lambda gold: iter(()) if BOUND.search(gold.text) else OTHER_UNKNOWN(gold),
    "another relation": each(
        r"=|<|>|\\(?:leq?|geq?)(?![a-z])", lambda m: r"\neq " if m[0] == "=" else "=", "relation", "named"
    ),
    "the other direction": each(
        r"<|>|\\(?:leq?|geq?)(?![a-z])", lambda m: ">" if "<" in m[0] or "l" in m[0] else "<", "relation"
    ),
    "another base": each(r"(?<=\d\d)_\{?(\d+)\}?$", lambda m: f"_{{{int(m[1]) + 1}}}", "based"),
    "an element more, less or elsewhere": _elements,
    "values of other names": _assignments,
    "blanks in another order": _blanks,
    "another half of the day": _times,
    "another sequence": each(r"\\ldots", lambda match: f"4,{match[0]}", "sequence"),
    "another bracket, a part less": _brackets,
    "another matrix": _matrix,
    "another size of unit": _sizes,
    "another name": _name,
    "other words": _words,
    "another letter": _letters,
}
