"""The trainer `trl` as a round asks it: a process that trains the embedded model, its files, and its faults."""

# pyright: reportMissingImports=false
import asyncio
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.trainers.hugging_face.settings import TrlTask
from redraft.flows.trainers.trainer import Trained, TrainingError, TrainingTask
from redraft.flows.trainers.trl import trl

pytestmark = pytest.mark.train
Task = Callable[..., TrlTask]
SHORT: dict[str, Any] = {"batch": 8, "at_once": 8, "steps": 5, "rate": 1e-3, "group": 4, "max_tokens": 80}
ROOM = "redraft.flows.trainers.hugging_face"
PROGRAM = f"{ROOM}.__main__"
LOSSES = ("sft", "dpo", "kto", "grpo", "score", "prm", "value")
LIMITED = """
import asyncio, json, resource, sys
from pathlib import Path
from redraft.flows.trainers.trainer import TrainingTask
from redraft.flows.trainers.trl import trl
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
rows, base, out = sys.argv[1:]
asyncio.run(trl(steps=1)(TrainingTask(rows=Path(rows), base=base, out=Path(out))))
"""
"""A training whose files may have 300 kB, as on a full disk."""


def digests(folder: Path) -> dict[str, str]:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): sha256(file.read_bytes()).hexdigest() for file in files}


def train(task: TrlTask, **settings: Any) -> dict[str, Any]:
    """Trains in this process, which has imported PyTorch already. Returns the figures."""
    settings = {**SHORT, **settings}
    return import_module(PROGRAM).train(replace(task, settings=replace(task.settings, **settings)))


async def trained(task: TrlTask, say: Callable[[str], None] = print, **settings: Any) -> Trained:
    """Trains as a round does, in a process of its own."""
    job = TrainingTask(rows=task.rows, base=task.base, out=task.out, loss=task.loss, seed=task.seed, say=say)
    return await trl(**{**SHORT, **settings})(job)


@pytest.fixture
def rows_of(request: pytest.FixtureRequest) -> Callable[[str], Any]:
    names = {"grpo": "prompt_rows", "score": "prompt_rows"}
    return lambda loss: request.getfixturevalue(names.get(loss, f"{loss}_rows"))


def weights(folder: Path) -> dict[str, Any]:
    return import_module("safetensors.torch").load_file(folder / "model.safetensors")


@pytest.mark.parametrize("loss", LOSSES)
def test_a_training_writes_a_model_that_transformers_reads(
    loss: str, make_task: Task, rows_of: Callable[[str], Any], tiny: Path
) -> None:
    task = make_task(loss, rows_of(loss))
    figures = train(task)
    assert figures["steps"] == 5
    assert (figures["rows"], figures["left_out"]) == (8, 0)
    assert figures["oracle_used"] is (loss in ("grpo", "score"))
    assert os.listdir(task.out.parent) == [loss]
    before, after = weights(tiny), weights(task.out)
    name = "model.layers.0.mlp.up_proj.weight"
    assert not after[name].equal(before[name])
    assert after[name].dtype == before[name].dtype
    kind = "SequenceClassification" if loss in ("prm", "value") else "CausalLM"
    transformers = import_module("transformers")
    model = getattr(transformers, f"AutoModelFor{kind}").from_pretrained(task.out)
    assert model.dtype == before[name].dtype
    assert ("score.weight" in after) is (kind != "CausalLM")
    assert model.config.problem_type == (None if kind == "CausalLM" else "multi_label_classification"), (
        "vLLM applies the sigmoid"
    )
    text = "Ann has 3 apples.\n#### 3"
    old, new = (transformers.AutoTokenizer.from_pretrained(folder) for folder in (tiny, task.out))
    assert (new(text)["input_ids"], new.chat_template) == (old(text)["input_ids"], old.chat_template)


def test_a_training_learns(make_task: Task, sft_rows: list[Any]) -> None:
    figures = train(make_task("sft", sft_rows), steps=20)
    assert figures["last_loss"] < figures["first_loss"] / 2


@pytest.mark.parametrize("loss", LOSSES)
def test_the_same_task_gives_the_same_files(loss: str, make_task: Task, rows_of: Callable[[str], Any]) -> None:
    task, once = make_task(loss, rows_of(loss)), dict[str, str]()
    for seed in (3, 3, 4):
        train(replace(task, seed=seed), steps=2)
        once = once or digests(task.out)
        assert (digests(task.out) == once) is (seed == 3)
    assert {"config.json", "model.safetensors", "tokenizer.json", "training.json"} <= once.keys()


async def test_a_training_that_is_stopped_changes_nothing(make_task: Task, sft_rows: list[Any]) -> None:
    task, said = make_task("sft", sft_rows), list[str]()
    found = await trained(task, steps=2)
    assert (found.model, found.figures["steps"]) == (str(task.out), 2)
    once = digests(task.out)
    work = asyncio.create_task(trained(task, said.append, steps=100_000))
    while not said:  # noqa: ASYNC110 - another process says it
        await asyncio.sleep(0.02)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert said[0].startswith("step 1 of 100,000, loss "), said
    assert digests(task.out) == once
    assert train(task, steps=2) == found.figures
    assert digests(task.out) == once, "what another process trained, and what was left of the stopped one is gone"
    assert os.listdir(task.out.parent) == ["sft"]


def test_a_killed_program_leaves_no_model(make_task: Task, sft_rows: list[Any]) -> None:
    task = make_task("sft", sft_rows, steps=100_000)
    file = task.rows.with_name("task.json")
    file.write_text(task.to_json())
    with subprocess.Popen([sys.executable, "-m", ROOM, str(file)], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout
        assert program.stdout.readline().startswith("step ")
        program.send_signal(signal.SIGKILL)
    assert not task.out.exists()
    train(task, steps=1)
    assert os.listdir(task.out.parent) == ["sft"]


def test_adapters_are_merged_or_written_alone_and_trained_further(
    make_task: Task, sft_rows: list[Any], tiny: Path
) -> None:
    torch, transformers, peft = map(import_module, ("torch", "transformers", "peft"))
    merged = make_task("sft", sft_rows)
    alone = replace(merged, out=merged.out.with_name("alone"))
    train(merged, lora=4)
    train(alone, lora=4, merge=False)
    assert {"adapter_model.safetensors", "adapter_config.json"} <= digests(alone.out).keys()
    assert "model.safetensors" not in digests(alone.out)
    ids = torch.arange(4, 40)[None]
    whole = transformers.AutoModelForCausalLM.from_pretrained(merged.out)
    base = transformers.AutoModelForCausalLM.from_pretrained(tiny)
    added = peft.PeftModel.from_pretrained(transformers.AutoModelForCausalLM.from_pretrained(tiny), alone.out)
    with torch.no_grad():
        logits = [model(input_ids=ids).logits for model in (whole, added, base)]
    assert torch.allclose(logits[0], logits[1], atol=1e-3)
    assert not torch.allclose(logits[0], logits[2], atol=1e-2)


@pytest.mark.parametrize("loss", ["sft", "dpo", "score"])
def test_adapters_are_trained_further_and_the_reference_is_what_they_were(
    loss: str, make_task: Task, rows_of: Callable[[str], Any], tiny: Path
) -> None:
    first = make_task("sft", rows_of("sft"))
    train(first, lora=4, merge=False)
    further = make_task(loss, rows_of(loss), base=first.out)
    further = replace(further, out=further.out.with_name("further"))
    figures = train(further, lora=4, merge=False, steps=2)
    assert digests(further.out).keys() == digests(first.out).keys()
    name = "adapter_model.safetensors"
    assert digests(further.out)[name] != digests(first.out)[name]
    if loss == "dpo":
        assert figures["first_loss"] == pytest.approx(math.log(2), abs=1e-3)


def test_a_policy_begins_with_the_layers_of_a_reward_model(
    make_task: Task, sft_rows: list[Any], prm_rows: list[Any], tiny: Path
) -> None:
    trunk = make_task("prm", prm_rows)
    train(trunk, steps=3)
    begun, task = weights(trunk.out), replace(make_task("sft", sft_rows), trunk=trunk.out)
    train(task, steps=1, rate=1e-12)
    after, before = weights(task.out), weights(tiny)
    name = "model.layers.3.mlp.down_proj.weight"
    assert not begun[name].equal(before[name])
    assert after[name].allclose(begun[name], atol=1e-7)
    for name in ("model.embed_tokens.weight", "model.norm.weight"):
        assert after[name].allclose(before[name], atol=1e-7)
    job = TrainingTask(rows=task.rows, base=task.base, out=task.out, trunk=trunk.out)
    assert asyncio.run(trl(**{**SHORT, "steps": 1})(job)).figures["steps"] == 1
    alone = replace(trunk, out=trunk.out.with_name("adapters"))
    train(alone, steps=1, lora=4, merge=False)
    with pytest.raises(TrainingError, match=r"has adapters alone, and no layers to begin with: set trainer\.merge"):
        train(replace(task, trunk=alone.out), steps=1)


def test_rows_that_are_too_long_are_left_out_and_counted(
    make_task: Task, sft_rows: list[Any], prompt_rows: list[Any]
) -> None:
    long = {**sft_rows[0], "completion": [{"role": "assistant", "content": "1 + 1 = 2\n" * 400}]}
    figures = train(make_task("sft", [*sft_rows, long]), steps=1)
    assert (figures["rows"], figures["left_out"]) == (8, 1)
    with pytest.raises(TrainingError, match="none of 1 row fits into the 20 tokens that the model reads: export"):
        train(make_task("sft", [long]), max_length=20)
    with pytest.raises(TrainingError, match=r"none of 8 rows .*: lower trainer\.max_tokens, or raise"):
        train(make_task("score", prompt_rows), max_tokens=1000)


@pytest.mark.parametrize(
    ("base", "says"),
    [
        ("embedded", r"no model embedded to train .*: export it by `python -m redraft.llm.providers.embedded.export"),
        ("/nowhere/model", r"no model /nowhere/model to train \(there is no such folder\): name a folder that transf"),
        ("{folder}", r"to train \(the folder has no config.json\): name a folder that transformers reads"),
        ("nobody/no-such-model", "no model nobody/no-such-model to train"),
    ],
)
def test_a_base_that_is_missing_is_one_line(
    base: str, says: str, make_task: Task, sft_rows: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    task = make_task("sft", sft_rows, base=base.format(folder=tmp_path))
    with pytest.raises(TrainingError, match=says) as told:
        train(task)
    assert "\n" not in str(told.value)
    assert not task.out.exists()


async def test_a_mistake_is_one_line_of_the_round(make_task: Task, sft_rows: list[Any]) -> None:
    task = make_task("sft", [*sft_rows, {"prompt": "x"}])
    with pytest.raises(TrainingError, match=r"sft\.jsonl, line 9: no column 'completion': export") as told:
        await trained(task)
    assert "\n" not in str(told.value)
    assert not task.out.parent.exists()
    job = TrainingTask(rows=Path("r"), base="b", out=Path("o"), loss="ppo")
    with pytest.raises(TrainingError, match="trainer 'trl' has no loss 'ppo'; there are sft, dpo, kto, grpo"):
        await trl()(job)


def test_a_training_that_cannot_learn_is_told(make_task: Task, sft_rows: list[Any], dpo_rows: list[Any]) -> None:
    with pytest.raises(TrainingError, match=r"the loss of step . is no number: lower trainer.rate"):
        train(make_task("dpo", dpo_rows), rate=1e30)
    with pytest.raises(TrainingError, match=r"no row of .* has a weight above 0"):
        train(make_task("sft", [{**row, "weight": 0} for row in sft_rows]))


def test_a_full_disk_is_one_line_and_leaves_the_model_before(make_task: Task, sft_rows: list[Any]) -> None:
    task = make_task("sft", sft_rows)
    task.out.mkdir(parents=True)
    (task.out / "before").write_text("kept")
    command = [sys.executable, "-c", LIMITED, str(task.rows), task.base, str(task.out)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    says = "the disk is full: free some space, and the same command goes on; the rounds before are as they were"
    assert ended.stderr.splitlines()[-1].endswith(f"TrainingError: {says}")
    assert digests(task.out.parent).keys() == {"sft/before"}


def test_figures_say_what_was_trained_and_how(make_task: Task, dpo_rows: list[Any]) -> None:
    rows = [{**row, "oracle_used": number == 3} for number, row in enumerate(dpo_rows)]
    task = make_task("dpo", rows)
    figures = train(task, beta=0.2, steps=1)
    made = json.loads((task.out / "training.json").read_text())
    assert made["figures"] == figures
    assert (made["loss"], made["seed"], made["settings"]["beta"]) == ("dpo", 3, 0.2)
    assert figures["oracle_used"] is True
    assert figures["first_loss"] == pytest.approx(math.log(2), abs=1e-3)
