"""Compares searches over steps of redraft and its_hub, on a server that replies after 50 ms: `python
bench/speed/search.py`.

Fifty problems run concurrently. The contestants run in turn, round after round, each in a separate process; the table
has medians. Beam search has 8 candidates, 2 of which are kept, and the particle filter has 8 particles; their values
take no time. ReST-MCTS* has 8 iterations of 3 steps, with a grader and a critic that call the model. The rows "stored"
are whole runs of `generate` with a new store. The other rows, like its_hub, store nothing; redraft runs them with the
garbage collector settings of `generate`.

The chain is the longest sequence of requests of one problem in the server's log in which each request began after the
reply to the one before. A floor is the chain times the latency. "off" is the difference between the number of requests
and the number that the search's definition needs. `expected.py` computes that number with plain code: it derives the
server's texts from the log, and executes the definition on them (the best 2 of 8 are continued; 8 particles; 8
iterations of ReST-MCTS*). Replicas of one text count as one request. its_hub 1.2 makes a separate call for each
candidate, so its requests are not compared.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import expected
from clients import Contestant, ask, problem_line, run, server

from redraft.store.sources.reader import read

HUB = ("its-hub[lm]==1.2.*",)
PEER = "peers/its_hub_best_of_n"  # its other programs share this environment
CONTESTANTS = {
    "beam": Contestant("ours/redraft_beam", most=8, logprobs=False),
    "beam, stored": Contestant("ours/redraft_beam_stored", most=8, logprobs=False),
    "beam, its_hub": Contestant("peers/its_hub_beam", HUB, logprobs=False, environment=PEER),
    "particle": Contestant("ours/redraft_particle", most=8, logprobs=False),
    "particle, stored": Contestant("ours/redraft_particle_stored", most=8, logprobs=False),
    "particle, its_hub": Contestant("peers/its_hub_particle", HUB, logprobs=False, environment=PEER),
    "rest_mcts, stored": Contestant("ours/redraft_rest_mcts", most=8, logprobs=False),
}
LIMITS = {"beam": 1.8, "rest_mcts, stored": 2.5}
"""The maximum wall time, in floors."""

DEFINITIONS: dict[str, Callable[[Any], int]] = {
    "beam": expected.beam,
    "beam, stored": expected.beam,
    "particle": expected.particle,
    "particle, stored": expected.particle,
    "rest_mcts, stored": expected.rest_mcts,
}
"""Functions that compute the number of requests of a problem by the search's definition."""

MOST_OFF = 0.05

Table = dict[str, dict[str, float]]


def measure(names: Sequence[str], rounds: int, problems: int, concurrency: int, latency_ms: float) -> Table:
    """Returns the medians over the rounds, by contestant. Every second round runs in the opposite order."""
    with tempfile.TemporaryDirectory() as folder, server(latency_ms) as url:
        file = Path(folder) / "problems.jsonl"
        file.write_text("".join(map(problem_line, read("builtin:split=heldout", limit=problems))))
        taken: dict[str, list[dict[str, float]]] = {name: [] for name in names}
        for number in range(rounds):
            for name in names if number % 2 == 0 else reversed(names):
                figures = run(CONTESTANTS[name], url, file, 8, concurrency)
                entries = ask(f"{url.removesuffix('/v1')}/log")["entries"]
                figures["chain"] = chain(entries)
                if name in DEFINITIONS:
                    figures["off"] = len(entries) / sum(map(DEFINITIONS[name], expected.given(entries, 8))) - 1
                figures["floors"] = figures["seconds"] / (figures["chain"] * latency_ms / 1000)
                taken[name].append(figures)
                print(f"round {number + 1}: {name} {figures['seconds']:.2f} s", file=sys.stderr)  # noqa: T201
    return {name: {key: statistics.median(r[key] for r in runs) for key in runs[0]} for name, runs in taken.items()}


def chain(entries: Sequence[dict[str, Any]]) -> int:
    """Returns the length of the longest sequence of requests of one problem that waited for each other."""
    asked: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for entry in entries:
        first = next((message for message in entry["body"].get("messages", []) if message["role"] == "user"), None)
        if first:
            asked[first["content"]].append((entry["at"], entry["at"] + entry["seconds"]))
    return max(map(_longest, asked.values()), default=0)


def _longest(spans: Sequence[tuple[float, float]]) -> int:
    """Returns the maximum number of consecutive time spans. The span that ends first is always one of them."""
    ends: list[float] = []
    for start, end in sorted(spans, key=lambda span: span[1]):
        if not ends or start >= ends[-1]:
            ends.append(end)
    return len(ends)


def show(table: Table) -> None:
    """Prints the table, and checks the limits."""
    row = "| {:18} | {:>7} | {:>6} | {:>6} | {:>6} | {:>5} | {:>6} | {:>9} |".format
    lines = [row("search", "seconds", "CPU s", "calls", "off", "chain", "floors", "in flight")]
    for name, f in table.items():
        off = f"{f['off']:+.1%}" if "off" in f else ""
        cells = (f"{f['seconds']:.2f}", f"{f['processor']:.2f}", f"{f['calls']:.0f}", off, f"{f['chain']:.0f}")
        lines.append(row(name, *cells, f"{f['floors']:.2f}", f"{f['in_flight']:.0f}"))
    for name, most in LIMITS.items():
        if name in table:
            lines.append(f"{name}: {table[name]['floors']:.2f} floors (at most {most})")
    lines += [
        f"{name}: {f['off']:+.1%} requests off its definition (at most {MOST_OFF:.0%})"
        for name, f in table.items()
        if abs(f.get("off", 0.0)) > MOST_OFF
    ]
    for ours in ("beam", "particle"):
        theirs = f"{ours}, its_hub"
        if ours in table and theirs in table:
            lines.append(f"{ours} / {theirs}: {table[ours]['seconds'] / table[theirs]['seconds']:.2f} (at most 1.0)")
    print("\n".join(lines))  # noqa: T201 - a table for the reader


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=CONTESTANTS, default=list(CONTESTANTS), metavar="NAME")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--problems", type=int, default=50)
    parser.add_argument("--concurrency", type=int, default=512)
    parser.add_argument("--latency-ms", type=float, default=50)
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    table = measure(given.only, given.rounds, given.problems, given.concurrency, given.latency_ms)
    show(table)
    if given.json:
        given.json.write_text(json.dumps(table, indent=1) + "\n")
