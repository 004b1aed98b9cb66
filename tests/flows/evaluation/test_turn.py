"""What is measured of turns, against what can be counted by hand or by brute force."""

import random
from itertools import product
from statistics import mean

import pytest

from redraft.flows.evaluation.equal_cost import SampledDrafts, with_baseline
from redraft.flows.evaluation.history import RIGHT, Cost, Draft, History
from redraft.flows.evaluation.turn import cost_of, cost_of_all, moves, pick, picked, turns, vote
from redraft.graders.statistics import majority_at_k, paired_bootstrap, pass_at_k, sign_flip

Votes = tuple[str | None, ...]


def path(*votes: str | None) -> tuple[Draft, ...]:
    """A trajectory whose drafts vote so: "right", another answer, or none."""
    return tuple(Draft(vote, vote == RIGHT) for vote in votes)


def history(problems: dict[str, list[Votes]], **facts: object) -> History:
    found = {
        "paths": {name: tuple(path(*votes) for votes in samples) for name, samples in problems.items()},
        "picks": {},
        "costs": {},
        "samples": {name: len(samples) for name, samples in problems.items()},
    }
    return History(**{**found, **facts})  # type: ignore[arg-type]


def test_each_kind_of_change_is_counted() -> None:
    paths = [
        path(RIGHT, "3"), path("3", RIGHT), path("3", "4"), path("3", None), path("3", "3"), path(None, None),
        path(RIGHT, RIGHT), path(RIGHT), path("3"),
    ]  # fmt: skip
    found = moves(paths, 2)
    assert (found.wrong_to_right, found.right_to_wrong, found.wrong_to_other_wrong, found.unchanged) == (1, 1, 2, 5)
    assert (found.correct, found.no_answer, found.trajectories) == (3, 2, 9)
    assert (found.revised_right, found.revised_wrong, found.redrafts) == (2, 5, 7)
    assert moves(paths, 1).correct == 3
    assert moves(paths, 1).unchanged == 0


def test_the_changes_add_up_in_whole_numbers() -> None:
    rng = random.Random(3)
    paths = [path(*rng.choices([RIGHT, "3", "4", None], k=rng.randint(1, 5))) for _ in range(300)]
    for turn in range(2, 6):
        before, after = moves(paths, turn - 1), moves(paths, turn)
        assert after.correct - before.correct == after.wrong_to_right - after.right_to_wrong
        parts = after.wrong_to_right + after.right_to_wrong + after.wrong_to_other_wrong + after.unchanged
        assert parts == after.trajectories == 300


@pytest.mark.parametrize("votes", list(product([RIGHT, "3", "4", None], repeat=3)))
def test_the_vote_of_turns_shares_ties(votes: Votes) -> None:
    assert vote(path(*votes)) == pytest.approx(majority_at_k(votes, RIGHT, 3))


def test_a_turn_is_the_mean_over_problems_of_their_trajectories() -> None:
    found = history({"a": [(RIGHT, "3"), ("3",)], "b": [("3", RIGHT, RIGHT)]})
    first, second, third = (one.row for one in turns(found, ["a", "b"]))
    assert [one.shares for one in turns(found, ["a", "b"])] == [(0.5, 0.0), (0.0, 1.0), (0.0, 1.0)]
    assert (first.accuracy.estimate, second.accuracy.estimate) == (0.25, 0.5)
    assert second.change == paired_bootstrap([0.0, 1.0], [0.5, 0.0])
    assert third.change_from_first == second.change
    assert (second.majority and second.majority.estimate) == mean([(0.5 + 0) / 2, 0.5])
    assert (third.majority and third.majority.estimate) == pytest.approx(mean([0.25, 1.0]))
    assert (second.any_turn and second.any_turn.estimate) == mean([0.5, 1.0])


def test_a_turn_pays_for_what_led_to_it_and_the_last_for_everything() -> None:
    costs = {
        "a": {1: Cost(10, 5, 1, 0.5), 2: Cost(4, 2, 2, 1.0), 3: Cost(1, 1, 1, 1.0)},
        "b": {1: Cost(20, 5, 1, 0.5)},
    }
    found = history({"a": [(RIGHT, "3"), ("3",)], "b": [("3",)]}, costs=costs)
    assert cost_of(found, ["a", "b"], 1) == Cost(15.0, 5.0, 1.0, 0.5)
    assert cost_of(found, ["a", "b"]) == Cost(17.5, 6.5, 2.5, 1.5)
    assert [one.row.cost.tokens for one in turns(found, ["a", "b"])] == [15.0, 17.5]
    assert cost_of_all(found, ["a", "b"]).tokens == (2 * 15 + 20) / 2


def test_a_pick_pays_for_all_drafts() -> None:
    costs = {"a": {1: Cost(10, 5, 1, 0.5)}, "b": {1: Cost(20, 5, 1, 0.5)}}
    found = history({"a": [(RIGHT,)] * 4, "b": [("3",)] * 4}, costs=costs, picks={"a": True, "b": False})
    row = pick(found, ["a", "b"]).row
    assert (row.turn, row.accuracy.estimate, row.cost) == (None, 0.5, Cost(60.0, 20.0, 4.0, 2.0))


def test_a_trajectory_picks_among_its_own_turns() -> None:
    """The earliest of equals, and no draft without an answer or without a grade."""

    def drafts(*votes: tuple[str | None, float | None]) -> tuple[Draft, ...]:
        return tuple(Draft(vote, vote == RIGHT, score=score) for vote, score in votes)

    right_once = drafts(("3", 0.1), (RIGHT, 0.5), ("3", 0.5), (None, 0.9))
    right_first = drafts((RIGHT, 0.1), ("3", 0.2), (RIGHT, None))
    tied, empty = drafts((RIGHT, None), ("3", None)), drafts((None, 1.0))
    paths = {"a": (right_once, right_first), "b": (tied, empty)}
    found = History(paths, {}, {"a": {1: Cost(10, 5, 1, 0.5), 2: Cost(4, 2, 2, 1.0)}, "b": {}}, {"a": 2, "b": 2})
    assert picked(found, ["a", "b"], "best").shares == (0.5, 0.0)
    assert picked(found, ["a", "b"], "majority").shares == (0.5, 0.5)
    row = picked(found, ["a", "b"], "majority").row
    assert (row.turn, row.accuracy.estimate, row.cost) == (None, 0.5, Cost(7.0, 3.5, 1.5, 0.75))


def test_beside_a_turn_stands_the_vote_that_costs_as_much() -> None:
    """A draft costs 10 tokens and two turns 25: between a vote of two and a vote of three."""
    votes: dict[str, list[Votes]] = {
        "a": [(RIGHT,), (RIGHT,), ("3",), ("4",)],
        "b": [("3",), ("3",), (RIGHT,), (None,)],
    }
    sampled = SampledDrafts(history(votes, costs={name: {1: Cost(10, 0, 1, 0)} for name in votes}), ["a", "b"], "model")
    costs = {name: {1: Cost(10, 0, 1, 0), 2: Cost(15, 0, 2, 0)} for name in votes}
    mine = turns(history({"a": [(RIGHT, RIGHT)], "b": [("3", RIGHT)]}, costs=costs), ["a", "b"])
    row = with_baseline(mine[1], sampled, guesses=2, tested=True)
    flat = {name: [vote for (vote,) in samples] for name, samples in votes.items()}
    expected = [(majority_at_k(v, RIGHT, 2) + majority_at_k(v, RIGHT, 3)) / 2 for v in flat.values()]
    assert row.equal_cost is not None
    assert (row.equal_cost.k, row.equal_cost.short) == (2.5, False)
    assert row.equal_cost.accuracy.estimate == pytest.approx(mean(expected))
    assert row.equal_cost.difference.estimate == pytest.approx(1 - mean(expected))
    assert row.equal_cost.p == sign_flip([1 - value for value in expected])
    assert row.control is not None
    guessed = mean([pass_at_k(4, 2, 2), pass_at_k(4, 1, 2)])
    assert (row.control.guesses, row.control.accuracy.estimate) == (2, pytest.approx(guessed))
    assert row.equal_cost.beyond_first is None
    beyond = with_baseline(mine[1], sampled, guesses=None, tested=False, first=mine[0]).equal_cost
    started = [majority_at_k(v, RIGHT, 1) for v in flat.values()]
    assert beyond is not None
    assert beyond.beyond_first == paired_bootstrap([1 - value for value in expected], [1 - started[0], 0 - started[1]])
    first = with_baseline(mine[0], sampled, guesses=None, tested=False, first=mine[0])
    assert first.equal_cost is not None
    assert (first.equal_cost.k, first.equal_cost.p, first.control) == (1.0, None, None)
    assert first.equal_cost.beyond_first is None


def test_what_was_not_sampled_is_said() -> None:
    sampled = SampledDrafts(history({"a": [(RIGHT,), ("3",)]}, costs={"a": {1: Cost(10, 0, 1, 0)}}), ["a"], "model")
    [mine] = turns(history({"a": [(RIGHT,)]}, costs={"a": {1: Cost(50, 0, 5, 0)}}), ["a"])
    equal = with_baseline(mine, sampled, guesses=3, tested=False)
    assert equal.equal_cost is not None
    assert (equal.equal_cost.k, equal.equal_cost.short, equal.control) == (2.0, True, None)
    uncounted = SampledDrafts(history({"a": [(RIGHT,)]}), ["a"], "model")
    assert with_baseline(mine, uncounted, guesses=None, tested=True).equal_cost is None
