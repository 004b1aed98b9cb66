"""Units to store, and a store with a row in every table."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from redraft.store import Grade, Problem, Question, Role, Stop, Store, Trajectory, Verdict
from redraft.store.calls import Call, Choices
from redraft.store.tables.collapse import Alarm, Indicator, ReferenceLoss, Watched
from redraft.store.tables.embeddings import MeasuredKind, MeasuredQuestion
from redraft.store.tables.labels import Label
from redraft.store.tables.rounds import Round, TrainedModel
from redraft.store.tables.runs import DatasetRow, new_id
from redraft.store.unit import Unit, unit_id

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
VERDICTS = {True: Verdict.RIGHT, False: Verdict.WRONG, None: Verdict.UNDECIDED}

Draft = tuple[str | None, bool | None]
"""The answer of a draft, and what the oracle says of it."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "redraft.duckdb")


@pytest.fixture
def make_unit() -> Callable[..., Unit]:
    """A unit whose samples each have the given drafts; `scores` are by grader, sample and turn."""

    def make(
        samples: Sequence[Sequence[Draft]],
        *,
        problem_id: str = "p",
        recipe: str = "r",
        attempt: int = 1,
        scores: dict[str, Sequence[Sequence[float | None]]] | None = None,
        calls: Sequence[tuple[Call, Choices]] = (),
        failed: Sequence[int] = (),
        texts: Sequence[str] = (),
    ) -> Unit:
        unit = unit_id(recipe, problem_id, "")
        words = texts or ["The same text."] * len(samples)
        paths = [path(unit, problem_id, n, drafts, words[n]) for n, drafts in enumerate(samples)]
        grades = [
            Grade("oracle", path.trajectory_id, turn, None, VERDICTS[correct])
            for path, drafts in zip(paths, samples, strict=True)
            for turn, (_, correct) in enumerate(drafts, start=1)
        ]
        for grader, values in (scores or {}).items():
            grades += [
                Grade(grader, path.trajectory_id, turn, value, reason=None if value is not None else "no idea")
                for path, row in zip(paths, values, strict=True)
                for turn, value in enumerate(row, start=1)
            ]
        ended = tuple(
            path if number not in failed else Trajectory(path.question, path.steps, number, stop=Stop.FAILED)
            for number, path in enumerate(paths)
        )
        status = "failed" if failed else "done"
        return Unit(
            unit,
            "run",
            recipe,
            problem_id,
            "",
            attempt,
            len(samples),
            status,
            ended,
            tuple(grades),
            tuple(calls),
            NOON,
            NOON,
        )

    return make


def path(unit: str, problem_id: str, number: int, drafts: Sequence[Draft], text: str) -> Trajectory:
    grown = Trajectory(Question(problem_id, "What?", unit=unit), sample=number, role=Role.SAMPLE)
    for turn, (answer, _) in enumerate(drafts, start=1):
        grown = grown.respond("Try again.", "oracle") if turn > 1 else grown
        grown = grown.grow(text, number if turn == 1 else 0, tokens=3, final=True)
        grown = Trajectory(
            grown.question, grown.steps, number, stop=Stop.ANSWERED, stops=grown.stops, answer=answer,
            answers=grown.answers,
        )  # fmt: skip
    return grown


@pytest.fixture
def make_call() -> Callable[..., Call]:
    """A call of unit `unit`: its first sample at the root."""

    def make(unit: str = "u", first: int = 0, **facts: object) -> Call:
        given = {
            "call_id": f"{unit}-{first}", "unit": unit, "problem_id": "p", "purpose": "propose", "place": f"{unit}/",
            "first": first, "n": 1, "model": "embedded", "prompt_hash": "h", "params": {"temperature": 1.0},
        }  # fmt: skip
        return Call(**{**given, **facts})  # type: ignore[arg-type]

    return make


NUMBERS = ("commit_id", "rowid", "run_id", "dataset_id")
"""Columns that differ between two stores of the same content; all times differ, too."""

Maker = Callable[..., Unit]


def _fill(store: Store, make_unit: Maker) -> None:
    """Does everything that a store can be told."""
    problems = [Problem(f"{n} + {n}?", str(2 * n), problem_id=f"p{n}") for n in range(3)]
    store.add(problems)
    run = store.start_run("generate", "r", "best_of_n", "m", {"feedback": "oracle"})
    scores = {"prm": [[0.25, 0.75], [0.5, 0.5]]}
    call = Call("c", "u", "p0", "propose", "u", 0, 2, "m", "h", {"temperature": 0.5}, latency_ms=1.0)
    units = [
        make_unit([[("1", False), (problem.answer, True)], [("2", None), ("3", False)]], problem_id=problem.problem_id,
                  scores=scores, calls=[(call, [{"text": "a"}])])
        for problem in problems
    ]  # fmt: skip
    assert store.publish(units) == 3
    assert store.publish([*units, *units]) == 0
    again = make_unit([[("4", True)]], problem_id="p0", attempt=2, calls=[(call, [{"text": "a"}])])
    assert store.publish([again, units[1]]) == 1
    store.end_run(run, "finished", {"calls": 3})
    unit = units[1]
    first = unit.trajectories[0]
    store.label(Label(first.trajectory_id, turn, "Ann", verdict, None, None, first.draft(turn)[-1].prefix_key)
                for turn, verdict in ((1, "wrong"), (1, "right"), (2, "right")))  # fmt: skip
    rows = [DatasetRow(0, first.trajectory_id), DatasetRow(None, "t", None, "wrong: it is")]
    store.add_dataset("sft", {"filter": ["correct"]}, rows, run)
    with store.dataset_of({"found": "SELECT trajectory_id FROM trajectories"}) as dataset:
        dataset.record(new_id(), "trajectories", {}, "SELECT 0, trajectory_id, NULL, NULL FROM found ORDER BY ALL", run)
    for state in ("generated", "exported"):
        store.note_round(Round(loop_id="l", round=1, state=state, method="star", config={}, run_id=run))
    store.note_model(TrainedModel(loop_id="l", round=1, role="policy", model_id="m", name="model"))
    losses = [ReferenceLoss("p0", 3, 0.5)]
    store.note_watched(
        "l", 1, Watched([Indicator("entropy_bits", value=1.5)], [Alarm("narrowing", 0.5, False, "", 0)], losses)
    )
    store.add_embeddings("e", {"h": [0.5, 0.25]})
    store.add_measurement(
        run, "e", [MeasuredKind("rephrase", 1, 1, 1, None)], [MeasuredQuestion("rephrase", "p1", "p0", 0.5)]
    )


def _views(store: Store) -> list[str]:
    return [f'{schema}."{name}"' for schema, name in store.query(ALL_VIEWS).rows]


def _content(store: Store, view: str, same: Sequence[str]) -> list[tuple[object, ...]]:
    """The rows of a view without the columns that differ, in an order of their own."""
    found = store.query(f"FROM {view}")
    columns = enumerate(zip(found.columns, found.types, strict=True))
    kept = [number for number, (name, kind) in columns if name in same or (name not in NUMBERS and kind != "TIMESTAMP")]
    return sorted((tuple(row[number] for number in kept) for row in found.rows), key=repr)


ALL_VIEWS = """
SELECT table_schema, table_name FROM information_schema.tables
WHERE table_catalog = current_database() AND table_schema IN ('main', 'raw') AND table_name <> 'migrations'
ORDER BY ALL"""


@pytest.fixture
def fill(make_unit: Maker) -> Callable[[Store], None]:
    """Does everything that a store can be told."""
    return lambda store: _fill(store, make_unit)


@pytest.fixture
def compare() -> Callable[..., None]:
    """Tells whether two stores have the same rows in every view. `same` are columns that may differ otherwise."""

    def check(one: Store, other: Store, same: Sequence[str] = ()) -> None:
        with one.held(read_only=True), other.held(read_only=True):
            assert _views(one) == _views(other)
            for view in _views(one):
                assert _content(one, view, same) == _content(other, view, same), view

    return check
