"""Rulings: every way of checking an answer returns a ruling, which is a verdict with its reason."""

from msgspec import Struct

from redraft.store.trajectory import Verdict


class Ruling(Struct, frozen=True, gc=False):
    """A verdict on one answer. `reason` is given if the answer and the key alone do not explain the verdict."""

    verdict: Verdict
    reason: str | None = None


VALUES = {Verdict.RIGHT: 1.0, Verdict.WRONG: 0.0, Verdict.UNDECIDED: None}
"""The value of a grade for each verdict, if the key decides."""
