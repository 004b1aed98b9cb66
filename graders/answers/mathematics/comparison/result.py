"""The results of comparisons, and a function that combines several results."""

from collections.abc import Callable, Sequence

from redraft.graders.answers.mathematics.forms import Form


class NotMine:
    """The result of a comparison that does not apply to the given forms."""


NOT_MINE = NotMine()


Ruling = bool | None | NotMine


Compare = Callable[[Form, Form], bool | None]
"""Whether an answer equals the key: `equal.same`, which compares the parts of forms, too."""


def all_of(rulings: Sequence[bool | None]) -> bool | None:
    return False if False in rulings else None if None in rulings else True
