"""What the trainers' own loaders learn from an export. Each trainer is in an environment of its own under
build/trainers, which `make test-train` makes."""

import asyncio
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.annotate import annotate
from redraft.flows.export import export
from redraft.flows.formats.format import task_of
from redraft.flows.generate import generate
from redraft.llm.providers.embedded.export import export_folder
from redraft.store import Store
from redraft.store.plugins.discovery import load

pytestmark = pytest.mark.train
HERE = Path(__file__).parent
TRAINERS = Path(os.environ.get("REDRAFT_TRAINERS") or HERE.parents[3] / "build" / "trainers")
PAIRS = ("dpo", "reward")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded model as a Hugging Face folder, and a store with drafts of several turns."""
    folder = tmp_path_factory.mktemp("loaders")
    export_folder(folder / "tiny")
    return folder


@pytest.fixture(scope="module")
def store(folder: Path) -> Store:
    store = Store(folder / "r.duckdb")

    async def fill() -> None:
        arguments = {"feedback": "fixed", "turns": 2}
        await generate("builtin:split=train,seed=6", db=store, arguments=arguments, samples=2, limit=6)
        await generate("builtin:split=train,seed=7", db=store, strategy="best_of_n", samples=4, limit=12)
        await annotate(db=store, grader="prm", limit=4)

    asyncio.run(fill())
    return store


def read(trainer: str, folder: Path, name: str, task: str, model: Path) -> list[Any]:
    """What a trainer's loader makes of the rows."""
    python = TRAINERS / trainer / "bin" / "python"
    if not python.exists():
        pytest.skip(f"{trainer} is not installed: make build/trainers/{trainer}/ready")
    program = HERE / "loaders" / f"read_{trainer.replace('-', '_')}.py"
    command = [str(python), str(program), str(folder), name, task, str(model)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "hub"), "HOME": str(folder)}
    environment |= {"DO_NOT_TRACK": "1", "AXOLOTL_DO_NOT_TRACK": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def meant(row: Any, task: str) -> Any:
    """What should be learnt from a row as a format makes it, without marks of a chat template."""
    if task in PAIRS:
        return [row["chosen"][0]["content"], row["rejected"][0]["content"]]
    if task == "grpo":
        return row["prompt"][0]["content"]
    if task == "prm":
        return [int(label) for label in row["labels"]]
    text = (row.get("completion") or row["messages"])[-1]["content"]
    return [text, row["label"]] if task == "kto" else text


def plain(found: Any, task: str) -> Any:
    """What a loader found, without marks and numbers beside it."""
    if task in PAIRS:
        return [text.rpartition("<|assistant|>")[2].removesuffix("<|end|>") for text in found]
    if task == "kto":
        return [found[0].removesuffix("<|end|>"), found[1]]
    if task == "prm":
        return found
    text = found if isinstance(found, str) else found[0]
    return text.removeprefix("<|user|>").removesuffix("<|assistant|>").removesuffix("<|end|>")


@pytest.mark.parametrize(
    ("trainer", "format", "kind"),
    [
        *(("verl", name, "file") for name in ("sft", "rise", "prompts")),
        *(("openrlhf", name, "file") for name in ("rise", "messages", "dpo", "orm", "prompts")),
        *(("llama-factory", name, "file") for name in ("rise", "messages", "dpo", "orm", "kto")),
        *(("ms-swift", name, "file") for name in ("rise", "messages", "dpo", "orm", "kto", "prompts")),
        *(("axolotl", name, "file") for name in ("rise", "messages", "dpo", "orm", "prm")),
        ("axolotl", "rise", "folder"),
        ("verl", "rise", "folder"),
        ("openrlhf", "dpo", "folder"),
        ("llama-factory", "dpo", "folder"),
        ("ms-swift", "sft", "folder"),
    ],
)
async def test_what_is_learnt_is_what_was_meant(
    folder: Path, store: Store, trainer: str, format: str, kind: str
) -> None:
    task = task_of(load(format, "format"))
    assert task
    own = {"grader": "prm"} if format == "prm" else {}
    style = {"style": "pairs"} if format == "orm" else own
    plain_file = folder / f"plain-{format}.jsonl"
    await export(plain_file, db=store, format=format, arguments=style, overwrite=True)
    rows = [json.loads(line) for line in plain_file.read_text().splitlines()]
    name = f"{trainer}-{format}-{kind}"
    if kind == "folder":
        place, target, shards = folder / name, f"{folder / name}/", 2
    else:
        place, target, shards = folder, folder / f"{name}.{'parquet' if trainer == 'verl' else 'jsonl'}", None
    made = await export(target, db=store, format=format, trainer=trainer, arguments=own, shards=shards)
    found = read(trainer, place, name, task, folder / "tiny")
    assert len(found) == len(rows) == made.kept, "every row"
    assert [plain(one, task) for one in found] == [meant(row, task) for row in rows]
    if (trainer, format) == ("ms-swift", "rise"):
        assert [scale for _, scale in found] == pytest.approx([row["weight"] for row in rows])
