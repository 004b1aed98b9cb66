"""Runs the command line with random invalid inputs, and checks how it refuses them: `make fuzz`.

    python tools/fuzz --runs 2000 --seed 7      # the same seed makes the same inputs
    python tools/fuzz --seed 7 --case 312       # repeats one of them

Prints each input that fails, reduced to a small one. The exit code is 1 if one failed.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from cases import DB, KINDS, Case, make_case
from execute import Outcome, Worker
from rules import faults
from shrink import smallest
from template import Template


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=2000, help="how many inputs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--case", type=int, help="only the input with this number")
    parser.add_argument("--kind", choices=KINDS, help="only inputs of this kind")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args(arguments)
    numbers = range(given.runs) if given.case is None else [given.case]
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="redraft-fuzz-") as folder:
        worker = Worker(Path(folder), given.workers)
        template = Template.make(worker, Path(folder) / "template")
        cases = (make_case(given.seed, number, template, given.kind) for number in numbers)
        counts, failed = Counter[str](), 0
        for case, outcome in worker.run_all(cases):
            counts[str(outcome.code)] += 1
            if found := faults(case, outcome):
                failed += 1
                _report(given.seed, *_shrunk(worker, case, outcome, found))
    codes = ", ".join(f"{count} with exit code {code}" for code, count in sorted(counts.items()))
    spent = time.monotonic() - started
    sys.stdout.write(f"seed {given.seed}: {counts.total()} inputs in {spent:.0f} s ({codes}); {failed} failed\n")
    return int(bool(failed))


def _shrunk(worker: Worker, case: Case, outcome: Outcome, found: list[str]) -> tuple[Case, Outcome, list[str]]:
    """Returns a triple: the smallest input that breaks the same rules, its outcome, and the broken rules."""
    if case.interrupt_s is not None:  # the time of the interrupt matters, so a smaller input is no proof
        return case, outcome, found
    rules = {text.partition(":")[0] for text in found}

    def fails(smaller: Case) -> bool:
        return rules <= {text.partition(":")[0] for text in faults(smaller, worker.run(smaller))}

    small = smallest(case, fails)
    outcome = worker.run(small) if small is not case else outcome
    return small, outcome, faults(small, outcome) or found


def _report(seed: int, case: Case, outcome: Outcome, found: list[str]) -> None:
    sys.stdout.write("\n".join([f"--- seed {seed}, case {case.number} ({case.kind})", *_lines(case), *found]) + "\n")
    sys.stdout.write(f"exit code {outcome.code}; standard error ends:\n{outcome.err[-1500:]}\n")
    sys.stdout.flush()


def _lines(case: Case) -> Iterator[str]:
    yield f"redraft {' '.join(map(repr, case.arguments))}"[:600]
    yield from (f"{name}={value!r}"[:300] for name, value in case.env.items())
    for name, data in case.files.items():
        yield f"{name}: {len(data)} bytes, {data[: 0 if name == DB else 300]!r}"


if __name__ == "__main__":
    sys.exit(main())
