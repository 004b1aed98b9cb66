"""What an analyst asks of a store that has been lived in: drafts of every kind, rollouts, people, failures. Each
question of docs/sql.md is asked of it, and each view by DuckDB 1.5 and by 2.0."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from redraft.flows.annotate import annotate
from redraft.flows.augment import augment
from redraft.flows.embedding.diversity import diversity
from redraft.flows.export import export
from redraft.flows.generate import generate
from redraft.llm.limits import Limits
from redraft.llm.usage import Prices
from redraft.store import Store
from redraft.store.errors import StoreError
from redraft.store.tables.collapse import Alarm, Indicator, ReferenceLoss, Watched
from redraft.store.tables.labels import Label
from redraft.store.tables.rounds import Round, TrainedModel

DOCS = Path(__file__).parents[3] / "docs" / "sql.md"
SOURCE = "builtin:split=train,levels=2-4,seed=2"
NEWER = "duckdb==2.0.0"
QUESTION = re.compile(r"^([^\n]+[?:.])\n\n```sql\n(.*?)^```$", re.MULTILINE | re.DOTALL)

ASK = """
import json, sys
import duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
connection.execute("SET threads = 1")
views = connection.execute("SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE NOT internal").fetchall()
asked = {name: f"FROM {name}" for (name,) in views} | json.load(sys.stdin)
found = {}
for name, sql in asked.items():
    try:
        found[name] = connection.execute(sql).fetchall()
    except duckdb.Error as error:
        found[name] = str(error)
print(json.dumps([duckdb.__version__, found], default=str))
"""
"""Asks every view of a store, and further questions, and prints what they say."""


def questions() -> dict[str, str]:
    """The questions of the page, in words and in SQL."""
    text = DOCS.read_text().partition("## Twenty questions\n")[2]
    return {match[1]: match[2] for match in QUESTION.finditer(text)}


@pytest.fixture(scope="module")
def lived_in(_caches: Path, tmp_path_factory: pytest.TempPathFactory, openai_protocol: ModuleType) -> Path:
    """A store with corrections, searches, rollouts, labels, an export, and a provider that fails."""
    folder = tmp_path_factory.mktemp("lived_in")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(_caches / "first"))
        db = folder / "redraft.duckdb"
        asyncio.run(_lived(db, openai_protocol))
        _labelled(Store(db))
        _self_trained(Store(db))
    return db


async def _lived(db: Path, protocol: ModuleType) -> None:
    common: dict[str, Any] = {"db": db, "max_tokens": 160}
    await generate(SOURCE, **common, samples=4, limit=4, arguments={"feedback": "oracle", "turns": 3})
    doubting = {"feedback": "likelihood", "turns": 2}
    await generate(SOURCE, **common, samples=2, limit=4, critic="model", arguments=doubting)
    await generate(SOURCE, **common, strategy="best_of_n", grader="prm", samples=4, limit=5)
    await generate(SOURCE, **common, strategy="mcts", limit=2, arguments={"iterations": 4})
    await augment(SOURCE, **common, methods=["fobar"], samples=2, limit=2)
    await diversity(db=db)
    await annotate(db=db, grader="rollout", where="strategy = 'best_of_n'", limit=2, arguments={"grader.rollouts": 4})
    server = await protocol.OpenAIServer().start()
    names = ["429+", None, "500", "429+", None, "400", "drop"]
    server.faults = [protocol.named(name, "0.01") if name else None for name in names]
    try:
        await generate(
            SOURCE,
            **common,
            model="tiny",
            api_base=server.url,
            strategy="best_of_n",
            grader="likelihood",
            samples=2,
            limit=4,
            concurrency=1,
            limits=Limits(wait_s=0.01),
            prices=Prices(1e-6, 2e-6),
        )
    finally:
        await server.stop()
    await export(db.with_suffix(".jsonl"), db=db)


def _self_trained(store: Store) -> None:
    """A round of self-training, and the model that it made."""
    store.note_round(Round(loop_id="loop", round=1, state="generated", method="rft", config={}, run_id="run"))
    store.note_model(TrainedModel(loop_id="loop", round=1, role="policy", model_id="model", name="embedded:out"))
    test = Alarm("references", 0.5, False, "loss on references 0.1 to 0.1", 0)
    watched = Watched([Indicator("pass_at_k", 1, value=0.5, problems=4)], [test], [ReferenceLoss("p", 9, 0.1)])
    store.note_watched("loop", 1, watched)


def _labelled(store: Store) -> None:
    """Ann and Bob say of the drafts of one run what they think."""
    drafts = store.query("""
        SELECT s.trajectory_id, s.correct, l.prefix_key FROM samples s JOIN runs r USING (run_id)
        JOIN steps l ON l.step_id = s.leaf_step_id AND l.unit_id = s.unit_id
        WHERE r.strategy = 'best_of_n' AND r.model = 'embedded' ORDER BY s.trajectory_id""").rows
    for number, (trajectory, correct, key) in enumerate(drafts):
        for person, verdict in (("ann", correct), ("bob", correct or number % 3 == 0)):
            said = ("right", None) if verdict else ("wrong", 1 if person == "ann" else None)
            store.label([Label(trajectory, 1, person, *said, None, key)])


@pytest.fixture(scope="module")
def answers(lived_in: Path) -> dict[str, Any]:
    """What every view and every question says by our DuckDB."""
    return _asked(lived_in, sys.executable, {})


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a Python that imports DuckDB 2.0."""
    folder = tmp_path_factory.mktemp("duckdb")
    uv = Path(sys.executable).with_name("uv")
    install = [uv, "pip", "install", "--quiet", "--python", sys.executable, "--target", folder, "--no-deps", NEWER]
    subprocess.run(install, check=True)
    return {"PYTHONPATH": str(folder)}


def _asked(db: Path, python: str, environment: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [python, "-c", ASK, db],
        input=json.dumps(questions()),
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    version, found = json.loads(done.stdout)
    return {"version": version, **found}


def _like(rows: list[list[Any]]) -> Any:
    """Rows in any order, their numbers up to what another order of adding makes of them."""
    shown = sorted(rows, key=_place)
    return [[pytest.approx(x, abs=1e-9) if isinstance(x, float) else x for x in row] for row in shown]


def _place(row: list[Any]) -> str:
    """Where a row stands among others: by everything but the last digits of its numbers."""
    return json.dumps([round(x, 3) if isinstance(x, float) else x for x in row])


def test_there_are_twenty_questions() -> None:
    assert len(questions()) == 20


@pytest.mark.parametrize("question", questions())
def test_each_question_has_an_answer(question: str, lived_in: Path) -> None:
    table = Store(lived_in).query(questions()[question])
    assert table.rows
    assert any(value is not None for column in zip(*table.rows, strict=True) for value in column)
    empty = [
        name for name, *values in zip(table.columns, *table.rows, strict=True) if not any(v is not None for v in values)
    ]
    assert empty == []


def test_duckdb_2_reads_every_view_and_answers_every_question_alike(
    lived_in: Path, answers: dict[str, Any], newer: dict[str, str]
) -> None:
    found = _asked(lived_in, sys.executable, newer)
    assert found.pop("version").startswith("2.0")
    ours = {name: rows for name, rows in answers.items() if name != "version"}
    assert {name: rows for name, rows in ours.items() if isinstance(rows, str)} == {}
    assert len(ours) > 50

    limited = {question for question, sql in questions().items() if "LIMIT" in sql}
    assert {name for name in limited if isinstance(found[name], str)} == set()
    for name in ours.keys() - limited:
        assert sorted(found[name], key=_place) == _like(ours[name]), name


def test_a_file_of_duckdb_2_is_refused_with_a_way_out(tmp_path: Path, newer: dict[str, str]) -> None:
    made = f"import duckdb; duckdb.connect({str(tmp_path / 'new.duckdb')!r}).execute('CREATE TABLE a AS SELECT 1')"
    subprocess.run([sys.executable, "-c", made], env=os.environ | newer, check=True)
    with pytest.raises(StoreError, match="COPY FROM DATABASE"):
        Store(tmp_path / "new.duckdb")


def test_every_view_shows_something(answers: dict[str, Any]) -> None:
    expected = {
        "raw.outlived",
    }  # a first draft with a later turn that failed: tests/store/tables/test_statistics.py has some
    assert {name for name, rows in answers.items() if not rows} - expected == set()


def test_samples_are_the_trajectories_that_strategies_drew(lived_in: Path) -> None:
    store = Store(lived_in)
    [(rollouts,)] = store.query("SELECT count(*) FROM trajectories WHERE role = 'rollout'").rows
    [(drawn,)] = store.query("SELECT count(*) FROM samples").rows
    [(total,)] = store.query("SELECT count(*) FROM trajectories").rows
    assert rollouts > 0
    assert drawn == total - rollouts
    assert store.query("FROM samples LIMIT 0").columns == store.query("FROM trajectories LIMIT 0").columns
    [moved] = store.query("""
        SELECT max(abs(a.rate - b.rate)) FROM (SELECT problem_id, avg(correct::INT) AS rate FROM samples GROUP BY ALL) a
        JOIN (SELECT problem_id, avg(correct::INT) AS rate FROM trajectories GROUP BY ALL) b USING (problem_id)""").rows
    assert moved[0] > 0


def test_what_was_cured_is_counted_by_its_kind(lived_in: Path) -> None:
    store = Store(lived_in)
    told = dict(store.query("SELECT kind, (errors, cured) FROM provider_errors").rows)
    assert told == {"HTTP 429": (2, 2), "HTTP 500": (1, 1), "HTTP 400": (1, 0), "broken connection": (1, 1)}
    [(calls, tries)] = store.query("SELECT DISTINCT calls, tries FROM provider_errors").rows
    assert store.query("SELECT count(*), sum(attempts) FROM calls WHERE model LIKE '%tiny%'").rows == [(calls, tries)]
    tries = store.query("SELECT failed_tries FROM calls WHERE error IS NULL AND failed_tries IS NOT NULL").rows
    assert sum(sum(json.loads(one).values()) for (one,) in tries) == 4


def test_the_critic_of_corrections_is_held_against_what_came_of_its_opinions(lived_in: Path) -> None:
    store = Store(lived_in)
    rows = store.query("SELECT decision, steps, holds, said FROM critic_quality WHERE strategy = 'correct'").rows
    found = {decision: counts for decision, *counts in rows}
    judged = store.query("""
        SELECT g.verdict, t.correct FROM grades g JOIN turns t USING (trajectory_id, turn)
        WHERE g.grader = 'critic' AND t.correct IS NOT NULL""").rows
    assert len(judged) > 0
    right = sum(correct for _, correct in judged)
    assert found["finished"] == [len(judged), right, sum(verdict == "right" for verdict, _ in judged)]


def test_a_right_answer_costs_what_its_calls_do(lived_in: Path) -> None:
    store = Store(lived_in)
    table = store.query("FROM cost_of_right")
    found = {row["recipe"]: row for row in (dict(zip(table.columns, r, strict=True)) for r in table.rows)}
    stages = "stage IN ('generate', 'augment')"  # augment has samples of the rewrites that it accepted alone
    recipes = store.query(f"SELECT DISTINCT recipe FROM runs SEMI JOIN samples USING (recipe) WHERE {stages}").rows
    assert set(found) == {recipe for (recipe,) in recipes}
    calls = store.query("SELECT recipe, completion_tokens, coalesce(cost_usd, 0) FROM calls").rows
    picks = store.query("SELECT recipe, problem_id, correct FROM trajectories WHERE chosen").rows
    for recipe, row in found.items():
        mine = [call for call in calls if call[0] == recipe]
        right = len({problem for name, problem, correct in picks if name == recipe and correct})
        assert (row["calls"], row["right_answers"]) == (len(mine), right)
        assert row["completion_tokens"] == sum(tokens for _, tokens, _ in mine)
        if right:
            assert row["calls_per_right"] == pytest.approx(len(mine) / right)
            assert row["completion_tokens_per_right"] == pytest.approx(sum(tokens for _, tokens, _ in mine) / right)
            assert row["usd_per_right"] == pytest.approx(sum(usd for *_, usd in mine) / right)


def test_tokens_of_all_days_are_those_of_all_runs(lived_in: Path) -> None:
    store = Store(lived_in)
    sums = (
        "SELECT model, sum(calls), sum(failed_calls), sum(prompt_tokens), sum(completion_tokens) FROM {} GROUP BY ALL"
    )
    assert sorted(store.query(sums.format("tokens_by_day")).rows) == sorted(store.query(sums.format("costs")).rows)
    [(first, last)] = store.query("SELECT min(answered_at), max(answered_at) FROM calls").rows
    [(begun, ended)] = store.query("SELECT min(started_at), max(finished_at) FROM runs").rows
    assert begun <= first <= last <= ended
