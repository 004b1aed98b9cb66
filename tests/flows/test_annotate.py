"""`redraft annotate`: grades of stored drafts and their steps, kept once, tried again where they failed."""

import itertools
import json
import math
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from redraft.flows.annotate import annotate
from redraft.flows.annotation.result import sum_of_tries
from redraft.flows.generate import generate
from redraft.flows.plots.accuracy import PlotError
from redraft.flows.plots.reward import draw, plot_rewards
from redraft.graders.rewards.monte_carlo import FIRST
from redraft.llm.limits import Budget
from redraft.llm.model import ModelError, Request
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store
from redraft.store.errors import PartError, QueryError
from redraft.store.trajectory import Grade

Sums = Callable[..., list[Problem]]
Redraft = Callable[..., subprocess.CompletedProcess[str]]


class Model(Scripted):
    """Adds in three steps. A draft goes wrong in its second step where `wrong` says so of its question; from a good
    first step every second rollout is right, from a bad second step none."""

    def __init__(self, wrong: Callable[[int], bool], fails: Callable[[int], bool] = lambda number: False) -> None:
        self.wrong, self.fails = wrong, fails
        super().__init__(self.write, name="adder")

    def write(self, request: Request, index: int) -> str:
        number = int(re.findall(r"What is (\d+)", request.messages[0].content)[0])
        bad = self.wrong(number) if not request.prefix else index % 2 == 1 or "badly" in request.prefix
        if request.prefix and self.fails(number):
            raise ModelError("The model is away.")
        rest = ["I look.\n\n", "I add badly.\n\n" if bad else "I add well.\n\n"]
        done = request.prefix.count("\n\n")
        return "".join(rest[done:]) + f"The answer is \\boxed{{{2 * number + bad}}}"


@pytest.fixture
async def store(tmp_path: Path, sums: Sums) -> Store:
    """Two questions, the first answered rightly, the second wrongly."""
    store = Store(tmp_path / "redraft.duckdb")
    await generate(sums(2), db=store, model=Model(lambda number: number == 2), strategy="greedy")
    return store


STEPS = """
SELECT p.question, s.text, g.value, g.n, round(g.lo, 4), round(g.hi, 4)
FROM grades g JOIN steps s USING (step_id) JOIN trajectories t ON t.trajectory_id = g.trajectory_id
JOIN problems p ON p.problem_id = t.problem_id
WHERE g.grader = '{grader}' AND t.role = 'sample' ORDER BY p.question, s.depth"""


async def test_rollouts_label_each_step_of_stored_drafts(store: Store) -> None:
    found = await annotate(db=store, model=Model(lambda number: True), arguments={"grader.rollouts": 4})
    assert (found.drafts, found.values, found.steps, found.rollouts) == (2, 2, 6, 16)
    assert store.query(STEPS.format(grader="rollout")).rows == [
        ("What is 1 + 1?", "I look.\n\n", 0.5, 4, 0.15, 0.85),
        ("What is 1 + 1?", "I add well.\n\n", 0.5, 4, 0.15, 0.85),
        ("What is 1 + 1?", "The answer is \\boxed{2}", 1.0, None, None, None),
        ("What is 2 + 2?", "I look.\n\n", 0.5, 4, 0.15, 0.85),
        ("What is 2 + 2?", "I add badly.\n\n", 0.0, 4, 0.0, 0.4899),
        ("What is 2 + 2?", "The answer is \\boxed{5}", 0.0, None, None, None),
    ]
    drafts = "SELECT turn, value FROM grades WHERE grader = 'rollout' AND step_id IS NULL ORDER BY value"
    assert store.query(drafts).rows == [(1, 0.0), (1, 0.5)]


async def test_rollouts_are_apart_and_hang_where_they_were_thrown(store: Store) -> None:
    await annotate(db=store, model=Model(lambda number: True), arguments={"grader.rollouts": 2})
    roles = "SELECT role, count(*), count(DISTINCT trajectory_id), count(correct), count(*) FILTER (correct)"
    assert store.query(f"{roles} FROM trajectories GROUP BY role ORDER BY role").rows == [
        ("rollout", 8, 8, 8, 3),
        ("sample", 2, 2, 2, 1),
    ]
    assert store.query("SELECT count(*), count(DISTINCT step_id) FROM steps").rows == [(6 + 4 * 2 + 4, 18)]
    parents = """
        SELECT p.text, count(*) FROM steps s JOIN steps p ON p.step_id = s.parent_id
        WHERE s.step_id LIKE '%.1______' GROUP BY ALL ORDER BY ALL"""
    assert store.query(parents).rows == [("I add badly.\n\n", 2), ("I add well.\n\n", 2), ("I look.\n\n", 4)]
    assert store.query("SELECT purpose, sum(n) FROM calls GROUP BY ALL ORDER BY ALL").rows == [
        ("propose", 2),
        ("rollout", 8),
    ]
    assert store.query("SELECT pass_at_k, samples FROM pass_at_k WHERE draft = 'first'").rows == [(0.5, 2)]
    assert FIRST == 1_000_000


async def test_what_is_done_is_left_and_what_failed_is_tried_again(store: Store) -> None:
    settings: dict[str, Any] = {"db": store, "arguments": {"grader.rollouts": 2}}
    model = Model(lambda number: True, fails=lambda number: number == 2)
    first = await annotate(model=model, **settings)
    assert (first.drafts, first.values, first.failed, first.known) == (2, 1, 1, 0)
    assert list(first.lost) == ["step 1: no rollout of 2 counts (The model is away.)"]
    again = Model(lambda number: True)
    second = await annotate(model=again, **settings)
    assert (second.drafts, second.values, second.failed, second.known) == (1, 1, 0, 1)
    assert len(again.requests) == 2
    both = sum_of_tries([first, second])
    assert (both.drafts, both.values, both.failed, both.known, both.lost) == (2, 2, 0, 0, {})
    third = await annotate(model=again, **settings)
    assert (third.drafts, third.known, len(again.requests)) == (0, 2, 2)
    fresh = await annotate(model=again, replicate="anew", **settings)
    assert (fresh.drafts, fresh.known) == (2, 0)


async def test_units_of_one_problem_are_judged_apart(store: Store, sums: Sums) -> None:
    model = Model(lambda number: number == 2)
    for seed in (1, 2, 3):
        await generate(sums(2), db=store, model=model, strategy="greedy", seed=seed)
    found = await annotate(db=store, model=model, arguments={"grader.rollouts": 2})
    assert (found.drafts, found.values, found.rollouts, found.lost) == (8, 8, 32, {})
    assert store.query("SELECT count(*), count(DISTINCT trajectory_id) FROM trajectories").rows == [(40, 40)]


async def test_a_corrected_key_means_judging_again(store: Store, sums: Sums) -> None:
    model = Model(lambda number: True)
    await annotate(db=store, model=model, arguments={"grader.rollouts": 2})
    store.add([Problem(sums(2)[1].question, "5", source="sums")])
    asked = len(model.requests)
    found = await annotate(db=store, model=model, arguments={"grader.rollouts": 2})
    assert (found.drafts, found.known, len(model.requests)) == (1, 1, asked)  # the rollouts are replayed
    values = [row[2] for row in store.query(STEPS.format(grader="rollout")).rows]
    assert values == [0.5, 0.5, 1.0, 0.5, 1.0, 1.0]


async def test_a_budget_cuts_a_run_which_goes_on(store: Store) -> None:
    settings: dict[str, Any] = {"db": store, "arguments": {"grader.rollouts": 2}, "concurrency": 1}
    model = Model(lambda number: True)
    first = await annotate(model=model, budget=Budget(calls=2), **settings)
    assert first.spent
    second = await annotate(model=model, **settings)
    assert second.known + second.drafts == 2
    assert second.spent is None
    assert len(model.requests) == 4
    assert store.query("SELECT status FROM runs WHERE stage = 'annotate' ORDER BY started_at").rows == [
        ("budget",),
        ("finished",),
    ]


async def test_omegaprm_names_the_first_wrong_step(store: Store) -> None:
    arguments = {"grader.rollouts": 4, "grader.searches": 1}
    found = await annotate(db=store, grader="omegaprm", model=Model(lambda number: False), arguments=arguments)
    assert (found.drafts, found.values) == (2, 2)
    said = """
        SELECT p.question, g.value, g.reason FROM grades g JOIN trajectories t USING (trajectory_id)
        JOIN problems p ON p.problem_id = t.problem_id
        WHERE g.grader = 'omegaprm' AND g.step_id IS NULL AND t.role = 'sample' ORDER BY ALL"""
    assert store.query(said).rows == [
        ("What is 1 + 1?", 1.0, None),
        ("What is 2 + 2?", 0.0, "its first wrong step is number 2"),
    ]
    assert [row[2:4] for row in store.query(STEPS.format(grader="omegaprm")).rows] == [
        (None, None),
        (None, None),
        (1.0, None),
        (0.5, 4),
        (0.0, 4),
        (0.0, None),
    ]
    assert found.rollouts == 3 + 3 + 4 + 4
    graded = "SELECT count(DISTINCT trajectory_id) FROM grades WHERE grader = 'omegaprm' AND step_id IS NULL"
    assert store.query(graded).rows == [(2 + found.rollouts,)]


async def test_where_and_limit_choose_drafts(store: Store) -> None:
    model = Model(lambda number: True)
    for where, drafts in (("NOT correct", 1), ("turn = 2", 0)):
        found = await annotate(db=store, grader="likelihood", model=model, where=where)
        assert found.drafts == drafts
    assert (await annotate(db=store, grader="likelihood", model=model, replicate="b", limit=1)).drafts == 1
    with pytest.raises(QueryError, match="where='nope': "):
        await annotate(db=store, model=model, where="nope")
    with pytest.raises(PartError, match=r"no argument 'rollouts' of strategy 'annotation'; there are grader"):
        await annotate(db=store, model=model, arguments={"rollouts": 2})


async def test_a_grader_of_ones_own_that_breaks(store: Store) -> None:
    def short(scale: float = 1.0) -> Any:
        async def grader(trajectories: Any) -> list[Grade]:
            return [] if scale == 1.0 else [1 / 0 for _ in trajectories]  # type: ignore[misc]

        return grader

    model = Model(lambda number: True)
    with pytest.raises(PartError, match=r"returned a list of 0, \[\]: it must return a list of 1 Grade"):
        await annotate(db=store, grader=short, model=model)
    with pytest.raises(PartError, match="failed: ZeroDivisionError"):
        await annotate(db=store, grader=short, model=model, arguments={"grader.scale": 2.0})


async def test_step_quality_is_what_brute_force_counts(store: Store) -> None:
    def guess() -> Any:
        async def grader(trajectories: Any) -> list[Grade]:
            return [
                Grade("guess", path.trajectory_id, path.turn, value=0.5, steps=VALUES[path.answer])
                for path in trajectories
            ]

        return grader

    await annotate(db=store, model=Model(lambda number: True), arguments={"grader.rollouts": 4})
    await annotate(db=store, grader=guess, model=Model(lambda number: True))
    row = store.query("FROM step_quality WHERE grader = 'guess' AND reference = 'rollout'")
    found = dict(zip(row.columns, row.rows[0], strict=True))
    truths = [0.5, 0.5, 1.0, 0.5, 0.0, 0.0]
    pairs = list(zip([*VALUES["2"], *VALUES["5"]], truths, strict=True))
    good, bad = [v for v, t in pairs if t > 0], [v for v, t in pairs if t == 0]
    auc = sum((a > b) + (a == b) / 2 for a, b in itertools.product(good, bad)) / (len(good) * len(bad))
    assert (found["steps"], found["good_steps"]) == (6, 4)
    assert found["auc"] == pytest.approx(auc)
    assert found["brier"] == pytest.approx(math.fsum((v - t) ** 2 for v, t in pairs) / 6)
    assert found["accuracy"] == pytest.approx(sum((v >= 0.5) == (t > 0) for v, t in pairs) / 6)
    right = sum(v >= 0.5 for v in good) / len(good), sum(v < 0.5 for v in bad) / len(bad)
    assert found["balanced_accuracy"] == pytest.approx(sum(right) / 2)


VALUES = {"2": (0.9, 0.4, 0.6), "5": (0.6, 0.6, 0.1)}


async def test_grades_do_not_depend_on_concurrency(tmp_path: Path) -> None:
    found = []
    for concurrency in (1, 64):
        store = Store(tmp_path / f"{concurrency}.duckdb")
        await generate(limit=2, db=store, strategy="best_of_n", samples=2)
        for grader in ("rollout", "omegaprm"):
            settings = {"grader.rollouts": 2}
            await annotate(db=store, grader=grader, arguments=settings, concurrency=concurrency)
        sql = "SELECT trajectory_id, step_id, grader, value, n FROM grades ORDER BY ALL"
        found.append(store.query(sql).rows)
    assert found[0] == found[1]
    assert len(found[0]) > 30


def test_the_command(redraft: Redraft) -> None:
    redraft("generate", "--limit", "2", "--samples", "2", "--strategy", "best_of_n")
    command = ("annotate", "--set", "grader.rollouts=2", "--json")
    done = redraft(*command)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["drafts"], found["values"], found["known"]) == (4, 4, 0)
    assert json.loads(redraft(*command).stdout)["known"] == 4
    told = redraft("annotate", "--set", "grader.rollouts=3", "--plot", "r.svg").stdout
    assert re.fullmatch(r"4 drafts judged by rollout, 4 with a value, \d+ steps, \d+ rollouts; 0 were known.*\n", told)


async def test_a_picture_of_what_graders_favour(tmp_path: Path, sums: Sums) -> None:
    store = Store(tmp_path / "redraft.duckdb")
    with pytest.raises(PlotError, match="nothing to draw"):
        plot_rewards(store, tmp_path / "r.svg")
    model = Model(lambda number: number == 2)
    await generate(sums(2), db=store, model=model, strategy="best_of_n", samples=2)
    await annotate(db=store, model=model, arguments={"grader.rollouts": 2})
    plot_rewards(store, tmp_path / "r.svg")
    drawn = (tmp_path / "r.svg").read_text()
    assert "rollout of best_of_n" in drawn
    plot_rewards(store, tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_text() == drawn
    rows = [
        {"name": "prm", "k": 1, "value": 0.4, "accuracy": 0.5},
        {"name": "prm", "k": 2, "value": 0.8, "accuracy": 0.3},
    ]
    figure = draw(rows, [{"name": "prm", "length_value": 0.5, "length_right": None}])
    solid, dashed = figure.axes[0].lines
    assert list(np.asarray(solid.get_ydata())) == [0.5, 0.3]  # the grader is fooled: its value rises
    assert list(np.asarray(dashed.get_ydata())) == [0.4, 0.8]
