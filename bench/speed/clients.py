"""Compares redraft with bare loops and its peers, on a server that replies after 50 ms: `python
bench/speed/clients.py`.

Each of 500 problems gets eight drafts, with 128 concurrent calls. Each contestant runs in a separate process, in turn,
round after round, and measures itself without its imports; the table has medians. its_hub and inspect_ai have their own
environments in a cache folder. Processor time is user and system time; memory is the peak minus the memory of the
process before the measurement. A call is a request that the server received; distinct samples are distinct texts in its
log.

With `--against BIN`, the folder of another build's programs, redraft's calls of both builds run in turn instead: those
of OTHER_BUILD, or those that `--only` names.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from redraft.llm.prompts.templates import SOLVE, fill
from redraft.store.sources.reader import read

HERE = Path(__file__).parent
CONTESTANT_PROGRAMS = HERE / "contestants"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "redraft" / "bench"
TIMEOUT_S = 900


@dataclass(frozen=True)
class Contestant:
    """A program of `contestants/`, the packages of its environment (none: this environment), and the server's maximum
    number of choices in a reply. With `logprobs`, the server returns log-probabilities to clients that request them.
    Several programs may share an `environment` by its name; by default each has its own."""

    program: str
    packages: tuple[str, ...] = ()
    most: int = 1
    logprobs: bool = True
    environment: str = ""
    interpreter: str = ""  # of another build

    def python(self) -> str:
        """Returns the Python interpreter of its environment, which is created if it is missing."""
        if not self.packages:
            return self.interpreter or sys.executable
        folder, uv = CACHE / (self.environment or self.program), Path(sys.executable).with_name("uv")
        if not (folder / "ready").exists():
            quiet = {"check": True, "stdout": subprocess.DEVNULL}
            subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder], **quiet)
            install = [uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python"]
            subprocess.run([*install, *self.packages], **quiet)
            (folder / "ready").touch()
        return str(folder / "bin" / "python")


INSPECT = ("inspect-ai==0.3.*", "openai")
CONTESTANTS = {
    "aiohttp": Contestant("peers/bare_aiohttp"),
    "redraft": Contestant("ours/redraft_direct"),
    "redraft n=8": Contestant("ours/redraft_direct", most=8),
    "aiohttp, texts": Contestant("peers/bare_aiohttp", logprobs=False),
    "redraft, texts": Contestant("ours/redraft_direct", logprobs=False),
    "redraft n=8, texts": Contestant("ours/redraft_direct", most=8, logprobs=False),
    "its_hub": Contestant("peers/its_hub_best_of_n", ("its-hub[lm]==1.2.*",), logprobs=False),
    "inspect_ai": Contestant("peers/inspect_match", INSPECT, logprobs=False),
    "inspect_ai n=8": Contestant("peers/inspect_match", INSPECT, most=8, logprobs=False),
    "litellm": Contestant("peers/bare_litellm"),
    "redraft, litellm": Contestant("ours/redraft_litellm"),
}
RATIOS = (
    ("redraft", "aiohttp", 1.3),
    ("redraft n=8", "aiohttp", 1.5),
    ("redraft, texts", "aiohttp, texts", 1.3),
    ("redraft n=8, texts", "aiohttp, texts", 1.5),
    ("redraft, litellm", "litellm", 1.3),
    ("redraft, texts", "its_hub", 1.0),
    ("redraft, texts", "inspect_ai", 1.0),
    ("redraft n=8, texts", "inspect_ai n=8", 1.0),
)
OTHER_BUILD = ["redraft", "redraft n=8"]
"""The contestants that `--against` runs in both builds, unless `--only` names others."""

Table = dict[str, dict[str, float]]
"""Measurements by contestant."""


@contextmanager
def server(latency_ms: float) -> Iterator[str]:
    """Runs the mock server in a separate process, and yields its address."""
    command = [sys.executable, str(HERE.parent / "mock_server.py"), "--latency-ms", str(latency_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def run(contestant: Contestant, url: str, problems: Path, samples: int, concurrency: int) -> dict[str, float]:
    """Returns the measurements of one contestant, and what the server recorded."""
    ask(f"{url.removesuffix('/v1')}/settings", {"most": contestant.most, "with_logprobs": contestant.logprobs})
    with tempfile.TemporaryDirectory() as folder:
        task = {
            "url": url, "problems": str(problems), "samples": samples, "concurrency": concurrency,
            "folder": folder, "logprobs": contestant.logprobs, "together": contestant.most > 1,
        }  # fmt: skip
        program = CONTESTANT_PROGRAMS / f"{contestant.program}.py"
        command = [contestant.python(), str(program), json.dumps(task)]
        alone = {
            **os.environ,
            "PYTHONPATH": str(CONTESTANT_PROGRAMS),  # measure.py and hashed.py, imported by all
            "XDG_CACHE_HOME": folder,  # so that runs share no cached facts about the server
        }
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, cwd=folder, env=alone, check=False
        )
    if done.returncode:
        sys.exit(f"{program.name} failed: {done.stderr[-2000:]}")
    figures = json.loads(done.stdout.splitlines()[-1])
    log = ask(f"{url.removesuffix('/v1')}/log?summary=1")
    figures |= {"calls": log["requests"], "distinct": log["distinct"], "in_flight": log["most_in_flight"]}
    figures["ms_a_call"] = figures["processor"] * 1000 / figures["calls"]
    figures["kb_a_call"] = figures["memory_kb"] / figures["calls"]
    return figures


def measure(names: list[str], rounds: int, samples: int, concurrency: int, problems: int, latency_ms: float) -> Table:
    """Returns the medians over the rounds, by contestant. Every second round runs in the opposite order."""
    with tempfile.TemporaryDirectory() as folder, server(latency_ms) as url:
        file = Path(folder) / "problems.jsonl"
        file.write_text("".join(map(problem_line, read("builtin:split=heldout", limit=problems))))
        taken: dict[str, list[dict[str, float]]] = {name: [] for name in names}
        for number in range(rounds):
            for name in names if number % 2 == 0 else reversed(names):
                taken[name].append(run(CONTESTANTS[name], url, file, samples, concurrency))
                print(f"round {number + 1}: {name} {taken[name][-1]['seconds']:.2f} s", file=sys.stderr)  # noqa: T201
    return {name: {key: statistics.median(r[key] for r in runs) for key in runs[0]} for name, runs in taken.items()}


def show(table: Table) -> None:
    """Prints the table and the ratios of wall times."""
    row = "| {:18} | {:>7} | {:>6} | {:>11} | {:>7} | {:>6} | {:>8} | {:>9} |".format
    lines = [row("client", "seconds", "CPU s", "CPU ms/call", "KB/call", "calls", "distinct", "in flight")]
    lines += [
        row(
            name,
            f"{f['seconds']:.2f}",
            f"{f['processor']:.2f}",
            f"{f['ms_a_call']:.2f}",
            f"{f['kb_a_call']:.1f}",
            *_whole(f),
        )
        for name, f in table.items()
    ]
    for ours, theirs, most in RATIOS:
        if ours in table and theirs in table:
            ratio = table[ours]["seconds"] / table[theirs]["seconds"]
            lines.append(f"{ours} / {theirs}: {ratio:.2f} (at most {most})")
    print("\n".join(lines))  # noqa: T201 - a table for the reader


def _whole(figures: Mapping[str, float]) -> Iterator[str]:
    return (f"{figures[key]:.0f}" for key in ("calls", "distinct", "in_flight"))


def problem_line(problem: Any) -> str:
    """Returns a problem as the JSON line that contestants read."""
    asked = {"question": problem.question, "answer": problem.answer, "prompt": fill(SOLVE, question=problem.question)}
    return json.dumps(asked) + "\n"


def ask(address: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Returns the JSON of one of the server's control pages."""
    with urllib.request.urlopen(address, data=None if body is None else json.dumps(body).encode()) as response:
        return json.load(response)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=list(CONTESTANTS), metavar="NAME")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--problems", type=int, default=500)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--concurrency", type=int, default=128)
    parser.add_argument("--latency-ms", type=float, default=50)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--against", type=Path, metavar="BIN", help="the folder of another build's programs")
    given = parser.parse_args()
    if given.against:
        python = str(given.against.absolute() / "python")
        ours = [name for name in given.only or OTHER_BUILD if CONTESTANTS[name].program.startswith("ours/")]
        other = {f"other build: {name}": replace(CONTESTANTS[name], interpreter=python) for name in ours}
        CONTESTANTS.update(other)
        RATIOS += tuple((name, f"other build: {name}", 1.05) for name in ours)
        given.only = [*ours, *other]
    table = measure(
        given.only or list(CONTESTANTS),
        given.rounds,
        given.samples,
        given.concurrency,
        given.problems,
        given.latency_ms,
    )
    show(table)
    if given.json:
        given.json.write_text(json.dumps(table, indent=1) + "\n")
