"""What the trainer `trl` makes of rows and settings before PyTorch is needed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.trainers.hugging_face.rewards import GraderReward, grader_spec
from redraft.flows.trainers.hugging_face.rows import oracle_used, read_rows
from redraft.flows.trainers.hugging_face.settings import TrlSettings, TrlTask
from redraft.flows.trainers.trainer import TrainingError
from redraft.flows.trainers.trl import trl
from redraft.llm.model import ModelError
from redraft.llm.prompts.prompts import Example, Prompts
from redraft.store.errors import PartError
from redraft.store.problems import Kind

USER, ASSISTANT = {"role": "user", "content": "1 + 1?"}, {"role": "assistant", "content": "#### 2"}
PAIR = {"prompt": [USER], "chosen": [ASSISTANT], "rejected": [ASSISTANT]}
Task = Callable[..., TrlTask]


def task(folder: Path, loss: str, *rows: Any, prompts: Prompts | None = None) -> TrlTask:
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = TrlSettings()
    return TrlTask(rows=file, base="m", out=folder / "o", loss=loss, seed=0, settings=settings, prompts=prompts)


def test_a_question_is_worded_as_the_model_is_asked_it(tmp_path: Path) -> None:
    """The few-shot examples and the system prompt come first, as in every call; feedback stays as it was said."""
    prompts = Prompts(
        templates={"solve": "Solve: {question}", "solve_code": "Program: {question}"},
        examples=(Example("2?", "two"),),
        system="Be brief.",
    )
    feedback = {"role": "user", "content": "There may be an error."}
    rows = [
        {"prompt": [USER, ASSISTANT, feedback], "completion": [ASSISTANT]},
        {"messages": [USER, ASSISTANT], "kind": "code"},
    ]
    one, two = read_rows(task(tmp_path, "sft", *rows, prompts=prompts))
    shown = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Solve: 2?"}]
    shown += [{"role": "assistant", "content": "two"}]
    assert one["prompt"] == [*shown, {"role": "user", "content": "Solve: 1 + 1?"}, ASSISTANT, feedback]
    assert (one["completion"], one["weight"]) == ([ASSISTANT], 1.0)
    assert two["prompt"][-1] == {"role": "user", "content": "Program: 1 + 1?"}
    assert two["completion"] == [ASSISTANT]
    [plain] = read_rows(task(tmp_path, "sft", {"prompt": "1 + 1?\n\n", "completion": "2"}, prompts=prompts))
    assert plain["prompt"] == "1 + 1?\n\n"


def test_a_task_is_the_same_after_its_file(tmp_path: Path) -> None:
    made = task(tmp_path, "dpo", PAIR, prompts=Prompts(examples=(Example("a", "b", Kind.CODE),)))
    (tmp_path / "task.json").write_text(made.to_json())
    assert TrlTask.read(tmp_path / "task.json") == made


@pytest.mark.parametrize(
    ("loss", "row", "says"),
    [
        ("sft", {"prompt": [USER]}, "rows.jsonl, line 1: no column 'completion': export the rows with --format sft"),
        ("sft", {"prompt": 3, "completion": "x"}, "column 'prompt' is neither a text nor a list of messages: 3"),
        ("sft", {"messages": [USER]}, "column 'prompt' is neither"),
        ("sft", {"prompt": [USER], "completion": [USER]}, "'completion' ends in a message of 'user'"),
        ("sft", {"prompt": "x", "completion": "y", "weight": -1}, "weight -1 is no number from 0 on"),
        ("sft", {"prompt": "x", "completion": "y", "step_weights": [1]}, "step_weights need as many steps"),
        (
            "sft",
            {"prompt": "x", "completion": "y", "steps": ["y"], "step_weights": [-1]},
            "step_weights -1 is no number from 0 on",
        ),
        (
            "sft",
            {"prompt": "x", "completion": "y", "steps": ["z"], "step_weights": [1]},
            "its steps together are not its completion",
        ),
        ("dpo", {"prompt": [USER], "chosen": [ASSISTANT]}, "no column 'rejected': .* --format dpo or best_worst"),
        ("kto", {"prompt": "x", "completion": "y", "label": 1}, "label 1 is neither true nor false"),
        ("prm", {"prompt": "x", "completions": ["a"], "labels": [True, False]}, "a label for each step"),
        ("prm", {"prompt": "x", "completions": ["a"], "labels": [1.5]}, "label 1.5 is no number from 0 to 1"),
        ("value", {"question": "x", "solution": "y", "value": 2}, "value 2 is no number from 0 to 1"),
        ("grpo", {"prompt": [USER], "kind": "maths"}, "'maths' is not a valid Kind"),
        ("grpo", [1], "not a JSON object"),
    ],
)
def test_a_bad_row_is_one_line_with_its_place(tmp_path: Path, loss: str, row: Any, says: str) -> None:
    with pytest.raises(TrainingError, match=says) as told:
        read_rows(task(tmp_path, loss, row))
    assert "\n" not in str(told.value)


def test_texts_and_messages_do_not_mix(tmp_path: Path) -> None:
    rows = [{"prompt": "x", "completion": "y"}, {"prompt": [USER], "completion": [ASSISTANT]}]
    with pytest.raises(TrainingError, match="column 'prompt' is a text in some rows and messages in others"):
        read_rows(task(tmp_path, "sft", *rows))


def test_rows_say_whether_the_key_was_read(tmp_path: Path) -> None:
    assert not oracle_used(read_rows(task(tmp_path, "dpo", PAIR, {**PAIR, "oracle_used": False})))
    assert oracle_used(read_rows(task(tmp_path, "dpo", PAIR, {**PAIR, "oracle_used": True})))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"epochs": 0}, "epochs=0 of trainer 'trl' has to be at least 1"),
        ({"rate": 0.0}, "rate=0.0 of trainer 'trl' has to be above 0"),
        ({"batch": 6}, "batch=6 of trainer 'trl' has to be a multiple of at_once=4"),
        ({"first_stage": 1.5}, "at most 1"),
        ({"beta": float("nan")}, "beta=nan"),
        ({"model": "openai/{folder}"}, "{folder} in 'openai/{folder}' is no place; there are out"),
    ],
)
def test_a_setting_out_of_its_range_is_told_at_once(given: dict[str, Any], says: str) -> None:
    with pytest.raises(PartError, match=says):
        trl(**given)


def test_a_loss_needs_settings_that_suit_it() -> None:
    with pytest.raises(PartError, match=r"batch=16 .* counts completions in grpo, and has to be a multiple of group=3"):
        TrlSettings(group=3).check_loss("grpo")
    with pytest.raises(PartError, match=r"at_once=1 .* gives KTO nothing to compare"):
        TrlSettings(at_once=1).check_loss("kto")
    assert TrlSettings(lora=8).rate_of("sft") == pytest.approx(10 * TrlSettings().rate_of("sft"))
    assert TrlSettings(beta=0.0).beta_of("dpo") == 0.0


def test_a_package_that_is_missing_is_told_before_a_model_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("redraft.flows.trainers.trl.PACKAGES", ("torch_of_nobody",))
    with pytest.raises(ModelError, match=r"needs torch_of_nobody, which is not installed. Install redraft\[trl\]."):
        trl()


def test_a_grader_has_arguments_behind_its_name() -> None:
    assert grader_spec("prm profile=judge model='a b'") == ("prm", {"profile": "judge", "model": "a b"})
    with pytest.raises(PartError, match="1 word of grader 'prm last' without '='"):
        grader_spec("prm last")
    with pytest.raises(PartError, match="no grader 'orakle'"):
        GraderReward("orakle")
    with pytest.raises(PartError, match=r"'grader\.profil'"):
        GraderReward("prm profil=judge")


def test_rewards_are_the_graders_values_and_say_whether_it_read_the_key() -> None:
    rows = [{"question": "1 + 1?", "answer": "2", "kind": None}] * 2 + [{"question": "2?", "answer": None}]
    own = Prompts(templates={"solve": "Q: {question}"}, system="Be brief.", chat_template="{{ messages }}")
    oracle = GraderReward("oracle", own)
    assert oracle(rows, ["1 + 1 = 2\n#### 2", "#### 3", "#### 2"]) == [1.0, 0.0, None]
    assert oracle.figures == {"graded": 3, "undecided": 1, "drawn_tokens": 0, "oracle_used": True}
    oracle.close()
    prm = GraderReward("prm")
    [value] = prm([{"question": "Ann has 2 apples. How many?", "answer": "2"}], ["#### 2"])
    assert value is not None
    assert 0 < value < 1
    assert prm.figures["oracle_used"] is False
    prm.close()
