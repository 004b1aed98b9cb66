"""Compares the speed of `redraft view` with inspect_ai's viewer on the same trajectories, in a real browser.

    make build/trainers/inspect-ai/ready
    python bench/scale/viewers.py                   # 10,000 samples

A store is made, and its trajectories are exported to a log of Inspect. Both viewers run at the same time. In turn they
load the pages that both have: the samples of a run, the samples sorted by a score, and one sample, a different one each
time. A page is timed from the request until the page contains the requested data. The memory is the server's own peak
(VmHWM). Needs the system's Chromium.
"""

import argparse
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from made_store import show
from playwright.sync_api import Page, sync_playwright
from units import SAMPLES
from view import QUIET, peak_mb, prepare, serving

from redraft.store import Store

ROOT = Path(__file__).parents[2]
INSPECT = ROOT / "build" / "trainers" / "inspect-ai" / "bin"
PATIENCE_S = 60.0
Scene = Callable[[Page, int], float]


@contextmanager
def inspect_serving(folder: Path, programs: Path) -> Iterator[tuple[str, int]]:
    """Runs inspect_ai's viewer of a folder of logs as a process, and yields its address and its process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [programs / "python", "-m", "inspect_ai", "view", "start", "--log-dir", folder, "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            until = time.monotonic() + PATIENCE_S
            while socket.socket().connect_ex(("127.0.0.1", port)):
                if server.poll() is not None or time.monotonic() > until:
                    raise SystemExit("inspect_ai's viewer did not start")
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}", server.pid
        finally:
            server.terminate()


def loaded(page: Page, address: str, ready: str) -> float:
    """Returns the seconds until a newly opened page contains an element `ready`."""
    page.goto("about:blank")
    start = time.perf_counter()
    page.goto(address)
    page.wait_for_selector(ready)
    return time.perf_counter() - start


def inspect_scenes(root: str, log: Path) -> dict[str, Scene]:
    """Returns the timed actions in inspect_ai's viewer. A sample is loaded when the page contains its last message."""
    with zipfile.ZipFile(log) as archive:
        names = [name for name in archive.namelist() if name.startswith("samples/")]
    random.Random(1).shuffle(names)
    of_log = f"{root}/#/tasks/{log.name}"
    row = '[role="rowgroup"] [role="gridcell"]'

    def in_order(page: Page, number: int) -> float:
        loaded(page, of_log, row)
        cell = page.locator(row).nth(-1)
        before = cell.inner_text()
        start = time.perf_counter()
        page.get_by_role("columnheader", name="oracle").get_by_role("button").first.click()
        while page.locator(row).nth(-1).inner_text() == before and time.perf_counter() - start < PATIENCE_S:
            pass
        return time.perf_counter() - start

    def sample(page: Page, number: int) -> float:
        name, _, epoch = Path(names[number]).stem.rpartition("_epoch_")
        return loaded(page, f"{of_log}/samples/sample/{name}/{epoch}/", "text=/^assistant$/i")

    return {
        "samples of a run": lambda page, number: loaded(page, of_log, row),
        "sorted by a score": in_order,
        "a sample": sample,
    }


def redraft_scenes(root: str, db: Path) -> dict[str, Scene]:
    """Returns the timed actions in `redraft view`."""
    with Store(db) as store:
        [(run,)] = store.query("SELECT any_value(run_id) FROM raw.commits WHERE unit_id <> 'large'").rows
        samples = store.query("SELECT trajectory_id FROM samples ORDER BY hash(trajectory_id) LIMIT 1000").rows
    of_run = f"{root}/problems?run={run}"

    def sample(page: Page, number: int) -> float:
        return loaded(page, f"{root}/trajectory?id={samples[number][0]}", "article.path header")

    return {
        "samples of a run": lambda page, number: loaded(page, of_run, "tbody tr"),
        "sorted by a score": lambda page, number: loaded(page, f"{of_run}&sort=rate&order=down", "tbody tr"),
        "a sample": sample,
    }


def compare(db: Path, log: Path, programs: Path, times: int) -> None:
    with (
        serving(db) as (address, own),
        inspect_serving(log.parent, programs) as (root, other),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(1000 * PATIENCE_S)
        page.goto(address)  # the token becomes a cookie
        viewers = {"redraft": redraft_scenes(address.partition("/?")[0], db), "inspect_ai": inspect_scenes(root, log)}
        show("", *viewers, "times as long")
        for scene in viewers["redraft"]:
            took: dict[str, list[float]] = {name: [] for name in viewers}
            for number in range(times + 1):
                for name, scenes in viewers.items():
                    took[name].append(scenes[scene](page, number))
            medians = [statistics.median(each[1:]) for each in took.values()]  # the first load fills caches
            show(scene, *(f"{median:.2f} s" for median in medians), f"{medians[1] / medians[0]:.1f}")
        browser.close()
        memory = [peak_mb(process) for process in (own, other)]
        show("the server's peak memory", *(f"{each:.0f} MB" for each in memory), f"{memory[1] / memory[0]:.1f}")
        sizes = [file.stat().st_size / 2**20 for file in (db, log)]
        show("the file", *(f"{each:.0f} MB" for each in sizes), f"{sizes[1] / sizes[0]:.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=10_000, help="trajectories of the made store")
    parser.add_argument("--times", type=int, default=7, help="how often each is timed")
    parser.add_argument("--inspect", type=Path, default=INSPECT, metavar="BIN", help="programs of its environment")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        db, log = Path(place) / "made.duckdb", Path(place) / "logs" / "made.eval"
        log.parent.mkdir()
        prepare(db, options.size // SAMPLES * SAMPLES)
        redraft = Path(sys.executable).parent / "redraft"
        command = [redraft, "export", log, "--format", "inspect_ai", "--include-heldout", "--db", db]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        compare(db, log, options.inspect, options.times)
