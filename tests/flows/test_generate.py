import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from redraft.flows.display.progress import Plan, Silent
from redraft.flows.generate import generate
from redraft.graders.grader import Grader
from redraft.llm.model import ModelError, Request
from redraft.llm.scripted import Scripted
from redraft.store import Grade, Problem, Store, Trajectory
from redraft.store.errors import PartError, SourceError
from redraft.store.unit import Unit

Sums = Callable[..., list[Problem]]
Adder = Callable[..., Scripted]

ORACLE = {"feedback": "oracle", "turns": 2}


class Seen(Silent):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.plans: list[Plan] = []
        self.units: list[Unit] = []
        self.said: list[str] = []
        self.statuses: list[str] = []

    def begin(self, plan: Plan) -> None:
        self.plans.append(plan)

    def unit(self, problem: Problem, unit: Unit) -> None:
        self.units.append(unit)

    def say(self, text: str) -> None:
        self.said.append(text)

    def end(self, status: str) -> None:
        self.statuses.append(status)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "redraft.duckdb")


async def test_every_draft_is_stored_and_judged(store: Store, sums: Sums, adder: Adder) -> None:
    model = adder(lambda number, sample, turn: turn == 2 or sample == 0)
    summary = await generate(sums(2), db=store, model=model, samples=2, arguments=ORACLE)
    rows = store.query(
        "SELECT question, sample, turns, t.answer, correct, chosen, stop, oracle_used"
        " FROM trajectories t JOIN problems USING (problem_id) ORDER BY question, sample"
    ).rows
    assert rows == [
        ("What is 1 + 1?", 0, 1, "2", True, True, "answered", True),
        ("What is 1 + 1?", 1, 2, "2", True, False, "answered", True),
        ("What is 2 + 2?", 0, 1, "4", True, True, "answered", True),
        ("What is 2 + 2?", 1, 2, "4", True, False, "answered", True),
    ]
    graded = "SELECT grader, turn, count(*), count(value) FROM grades WHERE step_id IS NULL GROUP BY ALL ORDER BY ALL"
    assert store.query(graded).rows == [
        ("likelihood", 1, 4, 0), ("likelihood", 2, 2, 0), ("likelihood_sum", 1, 4, 0), ("likelihood_sum", 2, 2, 0),
        ("oracle", 1, 4, 4), ("oracle", 2, 2, 2),
    ]  # fmt: skip
    assert store.query("SELECT turn, wrong_to_right, right_to_wrong FROM corrections").rows == [(1, 0, 0), (2, 2, 0)]
    assert (summary.first.estimate, summary.last.estimate) == (0.5, 1.0)  # type: ignore[union-attr]
    assert (summary.wrong_to_right, summary.right_to_wrong, summary.failed) == (2, 0, 0)


async def test_what_the_strategys_own_grader_says_is_kept(store: Store, sums: Sums, adder: Adder) -> None:
    def brief(per_letter: float = 0.5) -> Grader:
        async def grade(trajectories: Sequence[Trajectory]) -> list[Grade]:
            return [Grade("brief", t.trajectory_id, t.turn, value=-per_letter * len(t.text())) for t in trajectories]

        return grade

    model = adder(lambda number, sample, turn: True)
    await generate(sums(1), db=store, model=model, strategy="best_of_n", grader=brief, samples=2)
    rows = store.query("SELECT turn, value FROM grades WHERE grader = 'brief'").rows
    assert rows == [(1, -0.5 * len("I add.\n\nThe answer is \\boxed{2}"))] * 2


async def test_a_model_that_was_not_made_for_these_problems_says_so(store: Store, sums: Sums) -> None:
    seen = Seen()
    await generate(sums(1), db=store, samples=1, max_tokens=5, progress=seen)
    assert seen.said == ["the embedded model was trained on builtin problems alone: expect little of it here"]


async def test_judging_a_run_does_not_count_as_using_an_oracle(store: Store, sums: Sums, adder: Adder) -> None:
    summary = await generate(
        sums(2), db=store, model=adder(lambda *_: False), samples=1, arguments={"feedback": "none", "turns": 2}
    )
    assert store.query("SELECT DISTINCT oracle_used, correct FROM trajectories").rows == [(False, False)]
    assert summary.oracle_used is False


async def test_solvers_are_given_questions_without_their_answers(store: Store, sums: Sums, adder: Adder) -> None:
    model = adder(lambda *_: False)
    await generate(sums(3), db=store, model=model, samples=2)
    asked = " ".join(message.content for request in model.requests for message in request.messages)
    assert "What is 3 + 3?" in asked
    assert " 6" not in asked


async def test_what_is_done_is_left_alone(store: Store, sums: Sums, adder: Adder) -> None:
    model, seen = adder(lambda *_: True), Seen()
    first = await generate(sums(3), db=store, model=model, samples=2, progress=seen)
    asked = len(model.requests)
    second = await generate(sums(5), db=store, model=model, samples=2, progress=seen)
    assert [(plan.problems, plan.done) for plan in seen.plans] == [(3, 0), (5, 3)]
    assert len(model.requests) == asked + 2
    assert (first.trajectories, second.trajectories) == (6, 10)
    assert (first.new, second.new, first.right, second.right) == (6, 4, 6, 10)
    assert seen.statuses == ["finished", "finished"]
    assert store.query("SELECT status, count(*) FROM runs GROUP BY ALL").rows == [("finished", 2)]


async def test_more_samples_add_the_difference(store: Store, sums: Sums, adder: Adder) -> None:
    model = adder(lambda *_: True)
    await generate(sums(2), db=store, model=model, samples=2)
    before = store.query("SELECT step_id, text FROM steps ORDER BY ALL").rows
    model.requests.clear()
    summary = await generate(sums(2), db=store, model=model, samples=5)
    assert [request.n for request in model.requests] == [3, 3]
    assert (summary.trajectories, summary.new) == (10, 6)
    after = store.query("SELECT step_id, text FROM steps ORDER BY ALL").rows
    assert set(before) < set(after)
    assert store.query("SELECT sum(n) FROM calls").rows == [(10,)]


async def test_what_failed_is_a_reason_and_is_tried_again(store: Store, sums: Sums, adder: Adder) -> None:
    down = True

    def right(number: int, sample: int, turn: int) -> bool:
        if down and number == 2:
            raise ModelError("The provider is down.")
        return True

    model = adder(right)
    first = await generate(sums(3), db=store, model=model, samples=2)
    assert first.failures == {"The provider is down.": 2}
    assert first.first is not None
    assert (first.first.estimate, first.graded_problems) == (1.0, 2)
    down = False
    model.requests.clear()
    second = await generate(sums(3), db=store, model=model, samples=2)
    assert len(model.requests) == 1
    assert (second.failures, second.graded_problems) == ({}, 3)
    assert (first.new, second.new, first.right, second.right) == (4, 2, 4, 6)
    assert store.query("SELECT count(*), count(DISTINCT trajectory_id) FROM trajectories").rows == [(6, 6)]
    assert store.query("SELECT count(*) FROM calls WHERE error IS NOT NULL").rows == [(1,)]


async def test_an_error_that_every_call_would_meet_stops_the_run(store: Store, sums: Sums, adder: Adder) -> None:
    def right(number: int, sample: int, turn: int) -> bool:
        if len(model.requests) == 3:
            raise ModelError("No such model.", fatal=True)
        return True

    model, seen = adder(right), Seen()
    with pytest.raises(ModelError, match="No such model"):
        await generate(sums(50), db=store, model=model, samples=1, concurrency=1, progress=seen)
    assert len(model.requests) == 3
    assert seen.statuses == ["failed"]
    assert store.query("SELECT count(*) FROM trajectories").rows == [(2,)]
    assert store.query("SELECT status, facts->>'reason' FROM runs").rows == [("failed", "No such model.")]


async def test_a_stopped_run_keeps_what_it_has_and_goes_on(store: Store, sums: Sums, adder: Adder) -> None:
    model, seen = adder(lambda *_: True), Seen()

    class Slow(Seen):
        def unit(self, problem: Problem, unit: Unit) -> None:
            super().unit(problem, unit)
            if len(self.units) == 5:
                task.cancel()

    slow = Slow()
    task = asyncio.create_task(generate(sums(40), db=store, model=model, samples=1, concurrency=2, progress=slow))
    with pytest.raises(asyncio.CancelledError):
        await task
    kept = store.query("SELECT count(*) FROM trajectories").rows[0][0]
    assert 5 <= kept < 40
    assert slow.statuses == ["interrupted"]
    assert store.query("SELECT status FROM runs").rows == [("interrupted",)]
    await generate(sums(40), db=store, model=model, samples=1, progress=seen)
    assert seen.plans[0].done == kept
    assert len(model.requests) == 40


async def test_no_key_is_no_verdict(store: Store, sums: Sums, adder: Adder) -> None:
    summary = await generate(sums(2, known=False), db=store, model=adder(lambda *_: True), samples=2)
    assert summary.first is None
    assert store.query("SELECT DISTINCT correct FROM trajectories").rows == [(None,)]
    assert store.query("SELECT count(*) FROM grades WHERE grader = 'oracle'").rows == [(0,)]


@pytest.mark.parametrize("before", [None, "3"])
async def test_a_corrected_key_judges_the_same_drafts_again(store: Store, adder: Adder, before: str | None) -> None:
    wrong = Problem("What is 1 + 1?", before, problem_id="p", source="sums")
    model, seen = adder(lambda *_: True), Seen()
    settings: dict[str, Any] = {"db": store, "model": model, "progress": seen, "arguments": {"feedback": "none"}}
    first = await generate([wrong], samples=3, **settings)
    asked = len(model.requests)
    second = await generate([replace(wrong, answer="2")], samples=2, **settings)
    assert (first.pass_at_1, second.pass_at_1) == (None if before is None else 0.0, 1.0)
    assert len(model.requests) == asked
    rows = store.query("SELECT correct, count(*) FROM trajectories GROUP BY ALL").rows
    assert rows == [(True, 3)], "judged anew, and the third draft is not lost"
    await generate([replace(wrong, answer="2")], samples=2, **settings)
    assert [plan.done for plan in seen.plans] == [0, 0, 1]


async def test_a_replicate_is_a_fresh_start(store: Store, sums: Sums) -> None:
    seeds: list[tuple[int, ...]] = []

    def script(request: Request, index: int) -> str:
        seeds.append(request.seeds)
        return "2"

    for name in ("", "b", "b"):
        await generate(sums(1), db=store, model=Scripted(script), samples=1, replicate=name)
    assert len(seeds) == len(set(seeds)) == 2
    assert store.query("SELECT replicate, count(*) FROM trajectories GROUP BY ALL ORDER BY ALL").rows == [
        ("", 1), ("b", 1),
    ]  # fmt: skip


async def test_a_part_of_ones_own_is_one_file(store: Store, sums: Sums, adder: Adder, tmp_path: Path) -> None:
    own = tmp_path / "twice.py"
    own.write_text(
        "from redraft.store.trajectory import Trajectory\n"
        "def twice(policy, *, samples=1):\n"
        "    async def agent(question):\n"
        "        return await policy(Trajectory(question), 2 * samples)\n"
        "    return agent\n"
    )
    model = adder(lambda *_: True)
    first = await generate(sums(1), db=store, model=model, strategy=f"{own}:twice", samples=1)
    own.write_text(own.read_text().replace("2 *", "3 *"))
    second = await generate(sums(1), db=store, model=model, strategy=f"{own}:twice", samples=1)
    assert first.trajectories == 2
    assert first.recipe != second.recipe


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("{}['y']", r"strategy '.*own.py:own' failed on problem p2: KeyError: 'y' \(own.py, line 5\)"),
        ("return 'text'", "strategy 'own.py:own' returned a str, 'text': it must return a list of Trajectory"),
        ("return None", "strategy 'own.py:own' returned None: it must"),
    ],
)
async def test_a_strategy_that_breaks_is_named_and_loses_nothing(
    store: Store, adder: Adder, tmp_path: Path, body: str, says: str
) -> None:
    own = tmp_path / "own.py"
    own.write_text(
        "from redraft.store.trajectory import Trajectory\n"
        "def own(policy):\n"
        "    async def agent(question):\n"
        "        if question.problem_id == 'p2':\n"
        f"            {body}\n"
        "        return await policy(Trajectory(question), 1)\n"
        "    return agent\n"
    )
    given = [Problem(f"What is {i} + {i}?", str(2 * i), problem_id=f"p{i}") for i in (1, 2, 3)]
    model = adder(lambda *_: True)
    with pytest.raises(PartError, match=says):
        await generate(given, db=store, model=model, strategy=f"{own}:own", concurrency=1)
    assert store.query("SELECT problem_id FROM trajectories").rows == [("p1",)]
    assert store.query("SELECT status FROM runs").rows == [("failed",)]


async def test_a_strategy_that_is_not_async_says_what_it_must_be(store: Store, sums: Sums, adder: Adder) -> None:
    def plain() -> Callable[..., object]:
        return lambda question: []

    with pytest.raises(
        PartError, match=r"strategy '.*plain' is not async: it returned a list of 0, \[\]: it must be `async def"
    ):
        await generate(sums(1), db=store, model=adder(lambda *_: True), strategy=plain)


async def test_mistakes_are_found_before_anything_is_asked(store: Store, sums: Sums, adder: Adder) -> None:
    model = adder(lambda *_: True)
    with pytest.raises(PartError, match=r"no argument 'turn' .* turns"):
        await generate(sums(1), db=store, model=model, arguments={"turn": 2})
    with pytest.raises(PartError, match=r"no strategy 'corect'; there are .*correct"):
        await generate(sums(1), db=store, model=model, strategy="corect")
    with pytest.raises(SourceError, match=r"no file nowhere\.jsonl"):
        await generate("nowhere.jsonl", db=store, model=model)
    assert model.requests == []
    assert store.query("FROM runs").rows == []


@pytest.mark.parametrize("strategy", ["correct", "self_consistency", "best_of_n"])
async def test_concurrency_changes_no_trajectory(strategy: str, tmp_path: Path) -> None:
    tables = []
    for concurrency in (1, 16):
        store = Store(tmp_path / f"{concurrency}.duckdb")
        await generate(
            "builtin:levels=1-2", db=store, strategy=strategy, samples=3, limit=4, max_tokens=80,
            concurrency=concurrency,
        )  # fmt: skip
        tables.append(store.query(f"SELECT {COLUMNS} FROM trajectories ORDER BY trajectory_id").rows)
    assert tables[0] == tables[1]
    assert len(tables[0]) == 12


COLUMNS = (
    "trajectory_id, problem_id, sample, role, leaf_step_id, turns, text, answer, correct, score, chosen, stop, tokens,"
    " oracle_used"
)
