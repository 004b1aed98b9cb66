"""A server for workers, and the path of their store."""

from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType

import pytest

from fleet_site import Server


@pytest.fixture
async def server(openai_protocol: ModuleType) -> AsyncIterator[Server]:
    made = Server(openai_protocol)
    await made.running.start()
    yield made
    await made.running.stop()


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "redraft.duckdb"
