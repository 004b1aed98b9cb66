"""Wrong answers that are similar to a gold: more than twenty kinds of changes, each of which makes a different value.

Changes that give an equal value by coincidence, such as the negative of 0, are left out: `value.equal` computes both
values if it can.
"""

import re
from collections.abc import Iterator, Mapping

from pairs.latex import Gold
from pairs.misses import Miss
from pairs.near_forms import FORMS, choices, texts
from pairs.near_values import VALUES
from pairs.value import equal


def near_misses(gold: Gold) -> Iterator[tuple[str, str]]:
    """Yields the kind and the text of each near miss of a gold. No two texts are equal."""
    seen = {gold.text}
    for name, way in WAYS[gold.kind].items():
        for other in way(gold):
            if other not in seen and not same(gold, other):
                seen.add(other)
                yield name, other


def same(gold: Gold, other: str) -> bool:
    """Returns True if a text has the gold's value, the same elements, or the same words."""
    if gold.kind != "math":
        return gold.text.casefold() == other.casefold()
    miss = Gold(gold.source, other)
    if gold.form == "words":
        return gold.text.casefold() == other.casefold()
    if miss.form == gold.form and gold.form in ("list", "set"):
        return all(any(_alike(a, b) for b in miss.elements) for a in gold.elements) and all(
            any(_alike(a, b) for a in gold.elements) for b in miss.elements
        )
    if gold.form == miss.form and gold.elements and len(gold.elements) == len(miss.elements) > 1:
        return gold.brackets == miss.brackets and all(map(_alike, gold.elements, miss.elements))
    if gold.unit and miss.unit and gold.unit[0] != miss.unit[0]:
        return False
    return _alike(gold.body, miss.body)


def _alike(one: str, two: str) -> bool:
    return equal(one, two) is True or re.sub(r"\s", "", one) == re.sub(r"\s", "", two)


WAYS: Mapping[str, Mapping[str, Miss]] = {
    "math": {**VALUES, **FORMS},
    "choice": {"another letter": choices},
    "text": {"other words": texts},
}
