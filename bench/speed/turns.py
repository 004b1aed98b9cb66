"""Compares correction in turns with single drafts at the same number of calls, on a server that replies after 5 ms:

    python bench/speed/turns.py [--problems 500 2000 10000] [--turns 5] [--json FILE]

Each problem gets either one trajectory of five drafts, or five drafts in separate calls (`best_of_n`). In a trajectory
each draft is called wrong (feedback `fixed`), and the prompt has all earlier drafts. Each run is a separate process.
Memory is the peak minus the memory of the process before the measurement. The growth of memory per problem is the slope
between two successive numbers of problems. Processor time is that of the client.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from clients import Contestant, run, server

from redraft.llm.prompts.templates import SOLVE, fill
from redraft.store.sources.reader import read

PROGRAMS = {
    "turns": Contestant("ours/redraft_turns", logprobs=False),
    "single drafts": Contestant("ours/redraft_direct", logprobs=False),
}


def measure(counts: Sequence[int], turns: int, concurrency: int, latency_ms: float) -> list[dict[str, Any]]:
    """Returns the measurements of each program at each number of problems."""
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, server(latency_ms) as url:
        file = Path(folder) / "problems.jsonl"
        for count in counts:
            file.write_text("".join(map(_line, read("builtin:split=heldout", limit=count))))
            for name, program in PROGRAMS.items():
                figures = run(program, url, file, turns, concurrency)
                assert figures["calls"] == count * turns, figures
                found.append({"name": name, "problems": count, **figures})
                print(json.dumps(found[-1]), file=sys.stderr, flush=True)  # noqa: T201
    return found


def show(found: Sequence[dict[str, Any]]) -> None:
    """Prints the table, the ratios of calls per second, and the growth of memory."""
    row = "| {:13} | {:>8} | {:>6} | {:>7} | {:>12} | {:>11} | {:>8} |".format
    lines = [row("", "problems", "calls", "seconds", "calls/second", "CPU ms/call", "peak MiB")]
    for one in found:
        rate, mib = one["calls"] / one["seconds"], one["memory_kb"] / 1024
        cells = (f"{one['seconds']:.1f}", f"{rate:.0f}", f"{one['ms_a_call']:.2f}", f"{mib:.0f}")
        lines.append(row(one["name"], one["problems"], one["calls"], *cells))
    for turns, single in zip(found[::2], found[1::2], strict=True):
        share, spent = single["seconds"] / turns["seconds"], turns["processor"] / single["processor"]
        told = f"{share:.2f} of the calls a second, {spent:.2f} of the processor time"
        lines.append(f"{turns['problems']} problems: {told}")
    for name in PROGRAMS:
        for few, many in pairwise(one for one in found if one["name"] == name):
            grown = (many["memory_kb"] - few["memory_kb"]) / (many["problems"] - few["problems"])
            lines.append(f"{name}, from {few['problems']} to {many['problems']} problems: {grown:.2f} KiB a problem")
    print("\n".join(lines))  # noqa: T201 - a table for the reader


def _line(problem: Any) -> str:
    asked = {"question": problem.question, "answer": problem.answer, "prompt": fill(SOLVE, question=problem.question)}
    return json.dumps(asked) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, nargs="+", default=[500, 2000, 10_000])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--latency-ms", type=float, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    table = measure(given.problems, given.turns, given.concurrency, given.latency_ms)
    show(table)
    if given.json:
        given.json.write_text(json.dumps(table, indent=1) + "\n")
