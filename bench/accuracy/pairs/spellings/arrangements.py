"""Spellings with the same parts in another order or form: terms, elements, unions, names, words, letters."""

import re
from collections.abc import Callable, Mapping

from pairs.latex import Gold
from pairs.spellings.ways import Way, around, listed, part, words


def _plus(terms: list[str]) -> str:
    return " ".join([terms[0].removeprefix("+").strip(), *(t if t[0] in "+-" else f"+{t}" for t in terms[1:])])


def _terms(gold: Gold) -> str | None:
    return _plus(gold.terms[::-1]) if len(gold.terms) > 1 and gold.body == gold.text else None


def _name(gold: Gold) -> str | None:
    letters = re.search(r"[A-Za-z]", re.sub(r"\\[A-Za-z]+", "", gold.text))
    return f"x = {gold.text}" if gold.form == "scalar" and gold.text == gold.body and not letters else None


def _elementwise(joint: str, last: str) -> Way:
    return listed(lambda items: joint.join(items[:-1]) + last + items[-1], "list")


def _union(joint: str) -> Way:
    return part("union", lambda gold: joint.join(reversed(re.split(r"\s*\\cup\s*", gold.text))))


def _signs(gold: Gold) -> str | None:
    match = re.fullmatch(r"(.+?)\s*\\pm\s*(.+)", gold.text) if gold.form == "pair" else None
    return f"{match[1]} + {match[2]}, {match[1]} - {match[2]}" if match else None


def _inequality(gold: Gold) -> str | None:
    match = re.fullmatch(r"([a-z]) \\in \[([^,]+),([^,]+)\]", gold.text)
    return rf"{match[2]} \le {match[1]} \le {match[3]}" if match else None


def _named(spelling: str) -> Way:
    return part(
        "named", lambda g: spelling.replace("NAME", g.named[0]).replace("VALUE", g.named[1]) if g.named else None
    )


def _assigned(spelling: Callable[[list[tuple[str, str]]], str]) -> Way:
    return part("assignments", lambda gold: spelling(gold.assignments))


def _tuple(pairs: list[tuple[str, str]]) -> str:
    names, values = zip(*pairs, strict=True)
    return f"({','.join(names)})=({','.join(values)})"


ORDER: Mapping[str, Way] = {
    "terms in another order": _terms,
    "elements in another order": listed(lambda items: ", ".join(reversed(items)), "list", "set"),
    "and": _elementwise(", ", " and "),
    "comma and": _elementwise(", ", ", and "),
    "quoted and": _elementwise(", ", r" \text{ and } "),
    "or": _elementwise(", ", " or "),
    "list in braces": part("list", lambda gold: rf"\{{{gold.text}\}}"),
    "no space after commas": listed(",".join, "list", "set", "tuple", "interval"),
    "spaces after commas": listed(", ".join, "list", "set", "tuple", "interval"),
    "thin space after commas": listed(r",\, ".join, "list", "set", "tuple", "interval"),
    "union in another order": _union(r" \cup "),
    "union sign": _union(" ∪ "),
    "both values of plus or minus": _signs,
    "range as an inequality": _inequality,
    "with a name": _name,
    "name left out": _named("VALUE"),
    "name at the end": _named("VALUE = NAME"),
    "assignments in another order": _assigned(
        lambda pairs: ", ".join(f"{name}={value}" for name, value in pairs[::-1])
    ),
    "assignments with and": _assigned(
        lambda pairs: r" \text{ and } ".join(f"{name} = {value}" for name, value in pairs)
    ),
    "assignments as a tuple": _assigned(_tuple),
    "values without their names": _assigned(lambda pairs: ", ".join(value for _, value in pairs)),
    "blanks without spaces": part("blanks", lambda gold: gold.text.replace("; ", ";")),
    "other dots": part("sequence", lambda gold: gold.text.replace(r"\ldots", r"\dots")),
    "three dots": part("sequence", lambda gold: gold.text.replace(r"\ldots", "...")),
    "day half with dots": part("time", lambda gold: re.sub(r"([ap])m$", r"\1.m.", gold.text)),
    "day half in capitals": part("time", lambda gold: gold.text.upper()),
    "square matrix": part("matrix", lambda gold: gold.text.replace("pmatrix", "bmatrix")),
    "fractions in a matrix": part("matrix", lambda gold: re.sub(r"(\d+)/(\d+)", r"\\frac{\1}{\2}", gold.text)),
}
QUOTES: Mapping[str, Way] = {
    "words without quotes": words("%s"),
    "words in capitals": words("%s", str.upper),
    "bold words": words(r"\textbf{%s}"),
    "words in a box": words(r"\mbox{%s}"),
    "roman words": words(r"\mathrm{%s}", lambda text: text.replace(" ", r"\ ")),
    "letter": part("letter", lambda gold: gold.text[7]),
    "letter in brackets": part("letter", lambda gold: f"({gold.text[7]})"),
    "bold letter": part("letter", lambda gold: rf"\textbf{{({gold.text[7]})}}"),
    "quoted letter": part("letter", lambda gold: rf"\text{{{gold.text[7]}}}"),
}
CHOICES: Mapping[str, Way] = {
    "brackets": around("(%s)"),
    "closing bracket": around("%s)"),
    "full stop": around("%s."),
    "bold": around("**%s**"),
    "quoted": around(r"\text{%s}"),
    "quoted in brackets": around(r"\text{(%s)}"),
    "small": lambda gold: gold.text.lower(),
    "option": around("option %s"),
    "dollars": around("$%s$"),
}
TEXTS: Mapping[str, Way] = {
    "small": lambda gold: gold.text.lower(),
    "capitals": lambda gold: gold.text.upper(),
    "quoted": around(r"\text{%s}"),
    "full stop": around("%s."),
    "bold": around("**%s**"),
    "quotes": around('"%s"'),
    "two spaces": lambda gold: gold.text.replace(" ", "  "),
    "round apostrophe": lambda gold: gold.text.replace("'", "’"),
}
