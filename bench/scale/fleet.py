"""Tests runs with many workers under kills, and measures the cost of two workers relative to one process.

    python bench/scale/fleet.py kills --kills 50     kill -9 of workers, command and provider, at random
    python bench/scale/fleet.py cost                 processor time a call, and wall time, side by side

`kills` starts runs of 1,000 problems with four workers. In each run up to `--each` processes are killed. A killed
command is repeated, and a killed provider is restarted. Afterwards each problem must be stored exactly once, and a call
may have been made twice only if it was in progress at a kill. After Ctrl-C, the table of the measurements so far is
printed.

`cost` runs the same job with one process and with two workers in turn, with 1,000 concurrent calls. A small job of each
measures the processor time of the startup. The server's own processor time is printed too.
"""

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redraft.store import Store
from redraft.store.leases.membership import read_workers

SERVER = Path(__file__).with_name("fleet_server.py")
VICTIMS = ("worker", "command", "provider")


class Provider:
    """The server as a process that can be killed and restarted at the same port."""

    def __init__(self, folder: Path, latency_ms: float) -> None:
        self.log, self._latency_ms, self._port = folder / "asked.log", latency_ms, 0
        self.start()

    def start(self) -> None:
        command = [sys.executable, SERVER, str(self._port), self.log, str(self._latency_ms)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.url = self.process.stdout.readline().strip()
        self._port = int(self.url.split(":")[2].split("/")[0])

    def asked(self) -> Counter[int]:
        """Returns the number of times that each call arrived, by its seed."""
        lines = self.log.read_bytes().split() if self.log.exists() else []
        return Counter(int(line[1:]) for line in lines if line[:1] == b"?")

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def command(provider: Provider, db: Path, problems: int, workers: int, concurrency: int) -> subprocess.Popen[bytes]:
    program = [sys.executable, "-m", "redraft.flows.cli.main", "generate", "builtin:levels=1", "--limit", str(problems)]
    job = ["--strategy", "self_consistency", "--samples", "1", "--model", "tiny", "--api-base", provider.url]
    shared = ["--workers", str(workers), "--concurrency", str(concurrency), "--db", str(db), "--json"]
    return subprocess.Popen([*program, *job, *shared], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def kills(given: argparse.Namespace) -> None:
    chance, left, rows = random.Random(given.seed), given.kills, list[dict[str, Any]]()
    try:
        while left > 0:
            rows.append(_killed_run(chance, min(left, given.each), given))
            left -= rows[-1]["kills"]
            say(json.dumps(rows[-1]))
    except KeyboardInterrupt:
        say("stopped")
    total = sum(row["kills"] for row in rows)
    twice, bound = sum(row["asked twice"] for row in rows), sum(row["in flight at kills, at most"] for row in rows)
    say(f"{total} kills in {len(rows)} runs of {given.problems} problems; {twice} calls came twice, at most {bound}")
    say("every problem is stored exactly once" if all(row["exactly once"] for row in rows) else "NOT EXACTLY ONCE")


def _killed_run(chance: random.Random, most: int, given: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        db, provider, killed = Path(folder) / "redraft.duckdb", Provider(Path(folder), given.latency_ms), Counter[str]()
        run = command(provider, db, given.problems, given.workers, given.concurrency)
        began = time.monotonic()
        while run.poll() is None or run.returncode != 0:
            if run.poll() is not None:
                run = command(provider, db, given.problems, given.workers, given.concurrency)
            asked = len(provider.asked())
            wanted = asked + chance.randint(1, max(1, given.problems // (most + 1)))
            while run.poll() is None and len(provider.asked()) < wanted and killed.total() < most:
                time.sleep(0.02)
            if run.poll() is not None or killed.total() >= most:
                run.wait()
                continue
            time.sleep(chance.uniform(0, 0.3))
            victim = chance.choice(VICTIMS)
            if _kill(chance, victim, run, provider, db):
                killed[victim] += 1
        run.communicate()
        provider.process.kill()
        provider.process.wait()
        store = Store(db)
        [stored] = store.query("SELECT count(*), count(DISTINCT problem_id), max(attempt) FROM raw.commits").rows
        calls = store.query("SELECT count(*), count(DISTINCT call_id) FROM calls WHERE error IS NULL").rows[0]
        counted = provider.asked()
        twice = sum(count - 1 for seed, count in counted.items() if seed >= 0)
        return {
            **{victim: killed[victim] for victim in VICTIMS},
            "kills": killed.total(),
            "seconds": round(time.monotonic() - began, 1),
            "stored": stored[0],
            "exactly once": stored[0] == stored[1] == given.problems and calls[0] == calls[1],
            "asked twice": twice,
            "in flight at kills, at most": killed.total() * given.concurrency,
            "left over": sorted(set(os.listdir(folder)) - {db.name, "asked.log"}),
        }


def _kill(chance: random.Random, victim: str, run: subprocess.Popen[bytes], provider: Provider, db: Path) -> bool:
    """Kills one process of a kind. Returns True if there was one."""
    if victim == "command":
        run.kill()
        run.wait()
    elif victim == "provider":
        provider.process.kill()
        provider.process.wait()
        time.sleep(chance.uniform(0, 0.5))
        provider.start()
    else:
        there = [facts for folder in Path(f"{db}.leases").glob("*") for _, facts in read_workers(folder)]
        if not there:
            return False
        try:
            os.kill(chance.choice(there).pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
    return True


def cost(given: argparse.Namespace) -> None:
    found: dict[int, list[tuple[float, float, float]]] = {1: [], 2: []}
    for number in range(given.rounds):
        for workers in (1, 2) if number % 2 == 0 else (2, 1):
            small = _measured(workers, given.few, given)
            large = _measured(workers, given.problems, given)
            found[workers].append(_difference(small, large))
            cpu, wall, server = found[workers][-1]
            calls = given.problems - given.few
            say(
                f"round {number + 1}, {workers} worker(s): {cpu / calls * 1e3:.3f} ms of processor time a stored call,"
                f" {calls / wall:,.0f} calls a second, server {server / calls * 1e3:.3f} ms a call",
            )
    cpu_ratio, wall_ratio = (
        statistics.median(a[at] / b[at] for a, b in zip(found[2 - at], found[1 + at], strict=True)) for at in (0, 1)
    )
    say(f"two workers against one: {cpu_ratio:.2f} times the processor time a call, {wall_ratio:.2f} times as fast")


def _measured(workers: int, problems: int, given: argparse.Namespace) -> tuple[float, float, float]:
    """Returns the processor seconds of all processes of a command, its wall time in seconds, and the server's processor
    seconds."""
    with tempfile.TemporaryDirectory() as folder:
        provider = Provider(Path(folder), given.latency_ms)
        began, server = time.monotonic(), provider.cpu_s()
        run = command(provider, Path(folder) / "redraft.duckdb", problems, workers, given.concurrency)
        _, status, used = os.wait4(run.pid, 0)
        wall, server = time.monotonic() - began, provider.cpu_s() - server
        provider.process.kill()
        provider.process.wait()
        if os.waitstatus_to_exitcode(status):
            raise SystemExit("the command failed")
        return used.ru_utime + used.ru_stime, wall, server


def _difference(small: Sequence[float], large: Sequence[float]) -> tuple[float, float, float]:
    cpu, wall, server = (b - a for a, b in zip(small, large, strict=True))
    return cpu, wall, server


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(required=True)
    killing, costing = kinds.add_parser("kills"), kinds.add_parser("cost")
    killing.set_defaults(work=kills)
    killing.add_argument("--kills", type=int, default=50)
    killing.add_argument("--each", type=int, default=5)
    killing.add_argument("--seed", type=int, default=0)
    killing.add_argument("--problems", type=int, default=1000)
    killing.add_argument("--workers", type=int, default=4)
    killing.add_argument("--concurrency", type=int, default=32)
    killing.add_argument("--latency-ms", type=float, default=50.0)
    costing.set_defaults(work=cost)
    costing.add_argument("--rounds", type=int, default=3)
    costing.add_argument("--problems", type=int, default=12_000)
    costing.add_argument("--few", type=int, default=2_000)
    costing.add_argument("--concurrency", type=int, default=1000)
    costing.add_argument("--latency-ms", type=float, default=200.0)
    given = parser.parse_args()
    given.work(given)


if __name__ == "__main__":
    main()
