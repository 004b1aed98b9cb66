"""Rulings. Every way of checking an answer returns a ruling: a verdict with its reason."""

from msgspec import Struct

from redraft.store.trajectory import Verdict


class Ruling(Struct, frozen=True, gc=False):
    """A verdict on one answer. `reason` is None if the answer and the key alone explain the verdict."""

    verdict: Verdict
    reason: str | None = None


VALUES = {Verdict.RIGHT: 1.0, Verdict.WRONG: 0.0, Verdict.UNDECIDED: None}
"""The value of a grade by verdict, if the key decides."""
