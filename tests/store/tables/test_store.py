import json
import math
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from redraft.store import Grade, Problem, Question, Step, Store, Trajectory
from redraft.store.errors import QueryError, StoreError
from redraft.store.problems import Kind
from redraft.store.tables.runs import DatasetRow
from redraft.store.tables.schema.migrations import NEWEST
from redraft.store.trajectory import Role, Stop
from redraft.store.unit import Done, Unit, unit_id

MakeUnit = Callable[..., Unit]
MakeCall = Callable[..., Any]


def test_problems_come_back_whole_and_once(store: Store) -> None:
    one = Problem("What is 6 x 7?", "42", source="s", split="train", level=2, subject="x", meta={"solution": "6 7s"})
    two = Problem("Which?\nA) a\nB) b", "B", problem_id="s/2", source="s", kind=Kind.CHOICE, parent_id="p")
    assert store.add([one, two, one]) == 2
    assert store.add([two]) == 0
    assert sorted(store.problems(), key=lambda p: p.problem_id) == sorted([one, two], key=lambda p: p.problem_id)
    assert list(store.problems(split="train")) == [one]
    assert list(store.problems(source="other")) == []
    assert list(store.problems(ids=["s/2"])) == [two]
    assert len(list(store.problems(limit=1))) == 1


def test_a_corrected_key_counts_and_is_not_a_new_problem(store: Store) -> None:
    store.add([Problem("What is 6 x 7?", "41", source="s")])
    assert store.add([Problem("What is 6 x 7?", "42", source="s")]) == 0
    assert store.query("SELECT answer FROM problems").rows == [("42",)]


def test_a_known_id_with_another_question_is_refused(store: Store) -> None:
    store.add([Problem("What is 6 x 7?", "42", problem_id="s/1")])
    with pytest.raises(StoreError, match="'s/1' is in the store with another question: give the new one another id"):
        store.add([Problem("What is 6 x 8?", "48", problem_id="s/1")])


def test_a_unit_is_published_once(store: Store, make_unit: MakeUnit, make_call: MakeCall) -> None:
    unit = make_unit([[("1", False), ("2", True)], [("2", True)]], calls=[(make_call(), [{"text": "x"}])])
    store.publish([unit, unit])
    store.publish([unit])
    counts = "SELECT (SELECT count(*) FROM {}), (SELECT count(*) FROM {}), (SELECT count(*) FROM {})"
    assert store.query(counts.format("trajectories", "turns", "calls")).rows == [(2, 3, 1)]
    assert store.done("r", "") == {"p": Done(1, 2, "done")}
    assert store.done("r", "2026-01-01") == {}


def test_a_trajectory_is_a_row_with_its_last_draft(store: Store, make_unit: MakeUnit) -> None:
    store.publish([make_unit([[("1", False), ("2", True)]], texts=["Hm.\n"])])
    unit = unit_id("r", "p", "")
    assert store.query(
        "SELECT trajectory_id, run_id, problem_id, sample, role, leaf_step_id, turns, text, answer, correct, score,"
        " chosen, stop, tokens, oracle_used, unit_id, recipe, replicate FROM trajectories"
    ).rows == [
        (f"{unit}:0", "run", "p", 0, "sample", f"{unit}/0.0.0", 2, "Hm.\n", "2", True, None, False, "answered", 6,
         False, unit, "r", "")
    ]  # fmt: skip
    assert store.query("SELECT turn, leaf_step_id, answer, stop, feedback, correct FROM turns ORDER BY turn").rows == [
        (1, f"{unit}/0", "1", "answered", None, False),
        (2, f"{unit}/0.0.0", "2", "answered", "Try again.", True),
    ]
    assert store.query('SELECT step_id, depth, turn, "by" FROM steps ORDER BY depth').rows == [
        (f"{unit}/0", 1, 1, "model"),
        (f"{unit}/0.0", 2, 2, "oracle"),
        (f"{unit}/0.0.0", 3, 2, "model"),
    ]


def test_the_highest_attempt_is_shown_and_every_call_is(store: Store, make_unit: MakeUnit, make_call: MakeCall) -> None:
    unit = unit_id("r", "p", "")
    first, second = make_call(unit, 0), make_call(unit, 1)
    store.publish([make_unit([[("1", False)]], calls=[(first, [{"text": "a"}])])])
    store.publish(
        [make_unit([[("1", True)], [("2", False)]], attempt=2, calls=[(first, [{"text": "a"}]), (second, [])])]
    )
    assert store.query("SELECT sample, correct FROM trajectories ORDER BY sample").rows == [(0, True), (1, False)]
    assert store.query("SELECT count(*) FROM steps").rows == [(2,)]
    assert store.query("SELECT call_id, attempt FROM calls ORDER BY call_id").rows == [
        (f"{unit}-0", 1),
        (f"{unit}-1", 2),
    ]
    assert store.done("r", "") == {"p": Done(2, 2, "done")}


def test_answers_come_back_for_replay_exactly(store: Store, make_unit: MakeUnit, make_call: MakeCall) -> None:
    unit = unit_id("r", "p", "")
    answered = make_call(unit, 0, n=2, params={"temperature": 0.5, "stop": ["\n"]}, cost_usd=0.1, latency_ms=1 / 3)
    choices = [{"text": "it's \u00e9 \x00 \ud800", "logprobs": [-0.1, -math.inf]}, {"text": "", "logprobs": None}]
    store.publish([make_unit([[("1", True)]], calls=[(answered, choices), (make_call(unit, 2, error="timeout"), [])])])
    assert store.answers([unit]) == [(answered, choices)]
    assert [call.error for call, _ in store.calls([unit])] == [None, "timeout"]
    assert store.answers(["other"]) == store.answers([]) == []


def test_odd_numbers_and_texts_break_nothing(store: Store) -> None:
    unit = unit_id("r", "p", "")
    odd = "quote ' \" \\ null \x00 half \ud83d line\n\u2028 end"
    start = Trajectory(Question("p", "What?", unit=unit))
    paths = (
        start.grow(odd, 0, logprob=-math.inf, value=math.nan),
        Trajectory(start.question, sample=1, stop=Stop.FAILED, reason="it's down"),
        Trajectory(start.question, (Step("z", None, "k", 1, 1, "model", "t"),), 0, Role.SEARCH, score=math.inf),
    )
    grades = (Grade("likelihood", f"{unit}:0", 1, -math.inf, steps=(math.nan,)),)
    now = datetime.now(UTC)
    store.publish([Unit(unit, "run", "r", "p", "", 1, 2, "failed", paths, grades, (), now, now)])
    assert store.query("SELECT text, logprob, isnan(value) FROM steps ORDER BY text DESC LIMIT 1 OFFSET 1").rows == [
        (odd.replace("\ud83d", "?"), -math.inf, True)
    ]
    assert store.query(
        "SELECT trajectory_id, turns, stop, reason, score, text FROM trajectories ORDER BY sample, role"
    ).rows == [
        (f"{unit}:0", 1, None, None, None, odd.replace("\ud83d", "?")),
        ("z", 1, None, None, math.inf, "t"),
        (f"{unit}:1", 1, "failed", "it's down", None, ""),
    ]
    assert store.query(
        "SELECT step_id, value IS NULL, isfinite(value) FROM grades ORDER BY step_id NULLS FIRST"
    ).rows == [
        (None, False, False),
        (f"{unit}/0", False, False),
    ]


def test_step_values_that_fit_no_draft_are_refused(make_unit: MakeUnit) -> None:
    unit = make_unit([[("1", True)]])
    grade = Grade("prm", unit.trajectories[0].trajectory_id, 1, steps=(0.1, 0.2))
    with pytest.raises(ValueError, match=r"'prm' gave 2 step values for turn 1 of .*, which has 1 steps"):
        Unit(
            unit.unit_id,
            "run",
            "r",
            "p",
            "",
            1,
            1,
            "done",
            unit.trajectories,
            (grade,),
            (),
            unit.started_at,
            unit.finished_at,
        )


def test_runs_have_a_status(store: Store) -> None:
    killed = store.start_run("generate", "a", "greedy", "embedded", {"samples": 8})
    ended = store.start_run("generate", "a", "greedy", "embedded", {"bad": math.nan})
    running = store.start_run("generate", "b", "greedy", "embedded", {})
    store.end_run(ended, "finished", {"accuracy": 0.5})
    found = store.query(
        "SELECT run_id, recipe, status, facts, config, finished_at IS NULL FROM runs ORDER BY started_at"
    )
    assert found.rows == [
        (killed, "a", "interrupted", None, '{"samples": 8}', True),
        (ended, "a", "finished", '{"accuracy": 0.5}', '{"bad": null}', False),
        (running, "b", "running", None, "{}", True),
    ]


def test_an_export_says_where_its_rows_came_from(store: Store) -> None:
    rows = [DatasetRow(0, "u:0"), DatasetRow(None, "u:1", dropped_because="duplicate")]
    dataset = store.add_dataset("sft", {"max_tokens": 9}, rows, "run")
    assert store.query("SELECT dataset_id, format, filter, run_id FROM datasets").rows == [
        (dataset, "sft", '{"max_tokens": 9}', "run")
    ]
    assert store.query('FROM dataset_rows ORDER BY "row" NULLS LAST').rows == [
        (dataset, 0, "u:0", None, None),
        (dataset, None, "u:1", None, "duplicate"),
    ]


def test_everything_an_analyst_sees_says_what_it_is(store: Store) -> None:
    silent = "SELECT table_name, column_name FROM duckdb_columns() WHERE comment IS NULL AND NOT internal"
    assert store.query(silent).rows == []
    assert store.query("SELECT view_name FROM duckdb_views() WHERE comment IS NULL AND NOT internal").rows == []
    assert store.query("SELECT table_name FROM duckdb_tables() WHERE comment IS NULL").rows == []


def test_the_views_have_the_columns_that_are_promised(store: Store) -> None:
    promised = {
        "problems": "problem_id source split question answer level subject parent_id augmentation meta",
        "runs": "run_id stage recipe strategy model config started_at finished_at status version",
        "steps": "step_id run_id problem_id parent_id prefix_key depth turn by text final tokens logprob value visits"
        " call_id",
        "trajectories": "trajectory_id run_id problem_id sample role leaf_step_id turns text answer correct score"
        " chosen stop tokens oracle_used",
        "samples": "trajectory_id run_id problem_id sample role leaf_step_id turns text answer correct score"
        " chosen stop tokens oracle_used",
        "turns": "trajectory_id turn leaf_step_id answer stop feedback",
        "grades": "run_id trajectory_id step_id turn grader grader_model verdict value p_good p_neutral p_bad n lo hi"
        " reason call_id",
        "calls": "call_id run_id problem_id purpose model prompt_hash params prompt_tokens completion_tokens"
        " cached_tokens reasoning_tokens cost_usd latency_ms attempts finish_reason error",
        "datasets": "dataset_id format filter created_at",
        "dataset_rows": "dataset_id row trajectory_id step_id dropped_because",
    }
    found = {
        view: store.query(f"FROM {view} LIMIT 0").columns[: len(names.split())] for view, names in promised.items()
    }
    assert found == {view: names.split() for view, names in promised.items()}


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE raw.steps",
        "INSERT INTO raw.datasets VALUES ('a', 'b', NULL, now(), 'r')",
        "SELECT 1; DROP TABLE raw.steps",
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "SELECT * FROM read_text('{folder}/secret.txt')",
        "FROM '{folder}/secret.txt'",
        "ATTACH '{folder}/other.duckdb'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "FROM store",
    ],
)
def test_a_query_can_only_read(store: Store, tmp_path: Path, sql: str) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    with pytest.raises(QueryError):
        store.query(sql.format(folder=tmp_path))
    assert store.query("SELECT count(*) FROM raw.steps").rows == [(0,)]
    assert {file.name for file in tmp_path.iterdir()} == {"secret.txt", "redraft.duckdb"}


def test_a_query_in_error_says_what_would_be_right(store: Store) -> None:
    with pytest.raises(QueryError) as caught:
        store.query("SELECT anwser FROM trajectories")
    assert "\n" not in str(caught.value)
    assert '"answer"' in str(caught.value)


def test_results_have_names_types_and_formats(store: Store, tmp_path: Path) -> None:
    sql = "SELECT 1 AS a, 'x,\n\"y\"' AS b, NULL::DOUBLE AS c, [1, 2] AS d, DATE '2026-01-02' AS e"
    table = store.query(sql)
    assert (table.columns, table.types) == (list("abcde"), ["INTEGER", "VARCHAR", "DOUBLE", "INTEGER[]", "DATE"])
    with (tmp_path / "out.csv").open("w", newline="") as file:
        table.write_csv(file)
    assert (tmp_path / "out.csv").read_text() == 'a,b,c,d,e\n1,"x,\n""y""",,"[1, 2]",2026-01-02\n'
    assert json.loads(table.to_json()) == [{"a": 1, "b": 'x,\n"y"', "c": None, "d": [1, 2], "e": "2026-01-02"}]
    assert store.export_parquet(sql + " ; -- all", tmp_path / "out.parquet") == 1
    with duckdb.connect() as connection:
        found = connection.execute(f"FROM '{tmp_path}/out.parquet'")
        assert [str(kind) for _, kind, *_ in found.description or []] == table.types
        assert found.fetchall() == table.rows


def test_json_has_no_nan(store: Store) -> None:
    assert json.loads(store.query("SELECT 'nan'::DOUBLE AS a, 'inf'::DOUBLE AS b").to_json()) == [
        {"a": None, "b": None}
    ]


def test_a_parquet_export_writes_no_other_file(store: Store, tmp_path: Path) -> None:
    with pytest.raises(QueryError):
        store.export_parquet(f"SELECT 1) TO '{tmp_path}/other.csv'; COPY (SELECT 1", tmp_path / "out.parquet")
    assert not (tmp_path / "other.csv").exists()


def test_a_store_in_memory_does_the_same(make_unit: MakeUnit) -> None:
    with Store(":memory:") as store:
        assert store.add([Problem("q", "1")]) == 1
        store.publish([make_unit([[("1", True)]])])
        assert store.query("SELECT pass_at_k FROM pass_at_k").rows == [(1.0,), (1.0,)]
        with pytest.raises(QueryError, match="a query can only read"):
            store.query("DROP VIEW main.pass_at_k")
        with pytest.raises(QueryError, match="in memory writes no Parquet"):
            store.export_parquet("FROM pass_at_k", "out.parquet")
        assert store.add([Problem("q2", "1")]) == 1
        assert store.journal_path("r") is None


def test_a_newer_database_is_refused(store: Store) -> None:
    with duckdb.connect(store.path) as connection:
        connection.execute(f"INSERT INTO raw.migrations VALUES ({NEWEST + 1}, 'later', now()::TIMESTAMP)")
    with pytest.raises(StoreError, match=rf"\(schema {NEWEST + 1}; this one knows {NEWEST}\): upgrade redraft"):
        Store(store.path)


def test_an_empty_database_becomes_a_store(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "empty.duckdb")):
        pass
    assert Store(tmp_path / "empty.duckdb").query("SELECT max(number) FROM raw.migrations").rows == [(NEWEST,)]


def test_files_that_are_no_store_are_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.duckdb").write_text("hello " * 10_000)
    (tmp_path / "rows.jsonl").write_text('{"a": 1}\n')
    with duckdb.connect(str(tmp_path / "theirs.duckdb")) as connection:
        connection.execute("CREATE TABLE mine (a INTEGER)")
    for name, words in {
        "text.duckdb": "it is not a DuckDB database: name another file",
        "rows.jsonl": "it is not a DuckDB database: name another file",
        "theirs.duckdb": "it is a DuckDB database, but not one of redraft's: name another file",
        ".": "is a folder, but no store of redraft's",
        "nowhere/x.duckdb": "there is no folder .*nowhere': make it",
    }.items():
        with pytest.raises(StoreError, match=words) as caught:
            Store(tmp_path / name)
        assert "\n" not in str(caught.value)
    with pytest.raises(StoreError, match="no file is named: name one with --db"):
        Store("")
    with pytest.raises(StoreError, match=r"no database .*: run `redraft generate` or `redraft import` first"):
        Store(tmp_path / "none.duckdb", create=False)
    assert not (tmp_path / "none.duckdb").exists()


def test_a_folder_that_cannot_be_written_is_one_line() -> None:
    with pytest.raises(StoreError, match=r"^/proc/redraft\.duckdb can't be made .*--db$"):
        Store("/proc/redraft.duckdb")


def test_the_nouns_come_without_duckdb() -> None:
    code = "import sys, redraft.store.trajectory, redraft.store.sources.reader; sys.exit('duckdb' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_many_ids_find_what_few_do(store: Store) -> None:
    ids = [*(f"p{number}" for number in range(300)), "it's", 'a "b"\\', "ü\n"]
    store.add([Problem(f"What is {problem_id}?", problem_id=problem_id) for problem_id in ids])
    assert [problem.problem_id for problem in store.problems(ids=[*ids, "none"])] == sorted(ids)
    assert [problem.problem_id for problem in store.problems(ids=ids[-3:])] == sorted(ids[-3:])


def test_rows_come_one_by_one_and_then_the_store_is_free(store: Store) -> None:
    store.add([Problem(f"What is {number}?", problem_id=f"{number:04}") for number in range(5000)])
    rows = list(store.rows("SELECT problem_id, 1 AS a, 2 AS a FROM problems ORDER BY problem_id"))
    assert len(rows) == 5000
    assert rows[-1] == {"problem_id": "4999", "a": 1, "a_1": 2}
    with pytest.raises(QueryError, match="a query can only read"):
        list(store.rows("DELETE FROM raw.problems"))
    assert store.add([Problem("Another?")]) == 1
