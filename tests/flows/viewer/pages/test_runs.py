"""The list of runs and the page of one."""

import json
from pathlib import Path

import pytest

from redraft.flows.viewer.address import Address, NotThere
from redraft.flows.viewer.pages.run import read as read_run
from redraft.flows.viewer.pages.runs import read
from redraft.flows.viewer.store_reader import Reader
from redraft.graders.statistics import wilson
from redraft.store import Store


def test_runs_have_the_accuracy_of_their_picks_and_what_they_cost(reader: Reader) -> None:
    runs = read(reader, Address("runs"))["runs"]
    assert [run["strategy"] for run in runs] == ["prm", "rest_mcts", "mcts", "best_of_n", "correct"]
    assert [run["started_at"] for run in runs] == sorted((run["started_at"] for run in runs), reverse=True)
    for run in runs:
        picks = reader.rows(f"FROM samples WHERE run_id = '{run['run_id']}' AND chosen")
        [calls] = reader.rows(
            "SELECT count(*) AS calls, sum(completion_tokens)::BIGINT AS tokens,"
            " sum(prompt_tokens)::BIGINT AS prompt_tokens"
            f" FROM calls WHERE run_id = '{run['run_id']}'"
        )
        assert {name: run[name] for name in calls} == calls
        if run["stage"] == "annotate":
            assert (run["accuracy"], run["picks"]) == (None, False)
            continue
        right = sum(pick["correct"] for pick in picks)
        assert run["accuracy"] == wilson(right, run["problems"])
        assert run["oracle_used"] == any(pick["oracle_used"] for pick in picks)


def test_a_unit_without_a_pick_is_wrong_and_an_undecided_one_counts_not(own: Path) -> None:
    store = Store(own)
    [(run_id, right)] = store.query(
        "SELECT run_id, count(*) FILTER (s.correct) FROM samples s JOIN runs USING (run_id) WHERE chosen AND"
        " strategy = 'best_of_n' GROUP BY ALL"
    ).rows
    [(unit,)] = store.query(
        f"SELECT unit_id FROM samples WHERE run_id = '{run_id}' AND chosen AND correct LIMIT 1"
    ).rows
    with store._database.open() as connection:
        commit = f"commit_id = (SELECT commit_id FROM raw.commits WHERE unit_id = '{unit}')"
        connection.execute(f"UPDATE raw.turns SET verdict = 'undecided' WHERE {commit}")
    [run] = [run for run in read(Reader(store), Address("runs"))["runs"] if run["run_id"] == run_id]
    assert run["accuracy"] == wilson(right - 1, 5)
    with store._database.open() as connection:  # pyright: ignore[reportPrivateUsage]
        connection.execute(f"UPDATE raw.turns SET chosen = false WHERE {commit}")
    [run] = [run for run in read(Reader(store), Address("runs"))["runs"] if run["run_id"] == run_id]
    assert run["accuracy"] == wilson(right - 1, 6)


def test_a_running_run_says_how_many_answers_wait_in_its_journal(own: Path) -> None:
    store = Store(own)
    store.start_run("generate", "new", "greedy", "m", {"source": "x"})
    journal = store.journal_path("new")
    assert journal
    journal.parent.mkdir()
    journal.write_text("{}\n{}\n{}\n")
    run = read(Reader(store), Address("runs"))["runs"][0]
    assert (run["status"], run["answered"], run["problems"], run["accuracy"]) == ("running", 3, 0, None)


def test_the_stamp_changes_with_the_store_and_with_a_journal(own: Path) -> None:
    store = Store(own)
    reader = Reader(store)
    stamps = [reader.stamp(), reader.stamp()]
    run_id = store.start_run("generate", "new", "greedy", "m", {})
    stamps.append(reader.stamp())
    journal = store.journal_path("new")
    assert journal
    journal.parent.mkdir()
    journal.write_text("{}\n")
    stamps.append(reader.stamp())
    journal.write_text("{}\n{}\n")
    stamps.append(reader.stamp())
    store.end_run(run_id, "finished")
    assert stamps[0] == stamps[1]
    assert len({*stamps, reader.stamp()}) == 5


def test_a_run_has_its_settings_its_calls_by_purpose_and_its_ends(reader: Reader) -> None:
    [mcts] = [run for run in read(reader, Address("runs"))["runs"] if run["strategy"] == "mcts"]
    found = read_run(reader, Address.of("run", id=mcts["run_id"]))
    settings = dict(found["settings"])
    assert (settings["strategy"], json.loads(settings["arguments.iterations"]), settings["critic"]) == (
        "mcts",
        6,
        "model",
    )
    assert "feedback" not in settings
    assert sum(row["calls"] for row in found["costs"]) == mcts["calls"]
    assert "propose" in {row["purpose"] for row in found["costs"]}
    [stored] = reader.rows(f"SELECT count(*) AS n FROM trajectories WHERE run_id = '{mcts['run_id']}'")
    assert sum(row["trajectories"] for row in found["ends"]) == stored["n"]


def test_a_run_that_is_not_there_is_told(reader: Reader) -> None:
    with pytest.raises(NotThere, match="no run 'x' in "):
        read_run(reader, Address.of("run", id="x"))
