"""The views that count, against brute force over all subsets."""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import combinations
from math import comb, inf
from statistics import mean
from typing import Any

import pytest
from msgspec.structs import replace

from redraft.store import Problem, Role, Store
from redraft.store.unit import Unit

MakeUnit = Callable[..., Unit]
Draft = tuple[str | None, bool | None]


def rows(store: Store, sql: str) -> list[dict[str, Any]]:
    table = store.query(sql)
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def expected_best(scores: Sequence[float], correct: Sequence[float], k: int) -> float:
    """Best of k by brute force: over all choices of k, the mean correctness of those that tie for the best score."""

    def pick(chosen: Sequence[int]) -> float:
        top = max(scores[i] for i in chosen)
        return mean(correct[i] for i in chosen if scores[i] == top)

    return mean(pick(chosen) for chosen in combinations(range(len(scores)), k))


def expected_pass(correct: Sequence[bool], k: int) -> float:
    return mean(any(correct[i] for i in chosen) for chosen in combinations(range(len(correct)), k))


def sizes(n: int) -> list[int]:
    return sorted({*(2**i for i in range(10) if 2**i <= n), n})


def test_pass_at_k_equals_brute_force_over_all_subsets(store: Store, make_unit: MakeUnit) -> None:
    rng = random.Random(1)
    problems = {
        f"p{i}": [(rng.choice(["1", "2", None]), rng.random() < 0.4) for _ in range(rng.randint(1, 9))]
        for i in range(8)
    }
    problems = {name: [(a, c and a is not None) for a, c in drafts] for name, drafts in problems.items()}
    store.publish([make_unit([[draft] for draft in drafts], problem_id=name) for name, drafts in problems.items()])
    most = max(map(len, problems.values()))
    expected = [
        (draft, k, pytest.approx(mean(expected_pass([c for _, c in d], k) for d in problems.values() if len(d) >= k)),
         sum(len(d) >= k for d in problems.values()))
        for draft in ("first", "last")
        for k in sizes(most)
    ]  # fmt: skip
    assert store.query("SELECT draft, k, pass_at_k, problems FROM pass_at_k ORDER BY draft, k").rows == expected


def test_a_thousand_samples_of_which_300_share_their_text_count_as_a_thousand(
    store: Store, make_unit: MakeUnit
) -> None:
    texts = ["the same"] * 300 + [f"text {i}" for i in range(700)]
    samples = [[("7" if i < 250 else "8", i < 250)] for i in range(1000)]
    scores = {"likelihood": [[1.0 if i < 250 else 0.0] for i in range(1000)]}
    store.publish([make_unit(samples, texts=texts, scores=scores)])
    assert store.query("SELECT count(DISTINCT prefix_key) FROM steps").rows == [(701,)]
    for table in ("trajectories", "turns", "steps"):
        assert store.query(f"SELECT count(*) FROM {table}").rows == [(1000,)]
    closed = [(k, pytest.approx(1 - comb(750, k) / comb(1000, k), abs=1e-9)) for k in sizes(1000)]
    assert store.query("SELECT k, pass_at_k FROM pass_at_k WHERE draft = 'first' ORDER BY k").rows == closed
    assert store.query("SELECT k, accuracy FROM best_of_n WHERE draft = 'last' ORDER BY k").rows == closed
    assert store.query("SELECT DISTINCT samples FROM pass_at_k").rows == [(1000,)]
    assert store.query("SELECT trajectories, drafted, accuracy FROM corrections").rows == [(1000, 1000, 0.25)]


def test_the_worked_example_of_best_of_three(store: Store, make_unit: MakeUnit) -> None:
    correct = [False, True, True, False, True]
    unit = make_unit([[("1", c)] for c in correct], scores={"likelihood": [[0.9], [0.8], [0.7], [0.6], [0.5]]})
    store.publish([unit])
    (found,) = store.query(
        "SELECT sum(correct * (raw.choose_ratio(5 - s, 5, 3) - raw.choose_ratio(4 - s, 5, 3))) FROM"
        " (VALUES (0, 0), (1, 1), (2, 1), (3, 0), (4, 1)) v(s, correct)"
    ).rows[0]
    assert found == pytest.approx(2 / 5)
    assert store.query("SELECT 1 - raw.choose_ratio(3, 5, 3)").rows == [(pytest.approx(9 / 10),)]


def test_best_of_n_equals_brute_force_with_ties_and_missing_scores(store: Store, make_unit: MakeUnit) -> None:
    rng = random.Random(2)
    units, expected = [], defaultdict(list)
    for number in range(10):
        n = rng.randint(1, 8)
        drafts = [
            [(answer, answer is not None and rng.random() < 0.5)] for answer in rng.choices(["1", "2", None], k=n)
        ]
        scores = [[rng.choice([0.1, 0.5, 0.5, 0.9, None, float("nan")])] for _ in range(n)]
        scores[0] = [0.5]
        units.append(make_unit(drafts, problem_id=f"p{number}", scores={"likelihood": scores}))
        known = [s if s is not None and s == s else None for (s,) in scores]
        worth = [-inf if s is None or a is None else s for s, ((a, _),) in zip(known, drafts, strict=True)]
        right = [float(c) if s is not None else 0.0 for s, ((_, c),) in zip(known, drafts, strict=True)]
        for k in range(1, n + 1):
            expected[k].append(expected_best(worth, right, k))
    store.publish(units)
    found = store.query("SELECT k, accuracy, problems FROM best_of_n WHERE draft = 'first' ORDER BY k").rows
    assert found == [(k, pytest.approx(mean(expected[k])), len(expected[k])) for k in sizes(8)]


def test_a_perfect_grader_reaches_pass_at_k(store: Store, make_unit: MakeUnit) -> None:
    correct = [i % 3 == 0 for i in range(13)]
    store.publish([make_unit([[("1", c)] for c in correct], scores={"perfect": [[float(c)] for c in correct]})])
    passed = store.query("SELECT k, round(pass_at_k, 9) FROM pass_at_k ORDER BY draft, k").rows
    assert store.query("SELECT k, round(accuracy, 9) FROM best_of_n ORDER BY draft, k").rows == passed


def test_failed_samples_are_left_out_and_unread_answers_stay_in(store: Store, make_unit: MakeUnit) -> None:
    store.publish([make_unit([[("1", True)], [(None, False)], [("2", False)], [("1", True)]], failed=[3])])
    found = store.query("SELECT k, pass_at_k, samples FROM pass_at_k WHERE draft = 'last' ORDER BY k").rows
    assert found == [(1, pytest.approx(1 / 3), 3), (2, pytest.approx(2 / 3), 3), (3, pytest.approx(1.0), 3)]


def test_undecided_samples_are_counted_apart_and_ungraded_problems_left_out(store: Store, make_unit: MakeUnit) -> None:
    graded = make_unit([[("1", True)], [("9^9^9", None)]], problem_id="graded")
    ungraded = make_unit([[("1", None)], [(None, None)]], problem_id="ungraded")
    keyless = make_unit([[(None, False)]], problem_id="keyless")
    store.add([Problem("What?", None, problem_id="keyless")])
    store.publish([graded, ungraded, keyless])
    assert store.query("SELECT trajectories, undecided, accuracy FROM corrections").rows == [(1, 1, 1.0)]
    found = rows(store, "SELECT k, pass_at_k, problems, samples, undecided FROM pass_at_k WHERE draft = 'first'")
    assert found == [{"k": 1, "pass_at_k": 1.0, "problems": 1, "samples": 1, "undecided": 1}]


def test_first_and_last_drafts_are_counted_apart(store: Store, make_unit: MakeUnit) -> None:
    store.publish([make_unit([[("1", False), ("2", True)], [("2", True)]])])
    found = store.query("SELECT draft, k, pass_at_k FROM pass_at_k ORDER BY draft, k").rows
    assert found == [("first", 1, 0.5), ("first", 2, 1.0), ("last", 1, 1.0), ("last", 2, 1.0)]


def test_corrections_count_each_change_and_carry_answers_forward(store: Store, make_unit: MakeUnit) -> None:
    samples = [
        [("1", True)],
        [("2", False), ("1", True)],
        [("1", True), ("2", False)],
        [("2", False), ("3", False), ("1", True)],
        [("2", False), ("2", False)],
        [("1", True), ("1", True)],
        [(None, False), (None, False)],
        [("1", True), ("9^9", None)],
    ]
    store.publish([make_unit(samples)])
    later = "correct, change, change_from_first, unchanged, majority, any_turn, tokens, same_text, text_change"
    found = rows(store, f"SELECT * EXCLUDE ({later}) FROM corrections")
    shared = {
        "recipe": "r",
        "replicate": "",
        "strategy": None,
        "feedback": None,
        "model": None,
        "trajectories": 7,
        "undecided": 1,
        "oracle_used": False,
    }
    none = dict.fromkeys(
        ["right_to_wrong", "wrong_to_right", "wrong_to_other_wrong", "wrong_unchanged", "right_unchanged"], 0
    )
    assert found == [
        {**shared, **none, "turn": 1, "drafted": 7, "accuracy": pytest.approx(3 / 7), "no_answer": 1},
        {
            **shared, "turn": 2, "drafted": 6, "accuracy": pytest.approx(3 / 7), "no_answer": 1, "right_to_wrong": 1,
            "wrong_to_right": 1, "wrong_to_other_wrong": 1, "wrong_unchanged": 2, "right_unchanged": 1,
        },
        {**shared, **none, "turn": 3, "drafted": 1, "accuracy": pytest.approx(4 / 7), "no_answer": 1,
         "wrong_to_right": 1},
    ]  # fmt: skip


def test_recipes_are_told_apart_by_strategy_feedback_and_model(store: Store, make_unit: MakeUnit) -> None:
    for _ in range(2):
        store.start_run("generate", "r", "correct", "embedded", {"feedback": "none"})
    store.start_run("generate", "other", "greedy", "openai/other", {"feedback": None})
    store.start_run("generate", "old", "greedy", "openai/other", {})
    recipes = store.query("SELECT recipe, feedback FROM raw.recipes ORDER BY recipe").rows
    assert recipes == [("old", None), ("other", None), ("r", "none")]
    store.publish([make_unit([[("1", True)], [("2", False)]], scores={"likelihood": [[0.9], [0.5]]})])
    shared = "SELECT DISTINCT recipe, strategy, feedback, model"
    for view in ("pass_at_k", "best_of_n", "corrections"):
        assert store.query(f"{shared} FROM {view}").rows == [("r", "correct", "none", "embedded")]
    for view in ("pass_at_k", "best_of_n", "corrections", "text_changes"):
        assert store.query(f"FROM {view}").columns[:5] == ["recipe", "replicate", "strategy", "feedback", "model"]
    assert store.query("SELECT trajectories, accuracy FROM corrections").rows == [(2, 0.5)]


def test_costs_add_up_every_attempt(store: Store, make_unit: MakeUnit, make_call: Callable[..., Any]) -> None:
    first = make_call("a", 0, prompt_tokens=10, completion_tokens=5, cost_usd=0.25, latency_ms=10.0)
    failed = make_call("a", 1, error="timeout", latency_ms=30.0)
    later = make_call("a", 2, prompt_tokens=10, completion_tokens=7, cached_tokens=4, latency_ms=20.0)
    store.publish([make_unit([[("1", True)]], calls=[(first, [{"text": "x"}]), (failed, [])], failed=[0])])
    store.publish([make_unit([[("1", True)]], attempt=2, calls=[(later, [{"text": "y"}])])])
    assert rows(store, "FROM costs") == [
        {
            "run_id": "run", "model": "embedded", "purpose": "propose", "calls": 3, "failed_calls": 1,
            "prompt_tokens": 20, "completion_tokens": 12, "cached_tokens": 4, "reasoning_tokens": 0, "cost_usd": 0.25,
            "calls_without_cost": 1, "latency_ms": 20.0, "latency_p95_ms": pytest.approx(29.0),
        }
    ]  # fmt: skip


def test_answer_diversity_equals_a_count_by_hand(store: Store, make_unit: MakeUnit) -> None:
    """Three problems: two answers in four, one of them spelt in two ways; all alike; one sample with an answer."""
    mixed = [[("7", True)], [("7.0", True)], [("8", False)], [("9", False)], [(None, False)]]
    alike = [[("1", True)], [("1", True)]]
    alone = [[("1", True)], [(None, False)]]
    texts = ["a", "a", "b", "c", "d"]
    store.publish([
        make_unit(mixed, problem_id="mixed", texts=texts),
        make_unit(alike, problem_id="alike"),
        make_unit(alone, problem_id="alone"),
    ])  # fmt: skip
    [row] = rows(store, "FROM answer_diversity")
    assert (row["run_id"], row["problems"], row["samples"], row["no_answer"]) == ("run", 2, 7, 1)
    assert row["answers"] == pytest.approx((3 + 1) / 2)
    assert row["majority"] == pytest.approx((2 / 4 + 1) / 2)
    assert row["entropy_bits"] == pytest.approx((0.5 * 1 + 2 * 0.25 * 2 + 0) / 2)
    pairs = [a != b for a, b in combinations(["right", "right", "8", "9"], 2)]
    assert row["differ"] == pytest.approx((mean(pairs) + 0) / 2)
    assert row["distinct_texts"] == pytest.approx((4 / 5 + 1 / 2) / 2)


def test_failed_samples_have_no_part_in_the_diversity(store: Store, make_unit: MakeUnit) -> None:
    store.publish([make_unit([[("1", True)], [("2", False)], [("3", False)]], failed=[2])])
    assert store.query("SELECT samples, answers, differ FROM answer_diversity").rows == [(2, 2.0, 1.0)]


def test_a_right_answer_costs_all_calls_of_its_recipe(
    store: Store, make_unit: MakeUnit, make_call: Callable[..., Any]
) -> None:
    """Two of four picks are right; a problem without a known answer is left out, and so are rollouts."""
    store.add([Problem("What?", "1", problem_id=name) for name in "abcd"])
    store.add([Problem("What?", None, problem_id="keyless")])

    def unit(name: str, *samples: Draft, pick: int = 0, usd: float | None = 0.25, first: int = 0) -> Unit:
        call = make_call(name, first, problem_id=name, completion_tokens=10, cost_usd=usd)
        made = make_unit([[draft] for draft in samples], problem_id=name, calls=[(call, [{"text": "x"}])])
        picked = tuple(replace(path, chosen=number == pick) for number, path in enumerate(made.trajectories))
        return replace(made, trajectories=picked)

    units = [
        unit("a", ("1", True), ("2", False)),
        unit("b", ("2", False), ("1", True), pick=1),
        unit("c", ("2", False), ("1", True)),
        unit("d", ("9^9", None)),
        unit("keyless", ("1", None)),
    ]
    failed = make_call("a", 1, problem_id="a", error="timeout", completion_tokens=4, cost_usd=None)
    units[0] = replace(units[0], calls=(*units[0].calls, (failed, [])))
    store.publish(units)
    [row] = rows(store, "FROM cost_of_right")
    assert (row["problems"], row["right_answers"], row["undecided"], row["calls"]) == (4, 2, 1, 5)
    assert (row["completion_tokens"], row["cost_usd"], row["calls_without_cost"]) == (44, 1.0, 0)
    assert (row["calls_per_right"], row["completion_tokens_per_right"], row["usd_per_right"]) == (2.5, 22.0, 0.5)
    store.publish([replace(unit("a", ("1", True), usd=None, first=2), attempt=2)])
    [row] = rows(store, "FROM cost_of_right")
    assert (row["calls"], row["calls_without_cost"], row["usd_per_right"]) == (6, 1, None)


def test_samples_leave_out_rollouts_and_nothing_else(store: Store, make_unit: MakeUnit) -> None:
    unit = make_unit([[("1", True)], [("2", False)], [("3", False)]])
    roles = (Role.SAMPLE, Role.SEARCH, Role.ROLLOUT)
    paths = tuple(replace(path, role=role) for path, role in zip(unit.trajectories, roles, strict=True))
    store.publish([replace(unit, trajectories=paths, grades=())])
    assert store.query("SELECT role, answer FROM samples ORDER BY ALL").rows == [("sample", "1"), ("search", "2")]
    assert store.query("SELECT count(*) FROM trajectories").rows == [(3,)]


def test_diversity_counts_the_beginnings_of_drafts_step_by_step(store: Store, make_unit: MakeUnit) -> None:
    """Four drafts: two alike to the end, one that parts at its second step, one of a single step of its own."""
    unit = make_unit([[("1", True)]] * 4)
    drafts = [["One.", "Two."], ["One.", "Two."], ["One.", "Due."], ["Uno."]]
    paths = []
    for number, (path, texts) in enumerate(zip(unit.trajectories, drafts, strict=True)):
        grown = replace(path, steps=())
        for depth, text in enumerate(texts):
            grown = grown.grow(text, number if depth == 0 else 0)
        paths.append(grown)
    store.publish([replace(unit, trajectories=tuple(paths), grades=())])
    found = store.query("SELECT depth, problems, samples, beginnings, share FROM diversity ORDER BY depth").rows
    assert found == [(1, 1, 4, 2.0, 2 / 4), (2, 1, 3, 2.0, pytest.approx(2 / 3))]
