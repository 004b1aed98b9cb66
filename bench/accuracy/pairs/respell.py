"""More than forty ways to write the same answer. Each is applied only if its construction preserves the meaning."""

from collections.abc import Iterator, Mapping
from random import Random

from pairs.latex import Gold
from pairs.spellings.arrangements import CHOICES, ORDER, QUOTES, TEXTS
from pairs.spellings.quantities import NUMBERS, UNITS
from pairs.spellings.typesetting import TYPESETTING, WRAPS
from pairs.spellings.ways import Way


def respell(gold: Gold) -> Iterator[tuple[str, str]]:
    """Yields the name of each way that applies to a gold, and the other spelling."""
    for name, way in WAYS[gold.kind].items():
        other = way(gold)
        if other is not None and other != gold.text:
            yield name, other


def respell_again(gold: Gold, text: str, chance: Random) -> tuple[str, str] | None:
    """Returns the name of a way and the result of applying it to `text`, which is another spelling of a gold. Only ways
    that leave nothing out are used. Returns None if no way applies, or if the first change gave the text another form,
    such as words after its number."""
    changed = Gold(gold.source, text)
    if gold.kind != "math" or changed.form != gold.form:
        return None
    found = [(how, other) for how, other in respell(changed) if how not in WRAPS and how not in LOSSY]
    return chance.choice(found) if found else None


LOSSY = {
    "without its base", "without its unit", "name left out", "values without their names", "percent left out",
    "percent as a decimal", "with a name",
}  # fmt: skip
"""Ways after which the answer is right only by a convention. For example, a near miss without its unit may be equal to
the gold without its unit."""
WAYS: Mapping[str, Mapping[str, Way]] = {
    "math": {**WRAPS, **TYPESETTING, **NUMBERS, **UNITS, **ORDER, **QUOTES},
    "choice": CHOICES,
    "text": TEXTS,
}
