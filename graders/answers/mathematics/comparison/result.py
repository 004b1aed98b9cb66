"""The results of comparisons, and a function that combines several results."""

from collections.abc import Callable, Sequence

from redraft.graders.answers.mathematics.forms import Form


class NotMine:
    """The result of a comparison that does not apply to the given forms."""


NOT_MINE = NotMine()


Ruling = bool | None | NotMine


Compare = Callable[[Form, Form], bool | None]
"""The type of `equal.same`, which returns whether a form equals the key's form. It also compares the parts of forms."""


def all_of(rulings: Sequence[bool | None]) -> bool | None:
    return False if False in rulings else None if None in rulings else True
