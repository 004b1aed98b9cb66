"""The views on graders, against brute force over units made by hand."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from redraft.store import Store
from redraft.store.problems import Problem
from redraft.store.trajectory import Detail, Grade, Role, Stop, Trajectory, Verdict
from redraft.store.unit import Unit

PROBLEM = Problem("How many?", "7", source="test")
DRAWN = [(0.9, True, 10), (0.7, False, 40), (0.7, True, 20), (0.2, False, 30), (0.1, True, 10)]
"""Of each sample what the grader gives it, whether it is right, and its tokens."""


def unit(paths: Sequence[Trajectory], grades: Sequence[Grade]) -> Unit:
    now = datetime.now(UTC)
    return Unit(
        unit_id="u1",
        run_id="r1",
        recipe="c1",
        problem_id=PROBLEM.problem_id,
        replicate="",
        attempt=1,
        samples=len(paths),
        status="done",
        trajectories=tuple(paths),
        grades=tuple(grades),
        calls=(),
        started_at=now,
        finished_at=now,
    )


def stored(paths: Sequence[Trajectory], grades: Sequence[Grade]) -> Store:
    store = Store(":memory:")
    store.add([PROBLEM])
    store.publish([unit(paths, grades)])
    return store


def oracle(path: Trajectory, right: bool) -> Grade:
    verdict = Verdict.RIGHT if right else Verdict.WRONG
    return Grade("oracle", path.trajectory_id, 1, value=float(right), verdict=verdict)


def samples() -> tuple[list[Trajectory], list[Grade]]:
    paths, grades = [], []
    for sample, (value, right, tokens) in enumerate(DRAWN):
        start = Trajectory(PROBLEM.ask("u1"), sample=sample, stop=Stop.ANSWERED, answer="7" if right else "8")
        path = start.grow("One.\n\n", sample, tokens=tokens - 5).grow("Two.", 0, tokens=5)
        paths.append(path)
        grades.append(oracle(path, right))
        grades.append(
            Grade(
                "prm",
                path.trajectory_id,
                1,
                value=value,
                steps=(value, 1.0),
                details=(Detail(value), Detail(1.0, 0.0, 0.0)),
            )
        )
    return paths, grades


def only(store: Store, sql: str) -> list[dict[str, object]]:
    table = store.query(sql)
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_reward_by_n_is_the_mean_over_all_choices() -> None:
    store = stored(*samples())
    rows = {row["k"]: row for row in only(store, "FROM reward_by_n WHERE draft = 'first' AND grader = 'prm'")}
    assert set(rows) == {1, 2, 4, 5}
    for k, row in rows.items():
        assert isinstance(k, int)
        choices = list(itertools.combinations(DRAWN, k))
        best = [[one for one in choice if one[0] == max(value for value, *_ in choice)] for choice in choices]
        assert row["value"] == pytest.approx(sum(one[0][0] for one in best) / len(best))
        shares = [sum(right for _, right, _ in one) / len(one) for one in best]
        assert row["accuracy"] == pytest.approx(sum(shares) / len(shares))


def test_grader_bias_is_the_correlation_with_length() -> None:
    [row] = only(stored(*samples()), "FROM grader_bias WHERE draft = 'first' AND grader = 'prm'")

    def correlation(first: Sequence[float], second: Sequence[float]) -> float:
        a, b = ([x - sum(xs) / len(xs) for x in xs] for xs in (first, second))
        return sum(x * y for x, y in zip(a, b, strict=True)) / (sum(x * x for x in a) * sum(y * y for y in b)) ** 0.5

    values, rights, tokens = zip(*DRAWN, strict=True)
    assert row["length_value"] == pytest.approx(correlation(values, tokens))
    assert row["length_right"] == pytest.approx(correlation([float(right) for right in rights], tokens))
    assert row["value_right"] == pytest.approx((0.9 + 0.7 + 0.1) / 3)
    assert row["value_wrong"] == pytest.approx((0.7 + 0.2) / 2)
    assert (row["drafts"], row["right_with_steps"], row["right_with_bad_steps"]) == (5, 3, 1)


def test_what_a_step_rests_on_is_kept() -> None:
    sql = "SELECT value, p_good, p_neutral, p_bad, n FROM grades WHERE step_id LIKE '%/0%' ORDER BY value"
    rows = only(stored(*samples()), sql)
    assert rows == [
        {"value": 0.9, "p_good": 0.9, "p_neutral": None, "p_bad": None, "n": None},
        {"value": 1.0, "p_good": 1.0, "p_neutral": 0.0, "p_bad": 0.0, "n": None},
    ]


def test_a_critics_decisions_are_held_against_what_came_of_them() -> None:
    start = Trajectory(PROBLEM.ask("u1"), role=Role.SEARCH)
    stem = start.grow("Stem.", 0)
    ends = [
        replace(stem.grow(f"End {number}.", number), stop=Stop.ANSWERED, answer=answer)
        for number, answer in enumerate(["7", "8", "7"])
    ]
    dead = replace(start.grow("Dead.", 1), stop=Stop.CRITIC, answer="8")
    paths = [*ends, dead]
    judged = [oracle(path, path.answer == "7") for path in paths]

    def said(path: Trajectory, verdict: Verdict, at: Trajectory | None = None) -> Grade:
        place = (at or path).place
        return Grade("critic", path.trajectory_id, 1, verdict=verdict, step_id=place)

    decisions = [
        said(ends[0], Verdict.WRONG, stem),  # hopeless: but two right answers come of it
        said(ends[0], Verdict.RIGHT),  # finished, and right
        said(ends[1], Verdict.RIGHT),  # finished, and wrong
        said(ends[2], Verdict.UNDECIDED),  # go on, from a right answer
        said(dead, Verdict.WRONG),  # hopeless, and so it is
    ]
    rows = {row["decision"]: row for row in only(stored(paths, [*judged, *decisions]), "FROM critic_quality")}
    finished, hopeless = rows["finished"], rows["hopeless"]
    assert (finished["steps"], finished["holds"], finished["said"], finished["said_rightly"]) == (5, 2, 2, 1)
    assert (finished["precision"], finished["recall"]) == (0.5, 0.5)
    assert (hopeless["holds"], hopeless["said"], hopeless["said_rightly"]) == (2, 2, 1)
    assert (hopeless["precision"], hopeless["recall"]) == (0.5, 0.5)


def test_rollouts_in_a_grade_are_stored_once_apart_from_samples() -> None:
    [first, *_], grades = samples()
    thrown = replace(first, role=Role.ROLLOUT, steps=first.steps[:1]).grow("So.", 1_000_000, tokens=3)
    graded = replace(grades[1], rollouts=(thrown, thrown))
    own = replace(thrown, grades=(oracle(thrown, True),))
    store = stored([first], [grades[0], graded, replace(graded, grader="other", rollouts=(own,))])
    assert store.query("SELECT role, count(*) FROM trajectories GROUP BY ALL ORDER BY ALL").rows == [
        ("rollout", 1),
        ("sample", 1),
    ]
    assert store.query("SELECT count(*) FROM steps").rows == [(3,)]
    assert store.query("SELECT correct FROM trajectories WHERE role = 'rollout'").rows == [(True,)]


def test_the_first_failing_step_of_each_draft() -> None:
    """By a reward model, by rollouts, and by a grader that judged only some steps; likelihoods judge nothing."""
    start = Trajectory(PROBLEM.ask("u1"), stop=Stop.ANSWERED, answer="8")
    paths = [
        replace(start, sample=number).grow("One. ", number).grow("Two. ", 0).grow("Three.", 0) for number in range(3)
    ]

    def values(grader: str, path: Trajectory, *steps: float | None) -> Grade:
        return Grade(grader, path.trajectory_id, 1, value=0.5, steps=steps)

    first, second, third = paths
    grades = [
        *(oracle(path, False) for path in paths[:2]),
        values("prm", first, 0.9, 0.4, 0.1),
        values("prm", second, 0.9, 0.5, 0.7),
        values("rollout", first, 0.5, 0.25, 0.0),
        values("omegaprm", third, None, 0.0, None),
        values("likelihood", second, -3.0, 0.0, -1.0),
    ]
    rows = only(stored(paths, grades), "FROM first_errors ORDER BY grader, trajectory_id")
    told = [(row["grader"], row["trajectory_id"], row["correct"], row["steps"], row["judged_steps"]) for row in rows]
    assert told == [
        ("omegaprm", "u1:2", None, 3, 1),
        ("prm", "u1:0", False, 3, 3),
        ("prm", "u1:1", False, 3, 3),
        ("rollout", "u1:0", False, 3, 3),
    ]
    assert [(row["first_error"], row["text"], row["step_id"]) for row in rows] == [
        (2, "Two. ", "u1/2.0"),
        (2, "Two. ", "u1/0.0"),
        (None, None, None),
        (3, "Three.", "u1/0.0.0"),
    ]


def test_the_steps_of_a_later_draft_are_numbered_from_one() -> None:
    start = Trajectory(PROBLEM.ask("u1"), stop=Stop.ANSWERED, answer="8").grow("One. ", 0).grow("Two.", 0)
    path = replace(start.respond("Wrong.", "oracle").grow("Uno. ", 0).grow("Due.", 0), stop=Stop.ANSWERED, answer="8")
    graded = Grade("prm", path.trajectory_id, 2, value=0.1, steps=(0.8, 0.1))
    [row] = only(stored([path], [graded]), "FROM first_errors")
    assert (row["turn"], row["first_error"], row["text"], row["steps"]) == (2, 2, "Due.", 2)
