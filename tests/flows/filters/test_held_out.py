"""Held-out problems: no filter run, export or training takes them by itself, and `evaluate` none that training drew."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import datasets
import pytest
from click.testing import CliRunner

from redraft.flows.cli.main import cli
from redraft.flows.evaluate import evaluate
from redraft.flows.export import EmptyExport, export
from redraft.flows.filter import filter
from redraft.flows.formats.format import default_filters, filtered_by
from redraft.flows.formats.sft import sft
from redraft.flows.generate import generate
from redraft.flows.settings import Settings
from redraft.flows.train import train
from redraft.llm.model import ModelError
from redraft.llm.providers.embedded.training.examples import ExampleError
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store
from redraft.store.errors import SourceError

Redraft = Callable[..., subprocess.CompletedProcess[str]]
Adder = Callable[..., Scripted]
TINY = ("generate", "--limit", "2", "--samples", "2", "--max-tokens", "60")


def asks(number: int, **facts: object) -> Problem:
    return Problem(f"What is {number} + {number}?", str(2 * number), **{"source": "sums", **facts})  # type: ignore[arg-type]


@pytest.fixture
async def store(tmp_path: Path) -> Store:
    """Two right drafts of each of six problems: one of the training split, one with no split, one of a test split, one
    made from that, one that asks the same as it in another file, one for validation."""
    tested = asks(3, split="Test")
    problems = [
        asks(1, split="train"), asks(2), tested, asks(4, parent_id=tested.problem_id, augmentation="rephrased"),
        Problem("what is  3 + 3?", "6", source="copy", split="train"), asks(6, split="validation"),
    ]  # fmt: skip
    store = Store(tmp_path / "redraft.duckdb")
    model = Scripted(lambda request, index: f"It is {2 * int(re.findall('[0-9]+', request.messages[0].content)[0])}.")
    await generate(problems, db=store, model=model, strategy="best_of_n", samples=2)
    return store


async def test_every_dataset_leaves_out_held_out_problems_and_says_so(store: Store, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    for found in (
        await filter(db=store),
        await export(rows, db=store),
        await export(tmp_path / "own.jsonl", db=store, filters=["correct", "duplicates"]),
    ):
        assert (found.kept, found.held_out, dict(found.dropped)) == (2, 8, {"duplicate": 2})
    assert found.one_line().startswith("2 kept, 8 trajectories held out, 2 dropped (2 duplicate): ")
    assert json.loads(found.to_json())["held_out"] == 8
    asked = [json.loads(line)["prompt"][0]["content"] for line in rows.read_text().splitlines()]
    assert sorted(asked) == ["What is 1 + 1?", "What is 2 + 2?"]
    why = (
        "SELECT dropped_because, count(*) FROM dataset_rows WHERE dropped_because LIKE 'held out%' AND dataset_id ="
        f" '{found.dataset_id}' GROUP BY ALL ORDER BY ALL"
    )
    assert store.query(why).rows == [
        ("held out: asks what a problem of split Test asks", 2),
        ("held out: made from a problem of split Test", 2),
        ("held out: of split Test", 2),
        ("held out: of split validation", 2),
    ]


async def test_include_heldout_takes_them_and_marks_each_row(store: Store, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    found = await export(rows, db=store, include_heldout=True)
    assert (found.kept, found.held_out) == (6, 0)
    loaded = datasets.load_dataset("json", data_files=str(rows), split="train", cache_dir=str(tmp_path / "cache"))
    assert sorted(map(str, loaded["split"])) == ["None", "None", "Test", "train", "train", "validation"]
    [[spec]] = store.query("SELECT filter FROM datasets").rows
    assert json.loads(spec)["include_heldout"] is True


def test_what_is_generated_by_default_may_be_trained_on_and_what_is_evaluated_is_held_out(redraft: Redraft) -> None:
    assert redraft(*TINY).returncode == 0
    assert (
        redraft("evaluate", "--limit", "2", "--samples", "1", "--baseline", "0", "--max-tokens", "60").returncode == 0
    )
    splits = redraft("query", "--json", "SELECT split, count(*) AS problems FROM problems GROUP BY ALL ORDER BY ALL")
    assert json.loads(splits.stdout) == [{"split": "heldout", "problems": 2}, {"split": "train", "problems": 2}]
    found = json.loads(redraft("filter", "--filter", "split", "--json").stdout)
    assert (found["kept"] + sum(found["dropped"].values()), found["held_out"]) == (4, 2)
    both = json.loads(redraft("filter", "--filter", "length", "--include-heldout", "--json").stdout)
    assert (both["kept"] + sum(both["dropped"].values()), both["held_out"]) == (6, 0)


async def test_a_store_of_held_out_problems_alone_is_told_with_its_cure(tmp_path: Path, adder: Adder) -> None:
    store = Store(tmp_path / "r.duckdb")
    await generate([asks(3, split="dev")], db=store, model=adder(lambda *_: True), samples=1)
    assert (await filter(db=store)).one_line().endswith("or include these with --include-heldout")


async def test_evaluate_draws_nothing_that_an_export_has_taken(store: Store, tmp_path: Path, adder: Adder) -> None:
    model, few = adder(lambda *_: True), Settings(samples=1)
    problems = [asks(number) for number in (1, 2, 5)]
    given = {"strategies": ["best_of_n samples=2"], "models": [model], "db": store, "settings": few, "baseline": 0}
    await filter(db=store)
    assert (await evaluate(problems[:2], **given)).asked == 2, "a filter run is no export"
    await export(tmp_path / "rows.jsonl", db=store)
    found = await evaluate([*problems, asks(7, split="train")], limit=2, **given)
    assert (found.asked, found.taken, found.of_training) == (2, 2, 1), "as many as asked for, of those that are left"
    assert "2 problems left out: an export of this store has them as training data." in found.remarks
    assert any(text.startswith("1 of 2 problems are of a training split") for text in found.remarks)
    with pytest.raises(SourceError, match=r"every problem is in a dataset that was exported from .*: name problems"):
        await evaluate(problems[:2], **given)


async def test_training_leaves_out_rows_of_held_out_problems(store: Store, tmp_path: Path) -> None:
    """Without PyTorch, which comes after the rows: a training that has none left says so."""
    marked, unmarked, told = tmp_path / "marked.jsonl", tmp_path / "unmarked.jsonl", []
    row = {"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "#### 2"}]}
    marked.write_text(json.dumps({**row, "split": "heldout"}) + "\n")
    question = {"role": "user", "content": "what is 3 + 3?"}
    unmarked.write_text(json.dumps({"prompt": [question], "completion": row["messages"][1:]}) + "\n")
    for file, db in ((marked, tmp_path / "none.duckdb"), (unmarked, store)):
        place = store if db is store else None
        with pytest.raises(ExampleError, match="every row is of a held-out problem: export rows of the training split"):
            await train([file], tmp_path / "out", db=place, say=told.append)
    assert told == ["left out: 1 row of held-out problems; --include-heldout learns from them all the same"] * 2
    try:
        import torch  # noqa: F401 # pyright: ignore[reportMissingImports]
    except ImportError:
        with pytest.raises(ModelError, match="Training needs PyTorch"):
            await train([unmarked], tmp_path / "out", db=store, include_heldout=True)


def test_rows_go_to_standard_output_and_all_else_to_standard_error(redraft: Redraft, tmp_path: Path) -> None:
    assert redraft(*TINY).returncode == 0
    assert redraft("export", "rows.jsonl", "--filter", "length").returncode == 0
    done = redraft("export", "-", "--filter", "length")
    assert (done.returncode, done.stdout) == (0, (tmp_path / "rows.jsonl").read_text())
    assert done.stderr.startswith(f"{len(done.stdout.splitlines())} kept, ")
    assert not (tmp_path / "-").exists()
    as_json = redraft("export", "-", "--filter", "length", "--json")
    assert json.loads(as_json.stderr)["file"] == "-"
    files = json.loads(redraft("query", "--json", "SELECT filter->>'file' AS file FROM datasets").stdout)
    assert [row["file"] for row in files] == ["rows.jsonl", "-", "-"]


async def test_a_reader_that_has_seen_enough_ends_an_export_quietly(store: Store, tmp_path: Path) -> None:
    own = tmp_path / "long.py"
    own.write_text("def long():\n    return lambda candidate: {'text': 'x' * 200_000}\n")
    redraft = f"{sys.executable} -m redraft.flows.cli.main"
    command = f"{redraft} export - --format long.py:long | head -c 10; echo ${{PIPESTATUS[0]}}"
    run = await asyncio.create_subprocess_exec("bash", "-c", command, cwd=tmp_path, stdout=-1, stderr=-1)
    out, err = await run.communicate()
    assert (out, err) == (b'{"text": "0\n', b"")
    assert store.query("FROM datasets").rows == [], "what nobody read is no dataset"


def test_each_format_has_its_own_filters_and_help_tells_them() -> None:
    assert default_filters(sft) == ("correct", "length", "equations", "duplicates", "cap")
    assert default_filters(filtered_by("length")(lambda: sft())) == ("length",)
    told = " ".join(CliRunner().invoke(cli, ["export", "--help"]).output.split())
    unfiltered = "atif, inspect_ai, mended, prm, prompts, question_pairs, questions, rise, score, step_weights, value"
    assert f"({unfiltered}: none; best_worst: length; dpo, kto, orm:" in told
    assert "messages: correct length equations cap; sft: correct length equations duplicates cap" in told
    there = "atif, best_worst, dpo, inspect_ai, kto, mended, messages, orm, prm, prompts, question_pairs, questions"
    assert f"Available: {there}, rise, score, sft, step_weights, value." in told
    told = " ".join(CliRunner().invoke(cli, ["filter", "--help"]).output.split())
    shipped = "agreement, answered, cap, chosen, contaminated, correct, difficulty, diversity, duplicates, equations"
    assert (
        f"Available: {shipped}, language, length, loops, near_duplicates, same_meaning, score, split, unaided." in told
    )
    assert "Default: correct, length, equations, duplicates, cap." in told


async def test_rise_keeps_wrong_drafts_by_itself(tmp_path: Path, adder: Adder) -> None:
    store = Store(tmp_path / "r.duckdb")
    arguments = {"feedback": "fixed", "turns": 2}
    await generate([asks(1)], db=store, model=adder(lambda *_: False), samples=1, arguments=arguments)
    assert (await export(tmp_path / "rise.jsonl", db=store, format="rise")).kept == 2
    with pytest.raises(EmptyExport, match=r"1 dropped \(1 wrong answer\)"):
        await export(tmp_path / "sft.jsonl", db=store)
