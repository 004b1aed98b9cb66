"""What the tests of self-training share: a trainer without PyTorch, and a small loop."""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.display.progress import Silent
from redraft.flows.self_train import self_train
from redraft.flows.self_training.result import SelfTraining

NUDGE = Path(__file__).with_name("nudge.py")


@pytest.fixture
def nudging() -> dict[str, Any]:
    """The arguments of a loop whose trainer is `nudge.py`, on 10 problems."""
    line = f"{sys.executable} {NUDGE} {{rows}} {{base}} {{out}}"
    trainer = {"trainer.command": line, "trainer.model": "embedded:{out}"}
    return {"trainer": "command", "arguments": trainer, "limit": 10, "samples": 3, "heldout_limit": 10}


@pytest.fixture
def loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nudging: dict[str, Any]
) -> Callable[..., Awaitable[SelfTraining]]:
    """`await loop(rounds=2)` in an empty working folder."""
    monkeypatch.chdir(tmp_path)

    async def run(**given: Any) -> SelfTraining:
        return await self_train("builtin", **{**nudging, "db": "r.duckdb", "progress": Silent(), **given})

    return run
