"""Runs oracles on pairs, each in a separate program (`contestant.py`), so that they share no memory."""

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pairs.pairs import Pair

CONTESTANT = Path(__file__).with_name("contestant.py")


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The verdicts of one oracle on pairs, in order, and the seconds that they took."""

    verdicts: list[str]
    reasons: list[str | None]
    extracted: list[str | None]
    seconds: float


def run(oracle: str, pairs: Sequence[Pair], workers: int, python: Path = Path(sys.executable)) -> Verdicts:
    """Returns the verdicts of `redraft` or `math_verify`, run by the Python of an environment."""
    rows = "".join(json.dumps({"kind": p.kind, "answer": p.answer, "reply": p.reply}) + "\n" for p in pairs)
    command = [python, CONTESTANT, oracle, str(workers)]
    done = subprocess.run(command, input=rows, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    verdicts, reasons, extracted = zip(*found["results"], strict=True) if pairs else ([], [], [])
    return Verdicts(list(verdicts), list(reasons), list(extracted), found["seconds"])


def speeds(
    pairs: Sequence[Pair], contestants: Mapping[str, tuple[str, Path]], workers: int, rounds: int
) -> dict[str, float]:
    """Returns the pairs per second of each contestant, by name. They are medians over rounds in which the contestants
    run in turn, so that other work on the machine slows all of them equally."""
    taken = {name: list[float]() for name in contestants}
    for _ in range(rounds):
        for name, (oracle, python) in contestants.items():
            taken[name].append(run(oracle, pairs, workers, python).seconds)
    return {name: len(pairs) / statistics.median(seconds) for name, seconds in taken.items()}
