"""A verdict on one answer, which every way of checking an answer returns."""

from msgspec import Struct

from redraft.store.trajectory import Verdict


class Ruling(Struct, frozen=True, gc=False):
    """A verdict on one answer, with the reason if the two texts do not show it."""

    verdict: Verdict
    reason: str | None = None


VALUES = {Verdict.RIGHT: 1.0, Verdict.WRONG: 0.0, Verdict.UNDECIDED: None}
"""The value that a grade by the key has for each verdict."""
