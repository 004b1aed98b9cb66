"""The tally of a run's drafts, by hand: shares a problem, moves, and what choosing would get."""

from typing import Any

import pytest

from redraft.flows.summary.accuracy import Tally
from redraft.graders.statistics import mean_interval

ANSWER = {True: "1", False: "2", None: "?"}


def rows(problem: str, *samples: tuple[bool | None, ...], **facts: Any) -> list[dict[str, Any]]:
    """The first and the last draft of each sample, given by whether its drafts are right (None: undecided)."""
    made: list[dict[str, Any]] = []
    for number, drafts in enumerate(samples):
        last = len(drafts)
        for turn in sorted({1, last}):
            made.append(
                {
                    "problem_id": problem, "trajectory_id": f"{problem}:{number}", "turn": turn, "first": turn == 1,
                    "last": turn == last, "answer": ANSWER[drafts[turn - 1]], "correct": drafts[turn - 1],
                    "kind": "math", "oracle_used": False, "likelihood": None, "likelihood_sum": None, **facts,
                }
            )  # fmt: skip
    return made


def tallied(*problems: list[dict[str, Any]], chosen: tuple[float, ...] = ()) -> dict[str, Any]:
    tally = Tally()
    for given in problems:
        tally.add(given)
    return tally.facts(chosen)


def test_shares_are_means_over_problems_not_over_drafts() -> None:
    facts = tallied(rows("a", (True,), (True,), (True,), (False,)), rows("b", (False,)))
    assert facts["first"] == facts["last"] == mean_interval([0.75, 0.0])
    assert (facts["graded_problems"], facts["right"], facts["redrafted"]) == (2, 3, 0)
    assert facts["gain"].estimate == 0.0


def test_moves_are_from_the_first_draft_to_the_last() -> None:
    facts = tallied(rows("a", (False, True), (True, False, False), (True, False, True), (False, False)))
    assert (facts["wrong_to_right"], facts["right_to_wrong"], facts["redrafted"]) == (1, 1, 4)
    assert (facts["first"].estimate, facts["last"].estimate, facts["gain"].estimate) == (0.5, 0.5, 0.0)


def test_several_problems_may_be_given_at_once() -> None:
    one, other = rows("a", (True,), (False,)), rows("b", (False,), (False,))
    assert tallied([*one, *other]) == tallied(one, other)


def test_undecided_drafts_are_counted_and_left_out() -> None:
    facts = tallied(rows("a", (None,), (True, None), (False, True)), rows("b", (None,)))
    # The first sample's draft counts as its first and its last; the second sample's last one once.
    assert facts["undecided"] == 2 + 1 + 2
    assert (facts["graded_problems"], facts["first"].estimate, facts["last"].estimate) == (1, 0.5, 1.0)
    assert (facts["samples"], facts["pass_at_1"]) == (2, 0.5)
    assert (facts["wrong_to_right"], facts["right"]) == (1, 1)


def test_a_sample_that_failed_after_a_draft_was_drawn_and_has_no_share() -> None:
    failed = [row for row in rows("a", (True, True), (False,)) if row["turn"] == 1]
    assert [(row["first"], row["last"]) for row in failed] == [(True, False), (True, True)]
    facts = tallied(failed)
    assert (facts["first"].estimate, facts["right"], facts["samples"]) == (0.0, 0, 2)
    assert facts["pass_at_1"] == 0.5


def test_pass_at_k_has_the_fewest_drafts_of_any_problem_as_its_k() -> None:
    facts = tallied(rows("a", (True,), (False,), (False,)), rows("b", (False,), (True,)), rows("c", (False,), (False,)))
    assert (facts["samples"], facts["most_samples"]) == (2, 3)
    assert facts["pass_at_1"] == pytest.approx((1 / 3 + 1 / 2 + 0) / 3)
    assert facts["pass_at_k"] == pytest.approx((2 / 3 + 1 + 0) / 3)  # 2 of the 3 pairs of a hold its right draft


def test_selectors_are_told_of_graders_that_graded() -> None:
    drawn = rows("a", (True,), (False,), (False,))
    assert tallied(drawn)["selectors"] == {"majority": 0.0}
    for row, value in zip(drawn, (-0.1, -5.0, -5.0), strict=True):
        row["likelihood"] = value
    assert tallied(drawn, rows("b", (True,)))["selectors"] == {
        "majority": 0.5,
        "weighted majority by mean likelihood": 0.5,  # of b nothing is graded: nobody has a vote
        "best by mean likelihood": 0.5,
    }


def test_a_search_without_independent_drafts_has_its_picks_alone() -> None:
    facts = tallied(chosen=(1.0, 0.0, 1.0, 1.0))
    assert (facts["graded_problems"], facts["chosen"], facts["right"]) == (4, mean_interval([1.0, 0.0, 1.0, 1.0]), 3)
    assert "first" not in facts
    assert "selectors" not in facts


def test_nothing_at_all_is_counted_as_nothing() -> None:
    assert tallied() == {
        "graded_problems": 0, "right_to_wrong": 0, "wrong_to_right": 0, "redrafted": 0, "undecided": 0,
        "oracle_used": False, "right": 0,
    }  # fmt: skip
    assert tallied([]) == tallied()


def test_one_reading_of_the_key_is_told_of_the_whole_run() -> None:
    assert tallied(rows("a", (True,)))["oracle_used"] is False
    assert tallied(rows("a", (True,)), rows("b", (True,), oracle_used=True))["oracle_used"] is True


def test_picks_stand_beside_the_drafts() -> None:
    assert tallied(rows("a", (True,)), chosen=(0.0,))["chosen"] == mean_interval([0.0])
    assert tallied(rows("a", (True,)))["chosen"] is None
