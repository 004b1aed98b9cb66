"""A loop with a model, a trainer and a method of one's own; and the command, with its mistakes."""

import json
import re
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.display.progress import Silent
from redraft.flows.filters.sifting.filter_sql import Scope
from redraft.flows.self_train import self_train
from redraft.flows.self_training.result import SelfTraining
from redraft.flows.trainers.trainer import Trained, Trainer, TrainingTask
from redraft.llm.model import Request
from redraft.llm.providers.embedded.model import HERE
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store

Loop = Callable[..., Awaitable[SelfTraining]]
TASKS: list[TrainingTask] = []


def copying(*, note: str = "") -> Trainer:
    """A trainer in Python: the model that it makes is the embedded one."""

    async def trainer(task: TrainingTask) -> Trained:
        TASKS.append(task)
        task.out.mkdir(parents=True)
        for name in ("weights.npz", "tokenizer.json"):
            shutil.copyfile(HERE / name, task.out / name)
        (task.out / "note").write_text(note)
        return Trained(f"embedded:{task.out}", {"rows": len(task.rows.read_text().splitlines())})

    return trainer


async def test_star_keeps_no_hint_and_says_that_the_key_was_read(tmp_path: Path) -> None:
    """A model that is right only if it is told the answer: every row comes from a hint, and no row shows it."""

    def script(request: Request, index: int) -> str:
        text = request.messages[0].content
        return f"So it is.\n#### {text.partition('the answer is ')[2].partition('.')[0] or 'unknown'}"

    TASKS.clear()
    numbers = range(1, 7)
    problems = [Problem(f"What is {i} + {i}?", str(2 * i), source="sums", split="train") for i in numbers[:4]]
    heldout = tmp_path / "heldout.jsonl"
    heldout.write_text(
        "".join(json.dumps({"question": f"What is {i} + {i}?", "answer": f"{2 * i}"}) + "\n" for i in numbers[3:])
    )
    found = await self_train(
        problems, method="star", model=Scripted(script, name="told"), trainer=copying, heldout=str(heldout),
        arguments={"trainer.note": "mine"}, db=tmp_path / "r.duckdb", out=str(tmp_path / "out"), progress=Silent(),
    )  # fmt: skip
    rows = [json.loads(line) for line in (Path(found.folder) / "round-1" / "rows.jsonl").read_text().splitlines()]
    assert sorted((row["prompt"][0]["content"], row["completion"][0]["content"]) for row in rows) == [
        (f"What is {i} + {i}?", f"So it is.\n#### {2 * i}") for i in (1, 2, 3)
    ]  # 4 + 4 is held out
    store = Store(tmp_path / "r.duckdb")
    drawn = f"FROM samples WHERE recipe = '{found.rounds[1].generation_recipe}'"
    assert store.query(f"SELECT role, oracle_used, correct, count(*) {drawn} GROUP BY ALL ORDER BY ALL").rows == [
        ("sample", True, False, 3), ("search", True, True, 3),
    ]  # fmt: skip
    [task] = TASKS
    assert (task.base, task.weights, task.loss, task.seed) == ("told", None, "sft", 0)
    _, made = store.models(found.loop_id)
    assert (made.figures["rows"], made.settings["note"], sorted(made.files)) == (
        3, "mine", ["note", "tokenizer.json", "weights.npz"]
    )  # fmt: skip


async def test_a_method_from_the_base_trains_on_all_rounds_from_the_first_model(loop: Loop, tmp_path: Path) -> None:
    TASKS.clear()
    (tmp_path / "all.toml").write_text('samples = 2\n[policy]\nformat = "sft"\nfilters = ["correct"]\n')
    given: dict[str, Any] = {"trainer": copying, "arguments": {}, "limit": 6, "samples": None, "heldout_limit": 4}
    found = await loop(method="all.toml", rounds=2, all_rounds=True, **given)
    assert [task.base for task in TASKS] == ["embedded", "embedded"]
    first, second = (task.rows.read_text().splitlines() for task in TASKS)
    assert len(second) == sum(one.figures["right"] for one in found.rounds[1:]) > len(first)
    assert set(first) <= set(second)


def test_a_scope_is_a_condition() -> None:
    assert Scope().sql == "true"
    assert Scope("r'1").sql == "p.run_id = 'r''1'"
    drawn = (("a", ""), ("b", "2"))
    assert Scope(drawn=drawn).sql == "(p.recipe, p.replicate) IN (('a', ''), ('b', '2'))"
    assert Scope("r", True, drawn).spec == {"run": "r", "include_heldout": True, "drawn": [["a", ""], ["b", "2"]]}


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--method", "rtf"), "no method 'rtf'; there are distilled_search, .*; a method of your own is a file"),
        (("--rounds", "0"), "'--rounds': 0 is not in the range x>=1"),
        (("--trainer", "comand"), "no model trainer 'comand'; there are command, embedded"),
        (
            ("--method", "grpo"),
            "trainer 'embedded' has no loss 'grpo' of the method; there are sft, dpo.*: take another",
        ),
        (("--method", "v_star", "--trainer", "trl"), "trains a verifier, which a server has to serve: take --server"),
        (
            ("--method", "rest_mcts", "--trainer", "trl", "--server", "command", "--set", "server.command=x {port}"),
            "verifier is a classifier, which needs a command line of its own: set server.verifier_command",
        ),
        (
            ("--method", "math_shepherd", "--trainer", "trl", "--server", "lora"),
            "verifier is a classifier, and --server lora serves policies: take command",
        ),
        (("--trainer", "trl", "--server", "comand"), "no server 'comand'; there are command, lora"),
        (("--trainer", "trl", "--server", "command"), "server 'command' needs its argument 'command'"),
        (("--trainer", "command"), "trainer 'command' needs its argument 'command'"),
        (("--model", "embedded:none"), "none has no weights.npz"),
        (("nowhere.jsonl",), "no file nowhere.jsonl"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(
    mistake: Callable[..., str], tmp_path: Path, arguments: tuple[str, ...], line: str
) -> None:
    assert re.search(line, mistake("self-train", *arguments))
    assert not list(tmp_path.glob("*.duckdb*"))


def test_missing_pytorch_is_told_before_a_model_is_asked(redraft: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise ImportError('no library')")
    done = redraft("self-train", env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 2
    [told] = done.stderr.splitlines()[-1:]
    assert "Training needs PyTorch" in told
    assert told.endswith("Install redraft[train].")
