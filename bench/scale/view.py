"""Measures the speed of `redraft view` in a real browser, and takes its pictures for the documentation.

    python bench/scale/view.py                      # a made store of 100,000 trajectories, and a tree of 10,000 steps
    python bench/scale/view.py --size 1000000       # another size
    python bench/scale/view.py --db FILE          # a store that is made once and kept
    python bench/scale/view.py --pictures docs      # the pictures of docs/view.md, of a store of the embedded model

A page is timed from the request until the browser has loaded it. Each page is requested `--times` times, and the median
and the maximum are printed. The time of a tree ends when its canvas is drawn. Panning is timed between two drawn
frames, with the whole tree in view and at a higher zoom. The memory is the server's own peak (VmHWM). Needs the
system's Chromium.
"""

import argparse
import asyncio
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from made_store import make_store, show
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from units import RUN, SAMPLES

from redraft.flows.annotate import annotate
from redraft.flows.generate import generate
from redraft.store import Grade, Problem, Store, Trajectory, Unit, Verdict, replace
from redraft.store.trajectory import Role

STEPS, DEPTH = 10_000, 24  # of the large tree
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run"]  # fmt: skip
PAN = """
async () => {
  const canvas = document.querySelector("canvas"), box = canvas.getBoundingClientRect(), took = [];
  const send = (kind, at) => canvas.dispatchEvent(new PointerEvent(kind, {
    clientX: box.left + 300 + 3 * at, clientY: box.top + 200 + 2 * at, pointerId: 1, bubbles: true }));
  canvas.setPointerCapture = () => {};
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
  send("pointerdown", 0);
  for (let at = 1; at <= 60; at += 1) {
    const start = performance.now();
    send("pointermove", at);
    await frame();
    took.push(performance.now() - start);
  }
  send("pointerup", 60);
  return took;
}"""
"""Pans the tree sixty times. Returns the duration of each frame in milliseconds."""


def large_tree(steps: int) -> Unit:
    """Returns a unit whose search has this many steps. Each step is added below one of the newest steps that can be
    extended, or below any step."""
    chance = random.Random(1)
    problem = Problem("How does a tree of many steps look?", "42", problem_id="large-tree", source="made")
    root = Trajectory(problem.ask("large"), role=Role.SEARCH)
    paths, children = [root], [0]
    open_ = [0]  # the numbers of the paths that can be extended; none is longer than DEPTH
    for number in range(steps):
        above = chance.choice(open_ if chance.random() < 0.3 else open_[-40:])
        text = f"Step {number}: {number} + {number + 1} = {2 * number + 1} pens, which are packed in boxes of five.\n"
        facts = {"value": chance.random(), "visits": chance.randint(1, 60), "logprob": -3.0, "tokens": 20}
        paths.append(paths[above].grow(text, children[above], **facts))
        children[above] += 1
        children.append(0)
        if len(paths[-1].steps) < DEPTH:
            open_.append(len(paths) - 1)
    leaves = [path for path, below in zip(paths, children, strict=True) if not below and path.steps]
    ends = [replace(path, answer=str(number % 50), chosen=number == 0) for number, path in enumerate(leaves)]
    grades = tuple(
        Grade("oracle", end.trajectory_id, 1, None, Verdict.RIGHT if end.answer == "42" else Verdict.WRONG)
        for end in ends
    )
    now = datetime.now(UTC)
    return Unit("large", RUN, "large", "large-tree", "", 1, 1, "done", tuple(ends), grades, (), now, now)


def prepare(db: Path, size: int) -> None:
    """Makes the store if it is missing, and adds the run of its units, and the large tree."""
    if not db.exists():
        make_store(db, size)
    with Store(db) as store:
        if store.query("FROM raw.commits WHERE unit_id = 'large'").rows:
            return
        store.add([Problem("How does a tree of many steps look?", "42", problem_id="large-tree", source="made")])
        store.publish([large_tree(STEPS)])
    with duckdb.connect(str(db)) as connection:
        connection.execute(
            "INSERT INTO raw.run_events (run_id, event, happened_at, stage, recipe, strategy, model, config)"
            f" VALUES ('{RUN}', 'started', '2026-01-01', 'generate', 'samples', 'made', 'm', '{{}}')"
        )


@contextmanager
def serving(db: Path) -> Iterator[tuple[str, int]]:
    """Runs `redraft view` as a process, and yields its address and its process id."""
    command = [sys.executable, "-m", "redraft.flows.cli.main", "view", "--db", str(db), "--port", "0", "--by", "bench"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout
        try:
            yield server.stdout.readline().split()[-1], server.pid
        finally:
            server.send_signal(signal.SIGINT)


def peak_mb(process: int) -> float:
    [kilobytes] = re.findall(r"VmHWM:\s+(\d+)", Path(f"/proc/{process}/status").read_text())
    return int(kilobytes) / 1024


def seconds(page: Page, address: str, times: int, ready: str = "") -> list[float]:
    """Returns the seconds of several loads of a page. A load ends when the page is loaded, or when it has an element
    `ready`."""
    took = []
    for _ in range(times):
        start = time.perf_counter()
        page.goto(address)
        if ready:
            page.wait_for_selector(ready)
        took.append(time.perf_counter() - start)
    return took


def line(name: str, took: list[float], unit: str = "s") -> None:
    show(name, f"{statistics.median(took):.2f} {unit}", f"{max(took):.2f} {unit}")


def measure(db: Path, times: int) -> None:
    with Store(db) as store:
        [(last,)] = store.query("SELECT max(problem_id) FROM raw.problems WHERE problem_id <> 'large-tree'").rows
        [(turned,)] = store.query("SELECT trajectory_id FROM raw.turns WHERE turns = 3 LIMIT 1").rows
        [(count,)] = store.query("SELECT count(*) FROM raw.turns WHERE turn = turns").rows
    show(f"{count:,} trajectories, {db.stat().st_size / 2**20:,.0f} MB", "median", "longest")
    with serving(db) as (address, process), sync_playwright() as playwright:
        root = address.partition("/?")[0]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(120_000)
        line("first page, with the token", seconds(page, address, 1))
        line("runs", seconds(page, f"{root}/runs", times))
        line("problems", seconds(page, f"{root}/problems", times))
        for sort in ("rate", "answers", "disagreement"):
            line(f"problems by {sort}", seconds(page, f"{root}/problems?sort={sort}&order=down", times))
        line("problems with a text", seconds(page, f"{root}/problems?q=gives+4+of", times))
        line("problem", seconds(page, f"{root}/problem?id={last}", times))
        line("trajectory of three drafts", seconds(page, f"{root}/trajectory?id={turned}", times))
        line(f"tree of {STEPS:,} steps, drawn", seconds(page, f"{root}/tree?unit=large", times, "canvas[data-ready]"))
        line("frame of panning, all in sight", page.evaluate(PAN), "ms")
        for _ in range(12):
            page.locator("canvas").focus()
            page.keyboard.press("+")
        line("frame of panning, nearer", page.evaluate(PAN), "ms")
        show("the server's peak memory so far", f"{peak_mb(process):.0f} MB", "")
        for chart in ("samples", "turns", "reward", "calibration", "cost"):
            line(f"charts of {chart}", seconds(page, f"{root}/charts?of={chart}", 1))
        browser.close()
        show("the server's peak memory with charts", f"{peak_mb(process):.0f} MB", "")


PICTURES = {
    "runs": ("/", 640),
    "problem": ("/problem?id={problem}", 900),
    "correction": ("/trajectory?id={turned}", 820),
    "tree": ("/tree?unit={unit}&step=0.0", 860),
    "charts": ("/charts?of=turns", 640),
}
"""The pictures of docs/view.md, each with its page and its height in pixels."""


async def fill(db: Path) -> None:
    """Makes a store with data for every page."""
    await generate(db=db, limit=24, samples=4, strategy="correct", arguments={"feedback": "oracle"})
    await generate(db=db, limit=24, samples=4, strategy="correct", arguments={"feedback": "self"})
    await generate(db=db, limit=24, samples=8, strategy="best_of_n", grader="prm")
    await generate(db=db, limit=10, strategy="mcts")
    await annotate(db=db, grader="prm", where="role <> 'rollout'")


def pictures(folder: Path) -> None:
    """Takes the pictures. The same store gives the same pictures, except for times."""
    with tempfile.TemporaryDirectory() as place:
        db = Path(place) / "demo.duckdb"
        asyncio.run(fill(db))
        with Store(db) as store:
            [(unit, problem)] = store.query(
                "SELECT unit_id, problem_id FROM steps WHERE visits IS NOT NULL"
                " GROUP BY ALL ORDER BY count(*) DESC, 1 LIMIT 1"
            ).rows
            [(turned,)] = store.query(
                "SELECT b.trajectory_id FROM turns a JOIN turns b USING (trajectory_id)"
                " SEMI JOIN samples USING (trajectory_id) WHERE a.turn = 1 AND b.turn = 2"
                " AND NOT a.correct AND b.correct ORDER BY len(a.text) DESC, 1 LIMIT 1"
            ).rows
        with serving(db) as (address, _), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
            page = browser.new_page(viewport={"width": 1180, "height": 900})
            page.goto(address)
            for name, (path, height) in PICTURES.items():
                page.set_viewport_size({"width": 1180, "height": height})
                page.goto(address.partition("/?")[0] + path.format(unit=unit, problem=problem, turned=turned))
                page.wait_for_timeout(500)
                file = folder / f"view-{name}.png"
                page.screenshot(path=file)
                Image.open(file).convert("RGB").quantize(256).save(file, optimize=True)  # half of the size
                show(name, f"{file.stat().st_size / 1024:.0f} KB")
            browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=100_000, help="trajectories of the made store")
    parser.add_argument("--db", type=Path, help="where the store is made, or is already")
    parser.add_argument("--make", action="store_true", help="only makes the store of --db")
    parser.add_argument("--times", type=int, default=5, help="how often each page is asked for")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="only takes the pictures of the documentation")
    options = parser.parse_args()
    if options.pictures:
        pictures(options.pictures)
        raise SystemExit
    with tempfile.TemporaryDirectory() as place:
        made = options.db or Path(place) / "made.duckdb"
        prepare(made, options.size // SAMPLES * SAMPLES)
        if not options.make:
            measure(made, options.times)
