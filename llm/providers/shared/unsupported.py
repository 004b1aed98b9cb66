"""Finds out that a model does not support a setting: a rejection says so, or replies ignore the setting."""

import re
from collections import Counter

ENOUGH = 2  # replies in a row that ignore a setting


class UnsupportedSigns:
    """Counts, for each ability, the replies in a row in which a model did not show it.

    A single reply proves nothing, since a fault looks the same.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, ability: str) -> bool:
        """Counts another reply without the ability. Returns whether there are ENOUGH."""
        self._counts[ability] += 1
        return self._counts[ability] >= ENOUGH

    def clear(self, ability: str) -> None:
        """Resets the count, because the model has shown the ability."""
        self._counts.pop(ability, None)


UNSUPPORTED = re.compile(
    r"unsupported|not support|n't support|unexpected|unrecogni[sz]ed|unknown|not (?:be )?permitted"
    r"|extra (?:field|input)|not allowed|only the default|not implemented|deprecated|disabled|not available"
    r"|not enabled|incompatible",
    re.IGNORECASE,
)
"""Words of a rejection that say that a parameter is unknown or not supported."""
