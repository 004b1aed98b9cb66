"""What the tests of pages share: a store with everything that pages show, and the server as a process."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from redraft.flows.annotate import annotate
from redraft.flows.generate import generate
from redraft.flows.label import label_from
from redraft.flows.viewer.store_reader import Reader
from redraft.store import Store

Serve = Callable[..., AbstractContextManager[str]]
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
)  # fmt: skip


@pytest.fixture(scope="session")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of the embedded model: corrections, samples, searches with rollouts and a critic, values of steps, labels
    of two people. No test writes to it."""
    folder = tmp_path_factory.mktemp("seen")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        asyncio.run(_fill(folder / "seen.duckdb"))
    return folder / "seen.duckdb"


async def _fill(db: Path) -> None:
    problems = "builtin:levels=2-4,seed=5"
    await generate(
        problems, db=db, limit=6, samples=3, strategy="correct", arguments={"feedback": "oracle", "turns": 2}
    )
    await generate(problems, db=db, limit=6, samples=4, strategy="best_of_n", grader="prm")
    await generate(problems, db=db, limit=2, strategy="mcts", critic="model", arguments={"iterations": 6})
    await generate(problems, db=db, limit=1, strategy="rest_mcts", arguments={"iterations": 3})
    await annotate(db=db, grader="prm", where="role <> 'rollout'")
    rows = Store(db).query(
        "SELECT trajectory_id, 1, t.correct FROM turns t SEMI JOIN samples USING (trajectory_id) WHERE turn = 1 LIMIT 8"
    )
    for person in ("ann", "bob"):
        said = [
            {"trajectory_id": place, "turn": turn, "verdict": "right" if right or person == "bob" else "wrong"}
            for place, turn, right in rows.rows
        ]
        lines = [json.dumps({**label, "remark": f"{person} looked"}) for label in said]
        (db.parent / f"{person}.jsonl").write_text("\n".join(lines))
        await label_from(db.parent / f"{person}.jsonl", by=person, db=db)


@pytest.fixture
def reader(seen: Path) -> Reader:
    return Reader(Store(seen, create=False), "ann")


@pytest.fixture
def own(seen: Path, tmp_path: Path) -> Path:
    """A copy of the store that a test may write to."""
    return Path(shutil.copy(seen, tmp_path / "own.duckdb"))


@pytest.fixture(scope="session")
def serve() -> Serve:
    """`with serve(db) as address`: `redraft view` as a process, and the address that it prints."""

    @contextmanager
    def start(db: Path, *arguments: str) -> Iterator[str]:
        command = [
            sys.executable,
            "-m",
            "redraft.flows.cli.main",
            "view",
            "--db",
            str(db),
            "--port",
            "0",
            "--by",
            "eve",
        ]
        with subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True, env=_environment()) as server:
            assert server.stdout
            try:
                yield server.stdout.readline().split()[-1]
            finally:
                server.send_signal(signal.SIGINT)
                assert server.wait(timeout=30) == 130

    return start


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(seen: Path, serve: Serve) -> Iterator[str]:
    with serve(seen) as address:
        yield address


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("REDRAFT_")}
