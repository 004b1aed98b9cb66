"""demo, solve and doctor: what a person sees."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from redraft.store import Store

Redraft = Callable[..., subprocess.CompletedProcess[str]]

QUESTION = "Leo has 4 bags with 6 pens each. Then 5 pens get lost. How many pens does Leo have?"


def test_the_demonstration_twice_in_a_row(redraft: Redraft, tmp_path: Path) -> None:
    runs = [redraft("demo", "--limit", "4", "--samples", "3") for _ in range(2)]
    assert [run.returncode for run in runs] == [0, 0], runs[-1].stderr
    shown = runs[1].stdout
    assert max(map(len, shown.splitlines())) <= 100
    marks = [
        "problem 1", "draft 1", "→", "feedback", "The answer is wrong. Solve the problem again.", "draft 2",
        "first draft right", "oracle_used", "FROM pass_at_k", "FROM corrections", "--include-heldout",
        "for show only", "rows kept", "demo.sft.jsonl",
    ]  # fmt: skip
    places = [shown.find(mark) for mark in marks]
    assert -1 not in places, marks[places.index(-1)]
    with Store(tmp_path / "demo" / "demo.duckdb") as store:
        assert store.query("SELECT count(*), count(DISTINCT recipe) FROM trajectories").rows == [(12, 1)]
        kept = store.query("SELECT count(*) FROM dataset_rows WHERE dropped_because IS NULL").rows[0][0]
    assert len((tmp_path / "demo" / "demo.sft.jsonl").read_text().splitlines()) == kept


def test_the_demonstration_shows_a_judged_draft_before_it_has_run(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "redraft.flows.cli.main", "demo", "--limit", "4", "--samples", "3"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert any("✓ right" in line or "✗ wrong" in line for line in run.stdout)
        assert run.poll() is None
        rest = run.stdout.read()
    assert "What came of it" in rest


def test_a_question_is_solved_in_sight(redraft: Redraft) -> None:
    done = redraft("solve", QUESTION, "--answer", "19", "--set", "feedback=oracle", "--set", "turns=2")
    assert done.returncode == 0, done.stderr
    assert "draft 1" in done.stdout
    assert "critic    The model" in done.stdout
    assert "Answer: " in done.stdout
    assert "kept in redraft.duckdb" in done.stdout
    again = redraft("solve", QUESTION, "--answer", "19", "--set", "feedback=oracle", "--set", "turns=2")
    assert again.stdout == done.stdout
    spent = "SELECT count(*) AS calls, count(DISTINCT unit_id) AS units, count(DISTINCT call_id) AS ids FROM calls"
    [row] = json.loads(redraft("query", spent, "--json").stdout)
    assert row["calls"] == row["ids"]
    assert row["units"] == 1


@pytest.mark.parametrize("strategy", ["greedy", "best_of_n", "self_consistency"])
def test_every_strategy_solves_a_question(redraft: Redraft, strategy: str) -> None:
    done = redraft("solve", QUESTION, "--strategy", strategy, "--no-store")
    assert done.returncode == 0, done.stderr
    assert "draft 1" in done.stdout
    assert "Answer: " in done.stdout


def test_a_question_for_scripts_leaves_nothing(redraft: Redraft, tmp_path: Path) -> None:
    done = redraft("solve", QUESTION, "--no-store", "--json", "--set", "turns=1")
    found = json.loads(done.stdout)
    assert (done.returncode, found["turns"], found["verdict"], found["failed"], found["db"]) == (0, 1, None, None, None)
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_finds_all_well(redraft: Redraft) -> None:
    redraft("generate", "builtin:levels=1", "--limit", "2", "--samples", "1", "--max-tokens", "40")
    done = redraft("doctor")
    assert done.returncode == 0, done.stdout
    assert "All is well." in done.stdout
    findings = json.loads(redraft("doctor", "--json").stdout)
    says = {finding["about"]: finding["says"] for finding in findings}
    assert says["model"].startswith("embedded answers: ")
    assert says["abilities"] == (
        "several samples a call, seeds, log-probabilities, stop strings, saying which, temperature,"
        " going on from a draft (native), top-p, top-k, min-p, beam search over tokens; worked around: JSON schemas"
    )
    assert "2 problems, 2 trajectories" in says["store"]
    assert (says["runs"], says["units"]) == ("1 finished", "2 done")
    assert says["oracle"] == r"Math-Verify finds that \frac{x}{2} is 0.5x"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("--model", "openai/none", "--api-base", "http://127.0.0.1:9/v1"),
            "✗ model     openai/none does not answer: No",
        ),
        (("--db", "text.duckdb"), "✗ store     text.duckdb: it is not a DuckDB database"),
    ],
)
def test_the_doctor_finds_what_is_wrong(
    redraft: Redraft, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    (tmp_path / "text.duckdb").write_text("not a database at all\n" * 1000)
    done = redraft("doctor", *arguments)
    assert done.returncode == 1
    assert says in done.stdout
    assert "1 thing wrong" in done.stdout


def test_the_doctor_does_not_wait_for_ever_for_a_store(redraft: Redraft, tmp_path: Path) -> None:
    Store(tmp_path / "redraft.duckdb").close()
    code = "import duckdb; held = duckdb.connect('redraft.duckdb'); print('held', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        done = redraft("doctor")
        holder.kill()
    assert done.returncode == 1
    assert f"held by another process (process {holder.pid}) for more than 5 s: try again, or close" in done.stdout


def test_the_doctor_tells_of_a_killed_run_and_its_cure(redraft: Redraft, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "redraft.flows.cli.main",
        "generate",
        "--limit",
        "200",
        "--concurrency",
        "4",
        "--json",
    ]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        assert any('"unit"' in line for line in run.stderr)
        alive = redraft("doctor").stdout
        run.kill()
    assert "1 running" in alive
    assert "ended without a word" not in alive
    dead = redraft("doctor").stdout
    assert "1 run ended without a word, killed or cut off -> give the same command again" in dead
    assert "All is well" not in dead


def test_several_drafts_of_a_question_are_numbered_and_shown_once(redraft: Redraft) -> None:
    done = redraft("solve", QUESTION, "--samples", "2", "--set", "turns=1", "--no-store")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("draft 1") == 2
    assert done.stdout.count("sample 1 of 2") == done.stdout.count("sample 2 of 2") == 2, "its steps, its answer"
    assert done.stdout.count("the embedded model knows its own kind of word problems only") == 1


def test_the_demonstration_says_how_redraft_becomes_a_command(redraft: Redraft) -> None:
    shown = redraft("demo", "--limit", "1", "--samples", "1", env={"PATH": "/nowhere"}).stdout
    assert ("source " in shown) == (sys.prefix != sys.base_prefix)
    assert "1 problem, 1 independent sample each" in shown
