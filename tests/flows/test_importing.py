"""`redraft import`: other people's labelled solutions, as they were written and rated."""

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.export import export
from redraft.flows.generate import generate
from redraft.flows.importing import importing
from redraft.store import Store
from redraft.store.errors import PartError, SourceError

Redraft = Callable[..., subprocess.CompletedProcess[str]]


def step(*completions: tuple[str, int | None], chosen: int | None = 0, human: Any = None) -> dict[str, Any]:
    listed = [{"text": text, "rating": rating, "flagged": False} for text, rating in completions]
    return {"completions": listed or None, "human_completion": human, "chosen_completion": chosen}


def labelled(*steps: dict[str, Any], finish: str = "solution", **facts: Any) -> dict[str, Any]:
    asked = {"problem": "What is 3 + 4?", "ground_truth_solution": "3 + 4 = 7.", "ground_truth_answer": "7"}
    return {
        "labeler": "ann",
        "is_quality_control_question": False,
        "is_initial_screening_question": False,
        "question": {**asked, **facts.pop("asked", {})},
        "label": {"steps": list(steps), "total_time": 1, "finish_reason": finish},
        **facts,
    }


@pytest.fixture
def kept(tmp_path: Path) -> Callable[..., Any]:
    """Imports these rows into a store of the test's own: the store, and what was found."""

    async def keep(rows: Sequence[Any], format: str, **settings: Any) -> tuple[Store, Any]:
        file = tmp_path / "rows.jsonl"
        file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        store = Store(tmp_path / "redraft.duckdb")
        return store, await importing(file, format=format, db=store, **settings)

    return keep


PATHS = """
SELECT t.text, t.stop, t.answer, t.role FROM trajectories t ORDER BY len(t.text) DESC, t.text"""
STEPS = """
SELECT s.text, g.value, g.p_good, g.p_neutral, g.p_bad, g.grader, g.grader_model
FROM grades g JOIN steps s USING (step_id) WHERE g.trajectory_id = (
    SELECT trajectory_id FROM trajectories ORDER BY len(text) DESC LIMIT 1) ORDER BY s.depth"""


async def test_phase_1_is_the_chosen_path_and_each_other_completion_after_it(kept) -> None:
    row = labelled(
        step(("I add.", 1), ("I guess.", -1), chosen=0),
        step(("It may be 7.", 0), ("It is 8.", -1), ("It is nine.", None), chosen=0),
        step(chosen=None, human="So # Answer\n\n7"),
    )
    store, found = await kept([row], "prm800k")
    assert (found.rows, found.trajectories) == (1, 4)  # and not the 1 x 3 x 2 x 1 of all combinations
    assert store.query(PATHS).rows == [
        ("I add.\nIt may be 7.\nSo # Answer\n\n7", "answered", "7", "search"),
        ("I add.\nIt is nine.\n", None, None, "search"),
        ("I add.\nIt is 8.\n", None, None, "search"),
        ("I guess.\n", None, None, "search"),
    ]
    assert store.query(STEPS).rows == [
        ("I add.\n", 1.0, 1.0, 0.0, 0.0, "human", "ann"),
        ("It may be 7.\n", 1.0, 0.0, 1.0, 0.0, "human", "ann"),
        ("So # Answer\n\n7", None, None, None, None, "human", "ann"),
    ]
    assert store.query("SELECT count(*), count(DISTINCT step_id) FROM steps").rows == [(6, 6)]
    [problem] = store.problems()
    assert (problem.question, problem.answer, problem.source) == ("What is 3 + 4?", "7", "prm800k")


async def test_neutral_counts_as_one_says(kept) -> None:
    row = labelled(step(("I look.", 0)), step(("It is 7.", 1)))
    for neutral, value in (("positive", 1.0), ("negative", 0.0)):
        store, _ = await kept([row], "prm800k", neutral=neutral, source=neutral)
        sql = f"""SELECT g.value FROM grades g JOIN steps s USING (step_id) JOIN problems p
                  ON p.problem_id = s.problem_id WHERE p.source = '{neutral}' ORDER BY s.depth"""
        assert store.query(sql).rows == [(value,), (1.0,)]


async def test_phase_2_goes_on_unrated_after_its_first_mistake(kept) -> None:
    asked = {"pre_generated_steps": ["I add.", "It is 8.", "# Answer\n\n8"], "pre_generated_answer": "8"}
    row = labelled(step(("I add.", 1)), step(("It is 8.", -1), chosen=None), finish="found_error", asked=asked)
    store, found = await kept([row], "prm800k")
    assert (found.trajectories, found.steps) == (1, 2)
    assert store.query(PATHS).rows == [("I add.\nIt is 8.\n# Answer\n\n8", "answered", "8", "search")]
    assert [row[:2] for row in store.query(STEPS).rows] == [
        ("I add.\n", 1.0),
        ("It is 8.\n", 0.0),
        ("# Answer\n\n8", None),
    ]


async def test_rows_that_are_left_out_are_counted(kept) -> None:
    good = labelled(step(("It is 7.", 1)))
    rows = [
        good,
        good,
        {**good, "is_quality_control_question": True},
        {**good, "is_initial_screening_question": True},
        labelled(finish="give_up"),
        labelled(finish="bad_problem"),
    ]
    store, found = await kept(rows, "prm800k")
    assert found.rows == 1
    assert found.dropped == {
        "the same row twice": 1,
        "quality control": 1,
        "screening": 1,
        "the labeller gave up": 1,
        "the problem is bad": 1,
    }
    await kept([good], "prm800k")
    assert store.query("SELECT count(*) FROM trajectories").rows == [(1,)]


QUESTION = "Ann has 3 pens and buys 4. How many? "


async def test_math_shepherd_is_labelled_by_rollouts(kept) -> None:
    text = "Step 1: 3 + 4 = 7 ки\nStep 2: She has 8. The answer is: 8 ки"
    signs = "Step 1: 3 + 4 = 7 +\nStep 2: She has 8. The answer is: 8 -"
    row = {"input": QUESTION + text, "label": QUESTION + signs, "task": "GSM8K"}
    bad = [
        {**row, "input": row["input"] + " Step 1: again ки"},
        {**row, "label": QUESTION + text},
        {**row, "input": row["input"].removesuffix("ки")},
    ]
    store, found = await kept([row, *bad], "math_shepherd")
    assert (found.rows, found.steps) == (1, 2)
    assert found.dropped == {
        "not exactly one 'Step 1:'": 1,
        "the labels do not stand where the tags do": 1,
        "no tag at the end of a step": 1,
    }
    assert store.query(PATHS).rows == [
        ("Step 1: 3 + 4 = 7\nStep 2: She has 8. The answer is: 8", "answered", "8", "sample")
    ]
    assert [row[1:2] + row[5:] for row in store.query(STEPS).rows] == [
        (1.0, "rollout", "math-shepherd"),
        (0.0, "rollout", "math-shepherd"),
    ]
    [problem] = store.problems()
    assert (problem.question, problem.answer) == (QUESTION.strip(), None)


async def test_chats_are_turns_with_labels(kept) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is 3 + 4?"},
        {"role": "assistant", "content": "I add.\n\nThe answer is 8."},
        {"role": "user", "content": "Check it."},
        {"role": "assistant", "content": "I add again.\n\nThe answer is 7."},
    ]
    row = {"messages": messages, "label": "right", "step_labels": [1, 0], "labeler": "bob", "answer": 7}
    store, found = await kept([row], "chats")
    assert (found.rows, found.trajectories, found.steps) == (1, 1, 2)
    assert store.query("SELECT turn, text, answer, feedback FROM turns ORDER BY turn").rows == [
        (1, "I add.\n\nThe answer is 8.", "8", None),
        (2, "I add again.\n\nThe answer is 7.", "7", "Check it."),
    ]
    grades = "SELECT turn, verdict, value FROM grades WHERE grader = 'human' AND step_id IS NULL"
    assert store.query(grades).rows == [(2, "right", 1.0)]
    [problem] = store.problems()
    assert (problem.answer, problem.meta["system"]) == ("7", "Be brief.")


async def test_process_data_in_trls_columns(kept) -> None:
    row = {"prompt": "What is 3 + 4?", "completions": ["I add.", "The answer is 7."], "labels": [True, False]}
    store, found = await kept([row, {"prompt": "And 1 + 1?", "completion": "It is 2.", "label": False}], "chats")
    assert (found.rows, found.steps) == (2, 2)
    assert store.query("SELECT text FROM trajectories ORDER BY len(text) DESC").rows == [
        ("I add.\n\nThe answer is 7.",),
        ("It is 2.",),
    ]
    assert [row[:2] for row in store.query(STEPS).rows] == [("I add.\n\n", 1.0), ("The answer is 7.", 0.0)]
    verdicts = "SELECT verdict FROM grades WHERE step_id IS NULL AND verdict IS NOT NULL"
    assert store.query(verdicts).rows == [("wrong",)]


async def test_bad_rows_are_told_with_their_line(kept) -> None:
    asked = [{"role": "user", "content": "Why?"}]
    said = [*asked, {"role": "assistant", "content": "So."}]
    for format, row, words in (
        ("prm800k", {"question": {}}, "no field 'label' among question, which has to be an object"),
        ("math_shepherd", {"input": "So"}, "no field 'label' among input, which has to be a text"),
        ("chats", {"text": "So"}, "it needs 'messages', or 'prompt' and 'completion'"),
        ("chats", {"messages": asked}, "the messages must take turns"),
        ("chats", {"messages": said, "label": "fine"}, "label='fine' is none of true, false"),
        ("chats", {"messages": said, "step_labels": [1, 1]}, "2 labels for 1 step"),
        ("chats", {"messages": said, "step_labels": [7]}, "the step label 7 is none of"),
    ):
        with pytest.raises(SourceError, match=rf"rows\.jsonl, line 1: .*{words}.*--skip-bad"):
            await kept([row], format)
        _, found = await kept([row], format, skip_bad=True)
        assert (found.rows, found.dropped) == (0, {"bad row": 1})
    with pytest.raises(PartError, match="no reader 'json'; there are atif, chats, inspect_ai, math_shepherd, openr1,"):
        await kept([], "json")


@pytest.mark.parametrize("format", ["sft", "messages", "rise", "mended"])
async def test_what_redraft_exports_is_imported_again(format: str, tmp_path: Path) -> None:
    """In its default style: `prompt` and `completion` are lists of messages."""
    store, file = Store(tmp_path / "redraft.duckdb"), tmp_path / "rows.jsonl"
    await generate("builtin:levels=1", db=store, limit=12, samples=4, arguments={"feedback": "oracle"})
    exported = await export(file, db=store, format=format)
    assert exported.kept > 0
    found = await importing(file, format="chats", db=tmp_path / "again.duckdb")
    assert (found.rows + found.dropped.get("the same row twice", 0), found.trajectories) == (exported.kept, found.rows)
    answers = Store(tmp_path / "again.duckdb").query("SELECT count(*) FROM trajectories WHERE answer IS NOT NULL").rows
    assert answers == [(found.rows,)]


async def test_a_reader_of_ones_own_is_a_function(kept, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    store, found = await kept([{"q": "1 + 1?", "a": "It is 2."}], f"{tmp_path / 'own.py'}:pairs")
    assert (found.rows, found.trajectories) == (1, 1)
    assert store.query("SELECT source, question FROM problems").rows == [("pairs", "1 + 1?")]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("return [1]", "reader 'own.py:pairs' returned a list of 1, [1]: it must return an Imported"),
        ("return row['b']", "reader 'own.py:pairs' failed: KeyError: 'b' (own.py, line 2)"),
    ],
)
async def test_a_reader_of_ones_own_that_breaks_is_one_line(kept, tmp_path: Path, body: str, says: str) -> None:
    (tmp_path / "own.py").write_text(f"def pairs(row, context):\n    {body}\n")
    with pytest.raises(PartError) as error:
        await kept([{"a": 1}], f"{tmp_path / 'own.py'}:pairs")
    assert str(error.value) == says


OWN = """
from redraft.flows.readers.reader import Imported, problem_of, written

def pairs(row, context):
    problem = problem_of(context, row["q"])
    found = Imported(problem)
    found.add(written(problem.ask(context.unit), [row["a"]]))
    return found
"""


async def test_a_large_file_loses_nothing_between_batches(kept) -> None:
    rows = [{"prompt": f"What is {n} + 1?", "completion": f"It is {n + 1}.", "label": True} for n in range(2500)]
    store, found = await kept(rows, "chats")
    assert found.rows == 2500
    assert store.query("SELECT count(*) FROM trajectories").rows == [(2500,)]
    _, found = await kept(rows, "chats", limit=10, source="few")
    assert found.rows == 10


@pytest.mark.parametrize(
    ("name", "given", "split"),
    [
        ("gsm8k_test.jsonl", None, "test"),
        ("phase2_train.jsonl", None, "train"),
        ("logs.jsonl", None, None),
        ("gsm8k_test.jsonl", "mine", "mine"),
    ],
)
async def test_the_split_is_that_of_the_files_name(
    name: str, given: str | None, split: str | None, tmp_path: Path
) -> None:
    (tmp_path / name).write_text('{"prompt": "1 + 1?", "completion": "It is 2."}\n')
    store = Store(tmp_path / "redraft.duckdb")
    await importing(tmp_path / name, format="chats", db=store, split=given)
    assert store.query("SELECT split FROM problems").rows == [(split,)]


@pytest.mark.parametrize("ending", ["jsonl", "json"])
async def test_half_a_character_is_named_by_its_field(ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"rows.{ending}"
    row = '{"messages": [{"role": "user", "content": [{"text": "\\ud800"}]}]}'
    file.write_text(row if ending == "jsonl" else f"[{row}]")
    with pytest.raises(SourceError, match=r"1: the messages\.content\.text holds half a character"):
        await importing(file, format="chats", db=tmp_path / "redraft.duckdb")


def test_the_command(redraft: Redraft, tmp_path: Path) -> None:
    (tmp_path / "logs.jsonl").write_text('{"prompt": "What is 1 + 1?", "completion": "It is 2.", "label": true}\n')
    done = redraft("import", "logs.jsonl", "--format", "chats")
    first, note = done.stdout.splitlines()
    assert first == "1 row, 1 trajectory, 0 rated steps: kept in redraft.duckdb"
    assert note.startswith(
        "the oracle judged none of these drafts, so that sft, dpo and kto drop them: take values of human"
    )
    done = redraft("annotate", "--grader", "oracle")
    assert "1 the key of this problem is not known" in done.stdout


def test_a_repeated_import_says_how_many_rows_are_new(redraft: Redraft, tmp_path: Path) -> None:
    rows = [json.dumps({"prompt": f"{n} + 4?", "chosen": f"It is {n + 4}.", "rejected": "It is 0."}) for n in range(3)]
    command = ("import", "pairs.jsonl", "--format", "preferences")
    (tmp_path / "pairs.jsonl").write_text("\n".join(rows[:2]))
    assert redraft(*command).stdout.splitlines()[0].endswith("kept in redraft.duckdb")
    (tmp_path / "pairs.jsonl").write_text("\n".join(rows))
    assert redraft(*command).stdout.splitlines()[0].endswith("kept in redraft.duckdb (1 new, 2 there before)")
    found = json.loads(redraft(*command, "--json").stdout)
    assert (found["kept"], found["known"]) == (3, 3)


async def test_imported_drafts_stay_in_the_order_of_their_file(kept, tmp_path: Path) -> None:
    texts = [f"{word} 3 + 4 = 7. #### 7" for word in ("So", "Well,", "Then", "Now", "Thus", "Here", "Look:", "Yes,")]
    rows = [
        {"messages": [{"role": "user", "content": "3 + 4?"}, {"role": "assistant", "content": text}], "label": True}
        for text in texts
    ]
    store, _ = await kept(rows, "chats")
    await export(tmp_path / "all.jsonl", db=store, filters=[], arguments={"style": "text"})
    assert [json.loads(line)["completion"] for line in (tmp_path / "all.jsonl").open()] == texts
    await export(tmp_path / "one.jsonl", db=store, filters=["duplicates"], arguments={"style": "text"})
    assert [json.loads(line)["completion"] for line in (tmp_path / "one.jsonl").open()] == texts[:1]
    await export(tmp_path / "atif.jsonl", db=store, format="atif", filters=[])
    copy = Store(tmp_path / "copy.duckdb")
    await importing(tmp_path / "atif.jsonl", format="atif", db=copy)
    await export(tmp_path / "again.jsonl", db=copy, filters=[], arguments={"style": "text"})
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "all.jsonl").read_bytes()


async def test_drafts_without_a_verdict_a_key_or_a_value_are_told_with_a_cure(kept, tmp_path: Path) -> None:
    row = {"messages": [{"role": "user", "content": "3 + 4?"}, {"role": "assistant", "content": "#### 7"}]}
    store, found = await kept([row], "chats")
    assert [note.partition(": ")[2] for note in found.notes()] == [
        "name filters without `correct`, as in --filter length"
    ]
    assert (await export(tmp_path / "sft.jsonl", db=store, filters=["length"])).kept == 1
    await export(tmp_path / "atif.jsonl", db=store, format="atif", filters=[])
    assert (await importing(tmp_path / "atif.jsonl", format="atif", db=tmp_path / "copy.duckdb")).notes() != []
