"""A run with several redrafts a turn: what is stored of them, and that nothing else is broken by them."""

from collections.abc import Sequence
from pathlib import Path

from redraft.flows.evaluation.history import history
from redraft.flows.evaluation.turn import cost_of
from redraft.flows.export import export
from redraft.flows.generate import generate
from redraft.graders.grader import Grader
from redraft.llm.model import Request
from redraft.llm.scripted import Scripted
from redraft.store import Store
from redraft.store.problems import Problem
from redraft.store.trajectory import Grade, Trajectory


def by_answer() -> Grader:
    """The answer itself is the grade."""

    async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
        return [Grade("by_answer", t.trajectory_id, t.turn, value=float(t.answer or 0)) for t in trajectories]

    return grader


def model(*turns: Sequence[str]) -> Scripted:
    """Redraft number n of turn t is turns[t - 1][n]."""

    def script(request: Request, index: int) -> str:
        return f"#### {turns[len(request.messages) // 2][index]}"

    return Scripted(script)


async def test_every_candidate_of_a_turn_is_stored_with_its_reward(tmp_path: Path) -> None:
    """What RISE collects: at each turn, the state, the candidates and their rewards."""
    scripted = model(["1", "2"], ["2", "5", "3"], ["4", "6", "7"])
    db = tmp_path / "r.duckdb"
    arguments = {"feedback": "none", "branches": 3, "turns": 3}
    problems = [Problem("How much?", "7")]

    summary = await generate(problems, db=db, model=scripted, grader=by_answer, arguments=arguments, samples=2)

    with Store(db) as store:
        candidates = store.query(CANDIDATES).rows
        [(steps, distinct)] = store.query("SELECT count(*), count(DISTINCT step_id) FROM steps").rows
        [(paths, ids)] = store.query("SELECT count(*), count(DISTINCT trajectory_id) FROM trajectories").rows
        corrected = store.query("SELECT turn, trajectories, accuracy FROM corrections ORDER BY turn").rows
    both = [(1, 1.0, False), (1, 2.0, False), *[(2, 2.0, False), (2, 3.0, False), (2, 5.0, False)] * 2]
    assert candidates == sorted([*both, *[(3, 4.0, False), (3, 6.0, False), (3, 7.0, True)] * 2])
    assert (steps, paths) == (distinct, ids) == (2 + 2 * 2 + 2 * 2 * 3, 2 + 2 * 4)
    assert corrected == [(1, 2, 0.0), (2, 2, 0.0), (3, 2, 1.0)]
    assert (summary.failed, summary.redrafted, summary.samples, summary.chosen and summary.chosen.estimate) == (
        0, 2, 2, 1.0,
    )  # fmt: skip
    exported = await export(tmp_path / "rows.jsonl", db=db)
    assert (exported.kept, exported.dropped) == (1, {"wrong answer": 8, "duplicate": 1})


async def test_what_was_drawn_and_discarded_is_paid_for(tmp_path: Path) -> None:
    """A draft is two tokens: a sample pays for its own three redrafts a turn, and for its share of the four drafts of
    which one was its first. `redraft evaluate` counts the same."""
    branches = {"feedback": "none", "branches": 3, "turns": 3}
    inner = {"feedback": "none", "draft": "best_of_n", "draft.samples": 4, "turns": 2}
    drawn = {
        "branches": (branches, model(["1", "2"], ["2", "5", "3"], ["4", "6", "7"]), [2.0, 8.0, 14.0]),
        "inner": (inner, model(["1", "2", "3", "4"], ["7"]), [8.0, 10.0]),
    }
    for name, (arguments, scripted, tokens) in drawn.items():
        db = tmp_path / f"{name}.duckdb"
        problems = [Problem("How much?", "7"), Problem("How many?", "8")]
        await generate(problems, db=db, model=scripted, grader=by_answer, arguments=arguments, samples=2)
        with Store(db) as store:
            assert [row[0] for row in store.query("SELECT tokens FROM corrections ORDER BY turn").rows] == tokens
            [(recipe, replicate)] = store.query("SELECT DISTINCT recipe, replicate FROM trajectories").rows
            ids = [row[0] for row in store.query("SELECT problem_id FROM problems").rows]
            found = history(store, recipe, replicate, ids)
        assert [cost_of(found, ids, turn).tokens for turn in range(1, len(tokens) + 1)] == tokens


async def test_rollouts_from_a_draft_are_paid_by_the_turn_after_it(tmp_path: Path) -> None:
    arguments = {"feedback": "none", "turns": 2, "grader.rollouts": 2}
    db = tmp_path / "r.duckdb"
    await generate("builtin:levels=1", limit=2, db=db, grader="rollout", arguments=arguments, samples=2)
    with Store(db) as store:
        tokens = [row[0] for row in store.query("SELECT tokens FROM corrections ORDER BY turn").rows]
        [(recipe, replicate)] = store.query("SELECT DISTINCT recipe, replicate FROM trajectories").rows
        ids = [row[0] for row in store.query("SELECT DISTINCT problem_id FROM trajectories").rows]
        [(first,)] = store.query("SELECT sum(completion_tokens) / 4 FROM calls WHERE purpose = 'propose'").rows
        [(every,)] = store.query("SELECT sum(completion_tokens) / 4 FROM calls").rows
        found = history(store, recipe, replicate, ids)
    assert tokens == [first, every] == [cost_of(found, ids, 1).tokens, cost_of(found, ids).tokens]


CANDIDATES = """
SELECT t.turns, g.value, t.correct FROM trajectories t JOIN grades g
    ON g.trajectory_id = t.trajectory_id AND g.turn = t.turns AND g.grader = 'by_answer' AND g.step_id IS NULL
UNION ALL
SELECT g.turn, g.value, d.correct FROM trajectories t JOIN turns d USING (trajectory_id) JOIN grades g
    ON g.trajectory_id = t.trajectory_id AND g.turn = d.turn AND g.grader = 'by_answer' AND g.step_id IS NULL
WHERE t.role = 'sample' AND d.turn < t.turns ORDER BY ALL"""
