"""`redraft train` without PyTorch: what it reads, and what it says of mistakes. tests/train trains."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.train import train
from redraft.llm.model import ModelError
from redraft.llm.providers.embedded.model import HERE
from redraft.llm.providers.embedded.training.examples import Example, ExampleError, normalize_weights, parse_example
from redraft.llm.providers.route import route

Q, A = {"role": "user", "content": "2 hats?"}, {"role": "assistant", "content": "#### 2"}
AGAIN = {"role": "user", "content": "The answer is wrong. Solve the problem again."}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"prompt": [Q], "completion": [A], "weight": 12.18}, Example(("solve\n2 hats?", "#### 2"), 12.18)),
        ({"messages": [Q, A]}, Example(("solve\n2 hats?", "#### 2"))),
        (
            {"prompt": [Q, A, AGAIN], "completion": [A], "weight": 0, "reward": 1.0},
            Example(("solve\n2 hats?", "#### 2", AGAIN["content"], "#### 2"), 0.0),
        ),
        ({"messages": [{**Q, "content": "judge\nx\n---\ny"}, A]}, Example(("judge\nx\n---\ny", "#### 2"))),
        (
            {"messages": [Q, A], "steps": ["###", "# 2"], "step_weights": [1, 0.25]},
            Example(("solve\n2 hats?", "#### 2"), 1.0, (("###", 1.0), ("# 2", 0.25))),
        ),
    ],
)
def test_a_row_becomes_a_conversation_in_the_models_words(row: dict[str, Any], expected: Example) -> None:
    assert parse_example(row, "line 1") == expected


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"prompt": "a text", "completion": "b"}, "line 3: no messages that end in an assistant's: export it with"),
        ({"messages": [Q]}, "line 3: no messages that end in an assistant's"),
        ({"messages": [Q, A, Q]}, "line 3: no messages that end in an assistant's"),
        ({"messages": [Q, {"role": "assistant"}]}, "line 3: no messages that end in an assistant's"),
        ({"messages": [Q, A, {**Q, "content": "No!"}, A]}, "line 3: .* was not trained on the feedback 'No!'"),
        ({"messages": [Q, A], "weight": -1}, "line 3: weight -1 is no number from 0 on"),
        ({"messages": [Q, A], "weight": "1"}, "line 3: weight '1' is no number from 0 on"),
        ({"messages": [Q, A], "weight": float("nan")}, "line 3: weight nan is no number from 0 on"),
        ({"messages": [Q, A], "step_weights": [1]}, "line 3: step_weights need as many steps: export it with"),
        ({"messages": [Q, A], "steps": ["#### 2"], "step_weights": []}, "line 3: step_weights need as many steps"),
        ({"messages": [Q, A], "steps": ["#### 2"], "step_weights": [-1]}, r"step_weights \[-1\] are no numbers from 0"),
        ({"messages": [Q, A], "steps": ["#### 3"], "step_weights": [1]}, "its steps together are not its completion"),
    ],
)
def test_a_row_that_cannot_be_learnt_from_is_named(row: dict[str, Any], says: str) -> None:
    with pytest.raises(ExampleError, match=says):
        parse_example(row, "line 3")


def test_balanced_weights_keep_their_ratios_and_have_mean_one() -> None:
    assert normalize_weights([1.0, 3.0]) == [0.5, 1.5]
    with pytest.raises(ExampleError, match="no row has a weight above 0"):
        normalize_weights([0.0, 0.0])


def test_the_weight_of_a_row_with_steps_is_the_mean_over_its_characters() -> None:
    assert Example(("q", "abcd"), 2.0, (("abc", 1.0), ("d", 0.2))).mean_weight == pytest.approx(2 * 3.2 / 4)
    assert Example(("q", "abcd"), 2.0).mean_weight == 2.0
    assert Example(("q", ""), 2.0, (("", 1.0),)).mean_weight == 0.0


async def test_mistakes_are_told_before_anything_is_read(tmp_path: Path) -> None:
    rows = tmp_path / "no.jsonl"
    with pytest.raises(ModelError, match=r"gpt-4o cannot be trained by redraft.* with TRL, as docs/train.md shows"):
        await train([rows], tmp_path / "out", model="gpt-4o")
    with pytest.raises(ModelError, match="holds weights already"):
        await train([rows], HERE, overwrite=True)
    (tmp_path / "weights.npz").touch()
    with pytest.raises(ModelError, match=r"holds weights already\. Name another folder, or replace it by --overwrite"):
        await train([rows], tmp_path)


def test_missing_pytorch_is_one_line_with_its_cure(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"messages": [Q, A]}) + "\n")
    code = "import sys; sys.modules['torch'] = None; from redraft.flows.cli.main import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, "train", str(rows), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith("redraft: Training needs PyTorch, which cannot be imported (")
    assert line.endswith("Install redraft[train].")
    assert not (tmp_path / "out").exists()


def test_the_command_wants_a_folder_and_sane_numbers(mistake: Callable[..., str]) -> None:
    assert "Missing option '--out'" in mistake("train", "rows.jsonl")
    assert "'--replay'" in mistake("train", "rows.jsonl", "--out", "o", "--replay", "1")
    assert "'--rate'" in mistake("train", "rows.jsonl", "--out", "o", "--rate", "0")


def test_weights_of_ones_own_are_a_models_name(tmp_path: Path) -> None:
    for name in ("tokenizer.json", "weights.npz"):
        (tmp_path / name).write_bytes((HERE / name).read_bytes())
    model = route(f"embedded:{tmp_path}")
    assert model.name == f"embedded:{tmp_path}"
    assert getattr(model, "version", "") == getattr(route("embedded"), "version", None)
    with pytest.raises(ModelError, match=r"weights in .*nowhere cannot be read: .* Name a folder that `redraft train`"):
        route(f"embedded:{tmp_path}/nowhere")
    with pytest.raises(ModelError, match="not served at http://localhost:1"):
        route(f"embedded:{tmp_path}", "http://localhost:1")
