import math
from collections.abc import Callable

import pytest

from redraft.graders.selectors import Selection, best, majority, weighted_majority, weights
from redraft.store.problems import Kind
from redraft.store.trajectory import Grade, Stop, Trajectory

Make = Callable[..., Trajectory]


def graded(*values: float | None) -> list[Grade]:
    return [Grade("g", f"u1:{i}", 1, value) for i, value in enumerate(values)]


def test_majority_counts_equal_answers_however_they_are_spelt(solved: Make) -> None:
    answers = ["7", "1/2", "0.5", "7.0", r"\frac{1}{2}"]
    assert majority([solved(a, i) for i, a in enumerate(answers)]) == Selection("1/2", 1)


def test_majority_is_represented_by_its_best_graded_trajectory(solved: Make) -> None:
    paths = [solved(a, i) for i, a in enumerate(["7", "8", "7.0", "7"])]
    assert majority(paths, graded(0.1, 0.9, 0.8, None)) == Selection("7.0", 2)


def test_ties_go_to_the_answer_seen_first(solved: Make) -> None:
    paths = [solved(a, i) for i, a in enumerate(["8", "7", "7", "8"])]
    assert majority(paths) == Selection("8", 0)
    assert best(paths, graded(0.5, 0.9, 0.9, 0.9)) == Selection("7", 1)


def test_null_answers_and_failed_trajectories_have_no_vote(solved: Make) -> None:
    paths = [solved(None, 0), solved(None, 1), solved("", 2), *(solved("9", i, stop=Stop.FAILED) for i in (3, 4))]
    assert majority(paths) == Selection(None, None)
    assert majority([*paths, solved("7", 5)]) == Selection("7", 5)
    assert best([*paths, solved("7", 5)], graded(1, 1, 1, 1, 1, 0)) == Selection("7", 5)
    assert best(paths, graded(1, 1, 1, 1, 1)) == Selection(None, None)
    assert majority([]) == Selection(None, None)


def test_weighted_majority_adds_the_grades_of_an_answer(solved: Make) -> None:
    paths = [solved(a, i) for i, a in enumerate(["7", "7", "8", "9"])]
    assert weighted_majority(paths, graded(0.3, 0.3, 0.5, None)) == Selection("7", 0)
    assert weighted_majority(paths, graded(0.2, 0.2, 0.5, None)) == Selection("8", 2)


def test_log_probabilities_are_exponentiated_so_that_frequency_is_no_punishment(solved: Make) -> None:
    paths = [solved(a, i) for i, a in enumerate(["7", "7", "7", "8"])]
    values = graded(-1.0, -1.1, -1.2, -0.9)
    assert weighted_majority(paths, values) == Selection("7", 0)
    assert weights([-1.0, None, 0.0]) == [math.exp(-1.0), 0.0, 1.0]
    assert weights([-800.0, -801.0]) == [1.0, math.exp(-1.0)]
    assert weights([0.0, 0.0, None]) == [1.0, 1.0, 0.0]
    assert weights([None]) == [0.0]


def test_a_trajectory_without_a_value_is_never_the_best(solved: Make) -> None:
    paths = [solved(a, i) for i, a in enumerate(["7", "8", "9"])]
    assert best(paths, graded(None, -3.0, float("nan"))) == Selection("8", 1)
    assert best(paths, graded(None, None, None)) == Selection(None, None)
    assert weighted_majority(paths, graded(None, None, None)) == Selection(None, None)


def test_votes_go_by_the_kind_of_the_question(solved: Make) -> None:
    paths = [solved(a, i, kind=Kind.CHOICE) for i, a in enumerate(["A", "(b)", "B"])]
    assert majority(paths) == Selection("(b)", 1)


def test_grades_must_match_the_trajectories(solved: Make) -> None:
    with pytest.raises(ValueError, match="1 grades for 2 trajectories"):
        best([solved("1"), solved("2")], graded(0.5))
