"""Ways to write the same answer, more than forty. Each is applied only where it keeps the meaning by construction."""

from collections.abc import Iterator, Mapping

from pairs.arrangements import CHOICES, ORDER, QUOTES, TEXTS
from pairs.latex import Gold
from pairs.quantities import NUMBERS, UNITS
from pairs.typesetting import TYPESETTING, WRAPS
from pairs.ways import Way


def respell(gold: Gold) -> Iterator[tuple[str, str]]:
    """Each way that applies to a gold, by name, with the other spelling."""
    for name, way in WAYS[gold.kind].items():
        other = way(gold)
        if other is not None and other != gold.text:
            yield name, other


WAYS: Mapping[str, Mapping[str, Way]] = {
    "math": {**WRAPS, **TYPESETTING, **NUMBERS, **UNITS, **ORDER, **QUOTES},
    "choice": CHOICES,
    "text": TEXTS,
}
