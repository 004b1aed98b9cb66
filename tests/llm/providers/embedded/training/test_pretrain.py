"""Training the embedded model, and what PyTorch makes of its weights: `make test-train`."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from redraft.llm.model import Message, Request
from redraft.llm.providers.embedded.attention import Cache
from redraft.llm.providers.embedded.model import HERE, embedded

pytestmark = pytest.mark.train


def train(*arguments: str) -> str:
    command = [sys.executable, "-m", "redraft.llm.providers.embedded.training.pretrain", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


async def test_training_learns_and_writes_weights_that_load(tmp_path: Path) -> None:
    losses = [float(loss) for loss in re.findall(r"loss ([\d.]+)", train("--steps", "150", "--out", str(tmp_path)))]
    assert len(losses) == 3
    assert losses[0] > losses[1] > losses[2]
    model = embedded(tmp_path)
    reply = await model.complete(Request((Message("user", "solve\nAnn has 2 hats."),), max_tokens=5))
    assert reply.choices[0].tokens <= 5
    assert model.version != embedded().version


def test_numpy_computes_what_pytorch_does(tmp_path: Path) -> None:
    train("--out", str(HERE), "--reference", str(tmp_path / "logits.npz"))
    with np.load(tmp_path / "logits.npz") as reference:
        ours = embedded().engine.network.read(reference["tokens"], Cache(1), 0)
        assert np.abs(ours[::8] - reference["logits"]).max() < 1e-4
