"""Reads the scores of a sample of Inspect as grades."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from redraft.flows.readers.fields import optional, shortened
from redraft.store.errors import SourceError
from redraft.store.trajectory import Grade, Verdict

NO_ANSWER = "no answer"
WORDS: Mapping[str, tuple[float, Verdict | None, str | None]] = {
    "C": (1.0, Verdict.RIGHT, None), "I": (0.0, Verdict.WRONG, None), "P": (0.5, None, None),
    "N": (0.0, Verdict.WRONG, NO_ANSWER),
    "yes": (1.0, Verdict.RIGHT, None), "true": (1.0, Verdict.RIGHT, None),
    "no": (0.0, Verdict.WRONG, None), "false": (0.0, Verdict.WRONG, None),
}  # fmt: skip
"""The value, the verdict and the meaning of each word that Inspect uses as a score. P means partly right."""


def score_grades(row: Mapping[str, Any]) -> Iterator[Grade]:
    """Yields a grade for each score of a sample; the grader is the scorer. If a score has several values, yields a
    grade for each ("scorer.name"). C is `right` with the value 1. I and N are `wrong` with the value 0. P has the value
    0.5 without a verdict. A number is a value without a verdict. NaN, a missing score, is `undecided`. The explanation
    of a score becomes the reason of the grade. Raises SourceError for a score in any other form."""
    for name, score in (optional(row, "scores", Mapping) or {}).items():
        at = f"scores.{str(name)[:40]}."
        if not isinstance(score, Mapping):
            raise SourceError(f"{at.rstrip('.')} is {shortened(score)}, and has to be an object")
        explanation = optional(score, "explanation", str, at)
        why = optional(score, "reason", str, at)
        value = score.get("value")
        several = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
        if not several:
            yield _grade(str(name), value, explanation, why, at)
        for key, one in several:
            yield _grade(f"{name}.{key}", one, explanation, why, at)


def _grade(name: str, value: Any, explanation: str | None, why: str | None, at: str) -> Grade:
    if isinstance(value, bool):
        value = "true" if value else "false"
    if isinstance(value, str) and (known := WORDS.get(value) or WORDS.get(value.lower())):
        number, verdict, meaning = known
        return Grade(name, "", 1, number, verdict, reason=explanation or meaning)
    number = _number(value)
    if number is None and not isinstance(value, str):
        raise SourceError(f"{at}value is {shortened(value)}, and has to be a text or a number")
    if number is None:
        return Grade(name, "", 1, reason=explanation or f"the score is {shortened(value)}")
    if math.isnan(number):
        return Grade(name, "", 1, verdict=Verdict.UNDECIDED, reason=explanation or why or "unscored")
    return Grade(name, "", 1, number, reason=explanation)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None
