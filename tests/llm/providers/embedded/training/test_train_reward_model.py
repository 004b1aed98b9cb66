"""Training the embedded process reward model: `make test-train`."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from redraft.flows.annotate import annotate
from redraft.flows.generate import generate
from redraft.llm.providers.embedded.network import unpack
from redraft.llm.providers.embedded.reward_model import HERE, ProcessRewardModel
from redraft.llm.providers.embedded.training import labels as labelled_drafts

pytestmark = pytest.mark.train


def run(module: str, *arguments: object) -> str:
    command = [sys.executable, "-m", f"redraft.llm.providers.embedded.training.{module}", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def drafts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("prm") / "drafts.jsonl"
    run("labels", file, "--problems", 24, "--samples", 4)
    return file


@pytest.fixture
def batch(drafts: Path) -> Any:
    tokenizers, rows = (
        import_module("tokenizers"),
        import_module("redraft.llm.providers.embedded.training.reward_batches"),
    )
    tokenizer = tokenizers.Tokenizer.from_file(str(HERE / "tokenizer.json"))
    return next(
        rows.batches(tokenizer, [labelled_drafts.sampled_problems(drafts, 0), labelled_drafts.problems_with_errors(0)])
    )


async def test_training_learns_from_drafts_attempts_and_rollouts(drafts: Path, tmp_path: Path) -> None:
    store = tmp_path / "annotated.duckdb"
    await generate("builtin:split=train,levels=2", db=store, limit=3, strategy="best_of_n", samples=2)
    await annotate(db=store, grader="rollout", arguments={"grader.rollouts": 2})
    out = tmp_path / "prm.npz"
    output = run("train_reward_model", drafts, "--annotated", store, "--out", out, "--steps", 100)
    first, last = ([float(v) for v in found] for found in re.findall(r"losses ([\d.]+), ([\d.]+), ([\d.]+)", output))
    assert last[0] < first[0]
    assert last[1] < first[1]
    again = run("train_reward_model", drafts, "--start", out, "--out", out, "--steps", 50, "--rate", 1e-5)
    assert float(re.findall(r"losses ([\d.]+)", again)[0]) < first[0]


def test_rows_of_drafts_that_do_not_see_each_other_say_what_each_says_alone(batch: Any) -> None:
    """The values of a batch's lines by PyTorch are those that numpy gives one draft at a time."""
    torch, training = (
        import_module("torch"),
        import_module("redraft.llm.providers.embedded.training.train_reward_model"),
    )
    model = training.begin(HERE / "prm.npz")
    with torch.inference_mode():
        inputs = (torch.from_numpy(array) for array in (batch.tokens, batch.positions, batch.mask))
        states, logits, _ = model.read(*inputs)
        values = torch.sigmoid(model.judge(states, logits, batch)).numpy()
    network = ProcessRewardModel(HERE / "prm.npz")
    words = network._vocabulary
    compared = 0
    for row, tokens in enumerate(batch.tokens):
        ends = [(number, end) for number, end in enumerate(batch.ends.tolist()) if end[0] == row]
        asked = ends[0][1][1]
        said = b"".join(words.bytes_of(int(token)) for token in tokens[:asked]).decode()
        question = said.removeprefix("solve\n")
        lines: list[str] = []
        for number, (_, first, last, _) in ends:
            lines = [] if batch.positions[row, first] == asked else lines
            lines.append(b"".join(words.bytes_of(int(token)) for token in tokens[first:last]).decode())
            assert network.score(question, lines)[-1] == pytest.approx(float(values[number]), abs=2e-4)
            compared += 1
        if compared > 60:
            break
    assert compared > 60


def test_wrong_attempts_end_in_a_wrong_line_and_none_is_made_twice() -> None:
    for one, _ in zip(labelled_drafts.problems_with_errors(3), range(100), strict=False):
        assert all(not draft.labels[-1].right for draft in one.drafts)
        assert len({draft.lines for draft in one.drafts}) == len(one.drafts)


def test_quantized_weights_keep_every_array() -> None:
    training = import_module("redraft.llm.providers.embedded.training.train_reward_model")
    with np.load(HERE / "prm.npz") as packed:
        assert set(unpack(packed)) == set(training.RewardModel().state_dict())
