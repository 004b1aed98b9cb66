"""Compares self-training loops on the embedded model: `python bench/accuracy/rounds.py`.

Every loop trains on 200 problems (80 in the table `collapse`), and is measured on the same 300 held-out problems. All
loops draw about the same number of tokens. The loops are in one store in --folder, so that they share identical drafts,
such as those of a first round. If the command is stopped and repeated, it continues where it ended. It writes the
tables of the finished loops to tables.md; `--table` does only that. Needs PyTorch; the loops with the trainer `trl`
need `redraft[trl]`.
"""

import argparse
import asyncio
import os
import resource
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redraft.flows.display.progress import Lines
from redraft.flows.self_train import self_train
from redraft.flows.self_training import decision
from redraft.flows.self_training.training_method import FOLDER
from redraft.store.tables.rounds import Estimate, Round
from redraft.store.tables.sql import literal, one_of
from redraft.store.tables.store import Store

PROBLEMS, HELDOUT, DRAFTS = 200, 300, 6
FEW = 80
"""The number of problems of the loops that show collapse. With fewer problems, the collapse comes sooner."""
SFT = {"trainer.rate": 3e-4, "trainer.replay": 0.25, "trainer.epochs": 1}
DPO = {"trainer.rate": 1e-4}
SEARCH = {"iterations": 12}
"""About as many tokens per problem as 6 drafts."""


@dataclass(frozen=True, eq=False)
class Experiment:
    """A loop in one of the tables. `method` is a method's name or the text of a TOML file."""

    table: str
    name: str
    method: str
    rounds: int
    arguments: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    samples: int = DRAFTS
    trainer: str = "embedded"
    problems: int = PROBLEMS

    @property
    def key(self) -> str:
        return f"{self.table}-{self.name}-{self.seed}".replace(", ", "-").replace(" ", "_")


def read_method_text(name: str) -> str:
    return (FOLDER / f"{name}.toml").read_text(encoding="utf-8")


JUDGED_BY_ITSELF = """
about = "Self-Rewarding by a model that writes no judgement: the log-probability that it gives its own draft decides"
[labels]
grader = "likelihood"
[policy]
preset = "self_rewarding"
start = "last"
rows = "last"
loss = "dpo"
[policy.arguments]
grader = "likelihood"
"""
PLAIN = """
about = "Right drafts"
[policy]
format = "sft"
filters = ["correct"]
"""
ARMS: Mapping[str, Mapping[str, Any]] = {
    "replace": {"policy.rows": "last", "policy.start": "last"},
    "accumulate": {"policy.rows": "all", "policy.start": "last"},
    "accumulate, cap": {"policy.rows": "all", "policy.start": "last", "policy.filters": "correct, cap most=4"},
    "accumulate, fresh base": {"policy.rows": "all", "policy.start": "base"},
    "accumulate, fresh base, balanced": {
        "policy.rows": "all",
        "policy.start": "base",
        "policy.filters": "correct, difficulty least=0.01 balance=true",
    },
}
METHODS = (
    Experiment("methods", "rest_em", "rest_em", 3, SFT),
    Experiment("methods", "mended", "mended", 3, SFT),
    Experiment("methods", "rft", "rft", 3, SFT),
    Experiment("methods", "self_rewarding", JUDGED_BY_ITSELF, 3, DPO),
    Experiment("methods", "rest_mcts", "rest_mcts", 3, {**SFT, **SEARCH}, samples=1),
    Experiment("methods", "v_star", "v_star", 3, SFT),
)
FROM_REWARD_MODEL = read_method_text("from_reward_model").replace("rollouts = 4", "rollouts = 1")
CARRIED = (
    Experiment("carried over", "plain", PLAIN, 1, {**SFT, "policy.rows": "last", "policy.start": "last"}),
    Experiment("carried over", "step_weighted", "step_weighted", 1, SFT),
    Experiment("carried over", "from_reward_model", FROM_REWARD_MODEL, 1, SFT, samples=2),
    Experiment("carried over", "distilled_search", "distilled_search", 1, {**SFT, "n": 6, "width": 3}, samples=1),
)
COLLAPSE = tuple(
    Experiment("collapse", name, PLAIN, 4, {**SFT, **arguments}, seed, problems=FEW)
    for seed in (0, 1)
    for name, arguments in ARMS.items()
)
TRL = f"{Path(__file__).resolve().with_name('as_hugging_face.py')}:as_hugging_face"
REINFORCED = (
    Experiment("reinforced", "grpo", "grpo", 1, samples=4, trainer=TRL),
    Experiment("reinforced", "score", "score", 1, samples=1, trainer=TRL),
)
EXPERIMENTS = (*METHODS, *CARRIED, *REINFORCED, *COLLAPSE)


async def run(one: Experiment, store: str) -> None:
    """Runs a loop, or the rest of it, and writes its result to a file."""
    method = one.method
    if "\n" in method:
        method = f"{one.key}.toml"
        Path(method).write_text(one.method, encoding="utf-8")
    found = await self_train(
        f"builtin:split=train,seed={902 + one.seed}",
        db=store,
        method=method,
        rounds=one.rounds,
        all_rounds=True,
        limit=one.problems,
        samples=one.samples,
        temperature=0.7,
        top_k=40,
        seed=one.seed,
        heldout="builtin:split=heldout,seed=4021",
        heldout_limit=HELDOUT,
        heldout_samples=2,
        trainer=one.trainer,
        arguments=dict(one.arguments),
        progress=Lines(seconds=300),
    )
    Path(f"{one.key}.loop").write_text(found.loop_id, encoding="utf-8")


@contextmanager
def timed(key: str) -> Iterator[None]:
    """Writes the processor time of a loop and its child processes to a file for each start of the command, every 5
    seconds, so that a kill loses at most 5 seconds."""
    file, ended = Path(f"{key}.{time.time_ns()}.seconds"), threading.Event()
    begun = processor_s()

    def keep() -> None:
        while not ended.wait(5):
            file.write_text(f"{processor_s() - begun:.1f}")

    keeper = threading.Thread(target=keep, daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()
        file.write_text(f"{processor_s() - begun:.1f}")


def processor_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


@dataclass(frozen=True)
class Outcome:
    """The result of a finished loop: its rounds, and for each round the shares of right samples by problem. `tokens`
    counts the tokens of all drafts and labels that the method requested, and of the completions that the trainer
    drew."""

    rounds: Sequence[Round]
    shares: Sequence[Mapping[str, float]]
    tokens: int
    seconds: float


def outcome(one: Experiment, store: Store) -> Outcome | None:
    """Returns the result of a loop, or None if it is not finished."""
    file = Path(f"{one.key}.loop")
    if not file.is_file():
        return None
    loop_id = file.read_text(encoding="utf-8")
    rounds = store.rounds(loop_id)
    shares = [decision.shares(store, made.evaluation_recipe or "", made.evaluation_replicate or "") for made in rounds]
    drawn = [(made.generation_recipe or "", made.generation_replicate or "") for made in rounds[1:]]
    pairs = ", ".join(f"({literal(recipe)}, {literal(replicate)})" for recipe, replicate in drawn)
    runs = one_of("run_id", sorted({name for made in rounds for name in made.annotation_runs}))
    [(tokens,)] = store.query(TOKENS.format(pairs=pairs, runs=runs, samples=one.samples)).rows
    tokens += sum(made.figures.get("drawn_tokens", 0) for made in store.models(loop_id))
    seconds = sum(float(each.read_text() or 0) for each in Path().glob(f"{one.key}.*.seconds"))
    return Outcome(rounds, shares, tokens, seconds)


TOKENS = """
SELECT coalesce((SELECT sum(completion_tokens) FROM calls WHERE (recipe, replicate) IN ({pairs}) OR {runs}), 0)::BIGINT
     - coalesce((SELECT sum(tokens) FROM samples WHERE (recipe, replicate) IN ({pairs}) AND role = 'sample'
                 AND sample >= {samples}), 0)::BIGINT"""
"""Loops share drafts, and another loop may have asked for more of them."""


def points(found: Estimate) -> str:
    if found.mean is None or found.low is None or found.high is None:
        return ""
    return f"{100 * found.mean:+.1f} [{100 * found.low:+.1f}, {100 * found.high:+.1f}]"


def tables(store: Store) -> Iterator[str]:
    """Yields the lines of the tables."""
    done = {one: found for one in EXPERIMENTS if (found := outcome(one, store))}
    missing = [one.key for one in EXPERIMENTS if one not in done]
    for table in dict.fromkeys(one.table for one in EXPERIMENTS):
        own = {one: found for one, found in done.items() if one.table == table}
        if not own:
            continue
        longest = max(one.rounds for one in own)
        plain = next((found for one, found in own.items() if one.name == "plain"), None)
        head = ["loop", *(f"after round {number}" for number in range(1, longest + 1))]
        head += ["against plain"] if plain else []
        head += ["tokens drawn", "rows", "processor s", "alarms"]
        yield f"### {table}\n"
        yield f"| {' | '.join(head)} |"
        yield f"|{'---|' * len(head)}"
        for name in dict.fromkeys(one.name for one in own):
            alike = [found for one, found in own.items() if one.name == name]
            yield f"| {' | '.join(row(name, alike, plain, longest))} |"
        yield ""
    yield f"not done: {', '.join(missing)}" if missing else "every loop is done"


def row(name: str, alike: Sequence[Outcome], plain: Outcome | None, longest: int) -> list[str]:
    """Returns a row of a table: one loop, or the mean of loops that differ only in their seeds."""
    cells = [name if len(alike) == 1 else f"{name} ({len(alike)} seeds)"]
    first = mean_shares([found.shares[0] for found in alike])
    for number in range(1, longest + 1):
        now = [found.shares[number] for found in alike if number < len(found.shares)]
        cells.append(points(decision.change(mean_shares(now), first)) if now else "")
    if plain:
        last = mean_shares([found.shares[-1] for found in alike])
        cells.append("" if alike == [plain] else points(decision.change(last, plain.shares[-1])))
    alarms = sum(len(made.figures.get("alarms", ())) for found in alike for made in found.rounds)
    rows = [str(sum(made.figures.get("rows", 0) for made in found.rounds)) for found in alike]
    figures = (sum(found.tokens for found in alike), sum(round(found.seconds) for found in alike))
    return [*cells, f"{figures[0]:,}", ", ".join(rows), f"{figures[1]:,}", str(alarms)]


def mean_shares(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Returns the mean over loops for each problem."""
    names = set.intersection(*(set(each) for each in found))
    return {name: sum(each[name] for each in found) / len(found) for name in sorted(names)}


def write_tables() -> None:
    text = "\n".join(tables(Store("rounds.duckdb")))
    Path("tables.md").write_text(f"{text}\n", encoding="utf-8")
    print(text, flush=True)  # noqa: T201 - figures for the reader


def main(options: argparse.Namespace) -> None:
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)  # a model's name contains its folder, and seeds are derived from names
    for one in EXPERIMENTS if not options.table else ():
        if (options.only and options.only not in one.key) or Path(f"{one.key}.loop").is_file():
            continue
        with timed(one.key):
            asyncio.run(run(one, "rounds.duckdb"))
        write_tables()
    write_tables()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", default="build/rounds")
    parser.add_argument("--only", help="loops whose names contain this text")
    parser.add_argument("--table", action="store_true", help="only write the tables of what is done")
    main(parser.parse_args())
