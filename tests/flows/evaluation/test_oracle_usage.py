"""How many drafts the known answer had to decide among."""

from typing import Any

import pytest

from redraft.agents.build import Spec, resolve
from redraft.agents.strategies.correct import correct
from redraft.flows.evaluation.oracle_usage import Oracle, oracle

CHOSEN_FIRST = {"draft": "best_of_n", "draft.samples": "4", "draft.grader": "oracle"}


@pytest.mark.parametrize(
    ("strategy", "given", "expected", "guesses"),
    [
        ("correct", {"feedback": "oracle"}, Oracle(stops=True), 3),
        ("correct", {"feedback": "oracle", "branches": "2", "grader": "likelihood"}, Oracle(stops=True), 3),
        ("correct", {"branches": "2", "grader": "oracle"}, Oracle(chooses=True, later=2), 5),
        (
            "correct",
            {"feedback": "oracle", "branches": "2", "grader": "oracle"},
            Oracle(stops=True, chooses=True, later=2),
            5,
        ),
        ("correct", CHOSEN_FIRST, Oracle(chooses=True, first=4), 6),
        ("correct", {**CHOSEN_FIRST, "draft.grader": "likelihood", "feedback": "oracle"}, Oracle(stops=True), 3),
        ("correct", {"draft": "beam", "draft.grader": "oracle"}, Oracle(chooses=True, first=None), None),
        ("correct", {"grader": "oracle", "threshold": "1"}, Oracle(stops=True), 3),
        ("correct", {"grader": "oracle", "pick": "best"}, Oracle(chooses=True), 3),
        ("correct", {"feedback": "none"}, Oracle(), 3),
        ("best_of_n", {"grader": "oracle"}, Oracle(chooses=True, first=8), 10),
        (correct, {"feedback": "oracle"}, Oracle(stops=True), 3),
        ("beam", {"grader": "oracle"}, Oracle(chooses=True, first=None), None),
    ],
)
def test_the_oracle_of_a_method(strategy: Spec, given: dict[str, Any], expected: Oracle, guesses: int | None) -> None:
    found = oracle(strategy, resolve(strategy, given), 8)
    assert found == expected
    assert found.guesses(3) == guesses
