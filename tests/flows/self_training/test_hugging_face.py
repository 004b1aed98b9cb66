"""A round on a Hugging Face model: TRL trains it, and `transformers serve` answers for it."""

import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.display.progress import Silent
from redraft.flows.self_train import self_train
from redraft.llm.prompts.prompts import Prompts
from redraft.llm.providers.embedded.export import export_folder
from redraft.store import Store

pytestmark = pytest.mark.train


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The embedded model as a Hugging Face folder, its wordings, and a small loop."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)
    export_folder("hf")
    program = shlex.quote(str(Path(sys.executable).with_name("transformers")))
    serve = f"{program} serve {{model}} --port {{port}} --device cpu --dtype float32"
    return {
        "model": "hf", "prompts": Prompts.read("hf/prompts.toml"), "trainer": "trl", "server": "command",
        "arguments": {"server.command": serve, "trainer.rate": 1e-4, "trainer.max_tokens": 120},
        "db": "r.duckdb", "max_tokens": 120, "limit": 8, "samples": 4, "heldout_limit": 4, "heldout_samples": 2,
        "progress": Silent(),
    }  # fmt: skip


async def test_the_trained_model_is_asked_by_its_folder_and_learns_what_it_is_asked(given: dict[str, Any]) -> None:
    found = await self_train("builtin:split=train,levels=1", method="rft", **given)
    policy = Path(found.folder) / "round-1" / "policy"
    assert [one.state for one in found.rounds] == ["evaluated", "evaluated"]
    with Store("r.duckdb") as store:
        calls = "SELECT model, count(*) FROM calls WHERE error IS NULL GROUP BY ALL ORDER BY model"
        assert store.query(calls).rows == [("hf", 8 * 4 + 4 * 2), (str(policy), 4 * 2)]
        told = "SELECT figures->>'rows', figures->>'oracle_used', figures->>'first_loss', files FROM models"
        [(rows, used, loss, files)] = store.query(f"{told} WHERE round = 1").rows
    assert int(rows) == found.rounds[1].figures["rows"]
    assert used == "false"
    assert float(loss) < 0.2, "its own drafts surprise the model if the question is worded otherwise"
    assert "model.safetensors" in files


async def test_grpo_learns_by_the_oracle_and_says_so(given: dict[str, Any]) -> None:
    given = {**given, "arguments": {**given["arguments"], "trainer.group": 4, "trainer.batch": 8, "trainer.steps": 2}}
    found = await self_train("builtin:split=train,levels=2", method="grpo", **given)
    figures = found.rounds[1].figures["training"]
    assert (figures["steps"], figures["graded"], figures["oracle_used"]) == (2, 16, True)
    assert found.rounds[1].figures["rows"] == figures["rows"] > 0
