"""Fixtures that several folders' tests share, and the rule that CI skips nothing."""

import importlib.util
import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from redraft.store import Store


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A skip in CI is a test that nobody runs: it fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if reporter and skipped and os.environ.get("CI"):
        names = ", ".join(sorted({report.nodeid for report in skipped}))
        reporter.write_line(f"\nskipped in CI, which counts as failed: {names}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def _caches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of cache folders; `first` has an empty store, as the first use of redraft leaves it."""
    folder = tmp_path_factory.mktemp("caches")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "first"))
        Store(folder / "store.duckdb").close()
    return folder


@pytest.fixture(autouse=True)
def _cache(_caches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found out about a model in one test is not known in another; packages stay where uv keeps them."""
    kept = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    monkeypatch.setenv("UV_CACHE_DIR", os.environ.get("UV_CACHE_DIR") or str(kept / "uv"))
    own = _caches / secrets.token_hex(8)
    (own / "redraft").mkdir(parents=True)
    for file in (_caches / "first" / "redraft").iterdir():
        (own / "redraft" / file.name).hardlink_to(file)
    monkeypatch.setenv("XDG_CACHE_HOME", str(own))


@pytest.fixture(scope="session")
def openai_protocol() -> ModuleType:
    """The module `bench/mock_server.py`: its Fault, and its OpenAIServer for a server of one's own."""
    file = Path(__file__).parents[1] / "bench" / "mock_server.py"
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
async def openai_server(openai_protocol: ModuleType) -> AsyncIterator[Any]:
    """A running OpenAIServer, which answers "sample <number> of seed <seed>" until its `write` is set."""
    server = await openai_protocol.OpenAIServer(lambda messages, seed, index: f"sample {index} of seed {seed}").start()
    yield server
    await server.stop()
