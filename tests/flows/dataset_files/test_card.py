"""The card of a folder: what a hub reads, and where the rows came from."""

import asyncio
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from redraft.flows.cli.main import cli
from redraft.flows.export import export
from redraft.flows.generate import generate
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store

Adder = Callable[..., Scripted]


def problems(**meta: Any) -> list[Problem]:
    """Three problems of two sources, and a held-out one. The sources' licences are in `meta`, by their names."""
    sources = ["a", "a", "b", "b"]
    return [
        Problem(
            f"What is {number} + {number}?", str(2 * number), f"p{number}", source=source,
            split="test" if number == 4 else "train", meta={"license": meta[source]} if source in meta else {},
        )
        for number, source in enumerate(sources, start=1)
    ]  # fmt: skip


@pytest.fixture
def made(tmp_path: Path, adder: Adder) -> Callable[..., Any]:
    """Makes a store of these problems, and a folder of it. Returns the folder, the front matter and the text."""

    async def make(found: list[Problem], **given: Any) -> tuple[Path, dict[str, Any], str]:
        store = Store(tmp_path / "redraft.duckdb")
        model = adder(lambda number, sample, turn: sample == 0)
        await generate(found, db=store, model=model, strategy="best_of_n", samples=2)
        await export(f"{tmp_path}/set/", db=store, **given)
        _, front, text = (tmp_path / "set" / "README.md").read_text().split("---\n", 2)
        return tmp_path / "set", yaml.safe_load(front), text

    return make


async def test_the_front_matter_says_what_a_hub_reads(made: Callable[..., Any]) -> None:
    _, front, _ = await made(problems(), format="kto")
    messages = [{"name": "role", "dtype": "string"}, {"name": "content", "dtype": "string"}]
    assert front == {
        "task_categories": ["text-generation"],
        "tags": ["redraft", "kto"],
        "size_categories": ["n<1K"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": "train", "path": "data/train-*.parquet"}],
            }
        ],
        "dataset_info": {
            "features": [
                {"name": "prompt", "list": messages},
                {"name": "completion", "list": messages},
                {"name": "label", "dtype": "bool"},
                {"name": "oracle_used", "dtype": "bool"},
            ]
        },
    }


@pytest.mark.parametrize(
    ("licences", "expected", "line"),
    [
        ({"a": "mit", "b": "mit"}, "mit", "| a | 2 | 2 | mit |"),
        ({"a": "mit", "b": "cc-by-4.0"}, None, "| b | 1 | 1 | cc-by-4.0 |"),
        ({"a": "mit"}, None, "| b | 1 | 1 | not known |"),
    ],
)
async def test_a_licence_is_named_if_all_problems_have_it(
    made: Callable[..., Any], licences: dict[str, str], expected: str | None, line: str
) -> None:
    _, front, text = await made(problems(**licences))
    assert front.get("license") == expected
    assert line in text.splitlines()


async def test_the_text_says_where_rows_came_from_and_what_was_left_out(made: Callable[..., Any]) -> None:
    _, _, text = await made(problems(), filters=["correct", "cap most=1"], trainer="trl")
    for line in (
        "| train | 3 | 3 |", "| a | 2 | 2 | not known |",
        "Filters, in order: `correct`, `cap` (`most=1`). Arguments of the format: none.",
        "| wrong answer | 3 |", "| held out | 2 |", "- for TRL 1.16: set.trl.yaml",
    ):  # fmt: skip
        assert line in text.splitlines()
    assert "| best_of_n | 3 |" in text


async def test_the_command_on_the_card_makes_the_same_rows(made: Callable[..., Any], tmp_path: Path) -> None:
    given = {"tau": 0.5, "criteria": "better"}
    folder, _, text = await made(problems(), format="rise", arguments=given, filters=["cap most=1"])
    [command] = [line.strip() for line in text.splitlines() if line.startswith("    redraft export")]
    before = (folder / "data" / "train-00000-of-00001.parquet").read_bytes()
    again = [sys.executable, "-m", "redraft.flows.cli.main", *shlex.split(command)[1:], "--overwrite"]
    done = await asyncio.to_thread(subprocess.run, again, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (folder / "data" / "train-00000-of-00001.parquet").read_bytes() == before


def test_the_help_names_the_trainers() -> None:
    said = " ".join(CliRunner().invoke(cli, ["export", "--help"]).output.split())
    assert "Available: axolotl, llama_factory, ms_swift, openrlhf, trl, verl." in said
