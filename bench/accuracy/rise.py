"""Runs a round of RISE on redraft's own turns, and measures turns 1 and 2: `python bench/accuracy/rise.py`.

The embedded model drafts problems of the training split, is always told that its draft is wrong (feedback `fixed`), and
drafts again. Its turns are exported as weighted rows, on which the model is trained. Base and tuned weights are then
measured on held-out problems with the same feedback, which has no information: no oracle stops trajectories or chooses
drafts there. With --mended, no redraft is drawn for training: each draft is paired with a right draft of the same
problem.

All files are kept in --folder, and a repeated command continues where the last one ended. Needs PyTorch, which `make
rise` installs.
"""

import argparse
import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from redraft.flows.export import export
from redraft.flows.generate import generate
from redraft.flows.train import train
from redraft.graders.statistics import Interval, paired_bootstrap
from redraft.llm.providers.embedded.training.settings import FinetuneSettings
from redraft.store.tables.store import Store

DRAFTS = """
SELECT problem_id, avg(correct::INT) FROM raw.drafts WHERE recipe = '{recipe}' AND draft = '{draft}'
GROUP BY ALL ORDER BY ALL"""

MOVES = """
SELECT right_to_wrong, wrong_to_right, trajectories FROM corrections WHERE recipe = '{recipe}' AND turn = 2"""


async def collect(options: argparse.Namespace, folder: Path) -> Path:
    """Draws trajectories of the training split. Returns the file of rows made from them."""
    store = Store(folder / f"collected-{options.branches}-{options.train_seed}.duckdb")
    arguments: dict[str, Any] = {"feedback": "fixed", "turns": 2}
    if options.branches > 1:
        arguments |= {"branches": options.branches, "grader": "oracle"}
    found = await generate(
        f"builtin:split=train,seed={options.train_seed}",
        db=store,
        grader=arguments.pop("grader", None),
        arguments=arguments,
        samples=options.samples,
        limit=options.problems,
    )
    say("collected", trajectories=found.trajectories, first=shown(found.first), last=shown(found.last))
    file = folder / f"{options.name}.jsonl"
    form = {"criteria": options.criteria, "since": options.since, "explored": options.explored}
    made = await export(file, db=store, format="rise", arguments=form, overwrite=True)
    say("exported", rows=made.kept, dropped=dict(made.dropped))
    return file


async def collect_mended(options: argparse.Namespace, folder: Path) -> list[Path]:
    """Draws independent drafts of the training split. Returns two files of rows: first drafts paired with a right draft
    of the same problem, and the right first drafts themselves."""
    store = Store(folder / f"drafted-{options.train_seed}.duckdb")
    source = f"builtin:split=train,seed={options.train_seed}"
    found = await generate(source, db=store, strategy="best_of_n", samples=options.samples, limit=options.problems)
    say("collected", trajectories=found.trajectories, first=shown(found.first))
    files = {"mended": ({"keep": options.keep}, []), "sft": ({}, ["correct", "duplicates", "cap"])}
    for format, (arguments, filters) in files.items():
        file = folder / f"{options.name}-{format}.jsonl"
        given: dict[str, Any] = {"arguments": arguments | ({"cap.most": 1} if "cap" in filters else {})}
        made = await export(file, db=store, format=format, filters=filters, overwrite=True, **given)
        say(f"exported {format}", rows=made.kept, dropped=dict(made.dropped))
    return [folder / f"{options.name}-{format}.jsonl" for format in files]


async def measure(options: argparse.Namespace, folder: Path, model: str, feedback: str) -> dict[int, list[float]]:
    """Returns a dict by turn: the share of right drafts of each held-out problem. A draft that is not redrafted is also
    counted for turn 2."""
    store = Store(folder / f"{options.name}-test.duckdb")
    found = await generate(
        f"builtin:split=heldout,seed={options.test_seed}",
        db=store,
        model=model,
        arguments={"feedback": feedback, "turns": 2},
        samples=options.test_samples,
        limit=options.test_problems,
    )
    drafts = {1: "first", 2: "last"}
    shares = {turn: store.query(DRAFTS.format(recipe=found.recipe, draft=draft)).rows for turn, draft in drafts.items()}
    [moved] = store.query(MOVES.format(recipe=found.recipe)).rows
    by_turn = {turn: [float(share) for _, share in rows] for turn, rows in shares.items()}
    say(
        f"{model} under {feedback}",
        problems=len(by_turn[1]),
        turn_1=mean(by_turn[1]),
        turn_2=mean(by_turn[2]),
        gain=shown(paired_bootstrap(by_turn[2], by_turn[1])),
        right_to_wrong=f"{moved[0] / moved[2]:.1%}",
        wrong_to_right=f"{moved[1] / moved[2]:.1%}",
        oracle_used=found.oracle_used,
    )
    return by_turn


async def main(options: argparse.Namespace) -> None:
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    out = Path(options.weights or folder / options.name)
    if not (out / "weights.npz").exists():
        settings = FinetuneSettings(epochs=options.epochs, rate=options.rate, replay=options.replay, seed=options.seed)
        rows = await collect_mended(options, folder) if options.mended else [await collect(options, folder)]
        tuned = await train([*rows, *options.also], out, model=options.model, settings=settings, say=print)
        say("tuned", **asdict(tuned))
    for feedback in options.feedback.split(","):
        base = await measure(options, folder, "embedded", feedback)
        tuned = await measure(options, folder, f"embedded:{out}", feedback)
        for turn in (1, 2):
            say(f"turn {turn}, tuned - base", change=shown(paired_bootstrap(tuned[turn], base[turn])))


def mean(values: list[float]) -> str:
    return f"{sum(values) / len(values):.1%}"


def shown(interval: Interval | None) -> str:
    return f"{interval.estimate:.1%} [{interval.low:.1%}, {interval.high:.1%}]" if interval else ""


def say(what: str, **facts: Any) -> None:
    print(f"{what}: {json.dumps(facts)}", flush=True)  # noqa: T201 - figures for the reader


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", default="build/rise")
    parser.add_argument("--name", default="rise", help="of this attempt's rows, weights and measurements")
    parser.add_argument("--weights", help="a folder of tuned weights to measure, without training")
    parser.add_argument("--model", default="embedded", help="where training begins; the base weights collect")
    parser.add_argument("--problems", type=int, default=2500, help="of the training split")
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--branches", type=int, default=1, help="redrafts of each draft, of which the oracle picks one")
    parser.add_argument("--train-seed", type=int, default=902)
    parser.add_argument("--criteria", default="all")
    parser.add_argument("--since", type=int, default=2, help="learn from drafts of this turn and later")
    parser.add_argument("--explored", action="store_true")
    parser.add_argument("--mended", action="store_true", help="learn from independent drafts, by export format mended")
    parser.add_argument("--keep", type=float, default=1.0, help="weight of a right draft that stays, of those")
    parser.add_argument("--also", nargs="*", default=[], metavar="FILE", help="more rows to learn from")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--rate", type=float, default=6e-4)
    parser.add_argument("--replay", type=float, default=0.25)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--feedback", default="fixed,none")
    parser.add_argument("--test-problems", type=int, default=1000)
    parser.add_argument("--test-samples", type=int, default=4)
    parser.add_argument("--test-seed", type=int, default=4001)
    asyncio.run(main(parser.parse_args()))
