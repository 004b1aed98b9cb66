"""Detects that a model does not support a setting: it rejects the setting, or its replies ignore the setting."""

import re
from collections import Counter

ENOUGH = 2  # consecutive replies that ignore a setting


class UnsupportedSigns:
    """Counts, for each ability, the consecutive replies in which a model did not show it.

    A single reply proves nothing, because an error can look the same.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, ability: str) -> bool:
        """Counts one more reply without the ability. Returns whether the count has reached ENOUGH."""
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
"""Matches the words of an error message about a parameter that is unknown or not supported."""
