"""The trainer of the embedded model on a full disk."""

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.trainers.embedded import embedded
from redraft.flows.trainers.trainer import TrainingTask
from redraft.llm.model import ModelError

pytestmark = pytest.mark.train

ROWS: dict[str, dict[str, Any]] = {
    "sft": {"prompt": [{"role": "user", "content": "solve\n1 + 1?"}]},
    "dpo": {"prompt": "1 + 1?", "chosen": "1 + 1 = 2\n#### 2", "rejected": "1 + 1 = 3\n#### 3"},
    "prm": {"prompt": "1 + 1?", "completions": ["1 + 1 = 2", "#### 2"], "labels": [True, True]},
    "value": {"question": "1 + 1?", "solution": "1 + 1 = 2", "value": 0.5},
}
ROWS["sft"]["completion"] = [{"role": "assistant", "content": "1 + 1 = 2\n#### 2"}]


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("loss", ROWS)
async def test_a_full_disk_is_an_error_with_its_cause_and_the_same_task_goes_on(loss: str, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(f"{json.dumps(ROWS[loss])}\n" * 2)
    task = TrainingTask(rows=file, base="embedded", out=tmp_path / "out", loss=loss)
    trainer = embedded()
    with full_disk(100_000), pytest.raises((ModelError, OSError), match="File too large") as told:
        await trainer(task)
    if isinstance(told.value, ModelError):
        assert "Free some space, and give the same command again." in str(told.value)
    assert (await trainer(task)).model == f"embedded:{task.out}"
    assert any(each.suffix == ".npz" for each in task.out.iterdir())
