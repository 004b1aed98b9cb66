"""The one statement that reads candidates, against a plain reading of the tables in Python."""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.filters.sifting.candidates import Candidate, Turn, candidates, sifted_candidates
from redraft.flows.filters.sifting.chain import Chain
from redraft.store import Grade, Problem, Role, Stop, Store, Trajectory, Verdict, replace
from redraft.store.tables.rows.turn_rows import draft_facts
from redraft.store.unit import Unit, unit_id

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


def drawn(chance: random.Random, problem: Problem, unit: str) -> Iterator[Trajectory]:
    """Samples of up to three drafts, some of which begin with the same steps, fail, or are written with a tool; leaves
    of a search; a rollout."""
    question = problem.ask(unit)
    begun = Trajectory(question).grow("Both begin so. ", 9, tokens=5)
    for sample in range(4):
        path = begun if sample < 2 else Trajectory(question)
        path = replace(path, sample=sample, chosen=sample == 0, oracle_used=chance.random() < 0.2)
        for turn in range(1, chance.randint(1, 3) + 1):
            path = path if turn == 1 else path.respond(f"Again {turn}.", chance.choice(["review", "fixed"]), sample)
            if chance.random() < 0.2:
                path = path.grow("print(2)", sample, by="tool", tokens=7)
            for _ in range(chance.randint(0, 2)):
                path = path.grow(
                    chance.choice(["So 2*3=6. ", "So 2*3=7. ", f"Step {chance.randint(0, 2)}. "]),
                    sample,
                    tokens=chance.randint(1, 9),
                )
            answer, stop = chance.choice(["1", "2", None]), chance.choice([Stop.ANSWERED, Stop.LENGTH])
            path = replace(path, answer=answer, stop=stop)
        failed = chance.random() < 0.2
        yield replace(path, stop=Stop.FAILED, reason="down") if failed else path
    for role, sibling in ((Role.SEARCH, 0), (Role.SEARCH, 1), (Role.ROLLOUT, 2)):
        root = Trajectory(question, role=role, stop=Stop.ANSWERED, answer="1")
        yield root.grow("Explored. ", 20, tokens=3).grow("Ends.", sibling, tokens=2)


def published(chance: random.Random, store: Store) -> str:
    """Units of two recipes at one or two attempts, and an annotation that contradicts the oracle. Returns a run."""
    problems = [
        Problem(f"What is {n % 5}?", "1", problem_id=f"p{n * 7 % 10}", split=("train", None)[n % 2]) for n in range(8)
    ]
    runs = {recipe: store.start_run("generate", recipe, "best_of_n", "m", {}) for recipe in ("r", "q")}
    store.add(problems)
    units: list[Unit] = []
    for problem in problems[1:]:
        for recipe, run in runs.items():
            for attempt in range(1, chance.randint(1, 2) + 1):
                unit = unit_id(recipe, problem.problem_id, "")
                made = tuple(drawn(chance, problem, unit))
                grades = [
                    Grade("oracle", trajectory.trajectory_id, turn, None, chance.choice([*Verdict]))
                    for trajectory in made
                    for turn in range(1, trajectory.turn + 1)
                    if chance.random() < 0.9
                ]
                facts = (problem.problem_id, "", attempt, 4, "done", made, tuple(grades), (), NOON, NOON)
                units.append(Unit(unit, run, recipe, *facts))
    again = (Grade("oracle", units[-1].trajectories[0].trajectory_id, 1, None, Verdict.RIGHT),)
    units.append(Unit("a", "run a", "a", problems[-1].problem_id, "", 1, 0, "done", (), again, (), NOON, NOON))
    store.publish(units)
    return runs["q"]


def plain(store: Store, run: str | None) -> list[Candidate]:
    """The candidates by loops over all rows of each table."""

    def rows(table: str) -> list[dict[str, Any]]:
        return list(store.rows(f"FROM raw.{table}"))

    tables = {table: rows(table) for table in ("turns", "steps", "grades")}
    newest = {commit["unit_id"]: commit for commit in sorted(rows("commits"), key=lambda commit: commit["attempt"])}
    shown: list[dict[str, Any]] = [
        {name: [row for row in table if row["commit_id"] == commit["commit_id"]] for name, table in tables.items()}
        | {"commit": commit}
        for commit in newest.values()
    ]  # fmt: skip
    verdicts: dict[tuple[str, int], tuple[Any, bool | None]] = {}
    for unit in shown:
        for grade in unit["grades"]:
            key, at = (grade["trajectory_id"], grade["turn"]), unit["commit"]["published_at"]
            if key not in verdicts or at >= verdicts[key][0]:
                verdicts[key] = at, {"right": True, "wrong": False}.get(grade["verdict"])
    questions = Counter(problem.question for problem in store.problems())
    asked = {problem.problem_id: problem for problem in store.problems()}
    found: list[tuple[Any, Candidate]] = []
    for unit in shown:
        commit = unit["commit"]
        for trajectory in [draft for draft in unit["turns"] if draft["turn"] == draft["turns"]]:
            if trajectory["role"] == "rollout" or run not in (None, commit["run_id"]):
                continue
            name, turns, sizes, stops = trajectory["trajectory_id"], [], {}, {}
            for draft in unit["turns"]:
                if draft["trajectory_id"] == name:
                    leaf, turn = draft["leaf_step_id"] or "", draft["turn"]
                    of = [s for s in unit["steps"] if s["turn"] == turn and f"{leaf}.".startswith(f"{s['step_id']}.")]
                    sizes[turn] = sum(step["tokens"] for step in of if step["by"] == "model")
                    stops[turn] = draft["stop"]
                    reviewed = any(step["by"] == "review" and step["step_id"] != leaf for step in of)
                    correct = verdicts.get((name, turn), (None, None))[1]
                    facts = (draft["text"], draft["answer"], correct, draft["feedback"], draft["leaf_step_id"])
                    turns.append(Turn(turn, *facts, reviewed))
            best = sorted(turns, key=lambda turn: (turn.correct is True, turn.turn))[-1]
            problem = asked[commit["problem_id"]]
            stop = "failed" if trajectory["ended"] == "failed" else stops[best.turn]
            candidate = Candidate(
                name, problem.problem_id, problem.question, best.turn, best.text, best.answer, best.correct,
                sizes[best.turn], stop, trajectory["chosen"], trajectory["oracle_used"], trajectory["reason"],
                problem.split, trajectory["role"], tuple(sorted(turns, key=lambda turn: turn.turn)), problem.answer,
                questions[problem.question] > 1, *draft_facts(best.text, best.answer),
            )  # fmt: skip
            found.append(((problem.problem_id, commit["recipe"], trajectory["sample"], name), candidate))
    return [candidate for _, candidate in sorted(found, key=lambda pair: pair[0])]


@pytest.mark.parametrize("seed", range(3))
def test_candidates_are_those_of_a_plain_reading(tmp_path: Path, seed: int) -> None:
    store = Store(tmp_path / "r.duckdb")
    a_run = published(random.Random(seed), store)
    for run in (None, a_run):
        found = list(candidates(store, run))
        assert found == plain(store, run)
        assert len({candidate.tokens for candidate in found}) > 5
        assert {candidate.shares_question for candidate in found} == {True, False}
        assert any(turn.reviewed for candidate in found for turn in candidate.turns)


CHAINS = (
    ("correct",), ("length",), ("equations",), ("duplicates",), ("cap",), ("unaided",),
    ("correct", "length", "equations", "duplicates", "cap"), ("cap", "unaided", "duplicates", "correct"),
)  # fmt: skip
ARGUMENTS = {"cap.most": 2, "length.most": 8, "length.least": 3}


@pytest.mark.parametrize("names", CHAINS, ids="-".join)
def test_the_sql_form_of_a_filter_decides_as_its_python_form(tmp_path: Path, names: tuple[str, ...]) -> None:
    store = Store(tmp_path / "r.duckdb")
    for seed in range(2):
        published(random.Random(seed), store)
    given = {key: value for key, value in ARGUMENTS.items() if key.partition(".")[0] in names}
    chain = Chain(names, given)
    in_python = [(candidate.trajectory_id, chain(candidate)) for candidate in candidates(store)]
    in_sql = [
        (trajectory, found if isinstance(found, str) else None)
        for trajectory, found in sifted_candidates(store, chain.judges(store))
    ]
    assert chain.is_sql
    assert len(in_sql) > 50
    assert in_sql == in_python
    assert any(reason is None for _, reason in in_sql)
    assert any(reason and not reason.startswith("failed") for _, reason in in_sql)
