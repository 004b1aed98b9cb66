"""The points at which two expressions are compared. They depend on the names of the unknowns alone."""

from fractions import Fraction
from functools import lru_cache

from redraft.graders.answers.mathematics.comparison.arithmetic import hash_of


def near_points(names: frozenset[str], positive: bool) -> list[dict[str, Fraction]]:
    """Returns points between a half and two: three of positive values, or two of which half the values are negative."""
    return _near_points(tuple(sorted(names)), positive)


@lru_cache(1024)
def _near_points(names: tuple[str, ...], positive: bool) -> list[dict[str, Fraction]]:
    points = []
    for number in range(3 if positive else 2):
        point = {}
        for place, name in enumerate(names):
            seed = hash_of(f"{name}{number}{positive}")
            value = Fraction(101 + seed % 400, 211)
            point[name] = value if positive or (place + number) % 2 else -value
        points.append(point)
    return points


def far_points(names: frozenset[str], many: int = 4) -> list[dict[str, Fraction]]:
    """Returns points of both signs, with values up to about 1000, 100, 10 and 1 in turn."""
    return [
        {
            name: Fraction((-1) ** (place + number) * (hash_of(f"{name}{number}") % 10_000 + 7), 7 * 10 ** (number % 4))
            for place, name in enumerate(sorted(names))
        }
        for number in range(many)
    ]


def whole_points(names: frozenset[str], many: int = 5) -> list[dict[str, Fraction]]:
    """Returns points of whole numbers from 2."""
    return [{name: Fraction(2 + (hash_of(name) + number) % many) for name in names} for number in range(many)]
