"""Runs a self-training loop on the embedded model, and measures its gain: `python bench/accuracy/self_train.py`.

The gain is the difference of pass@1 from the base weights on fresh held-out problems, with a paired interval over
problems. All files are kept in --folder, and a repeated command continues where the last one ended. Needs PyTorch.
"""

import argparse
import asyncio
import json
import os
import time
from pathlib import Path

from redraft.flows.display.progress import Lines
from redraft.flows.self_train import self_train


async def main(options: argparse.Namespace) -> None:
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)  # a model's name contains its folder, and seeds are derived from names
    begun, processor = time.monotonic(), time.process_time()
    arguments = dict(pair.split("=", 1) for pair in options.set)
    found = await self_train(
        f"builtin:split=train,seed={options.train_seed}",
        db="self_train.duckdb",
        method=options.method,
        rounds=options.rounds,
        all_rounds=True,
        limit=options.problems,
        samples=options.samples,
        temperature=options.temperature,
        heldout=f"builtin:split=heldout,seed={options.test_seed}",
        heldout_limit=options.test_problems,
        arguments=arguments,
        progress=Lines(seconds=60),
    )
    print(found)  # noqa: T201 - figures for the reader
    for one in found.rounds:
        print(json.dumps({"round": one.round, **one.figures}))  # noqa: T201
    spent = {"wall_s": time.monotonic() - begun, "processor_s": time.process_time() - processor}
    print(json.dumps({name: round(value) for name, value in spent.items()}))  # noqa: T201 - of this call alone


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", default="build/self_train")
    parser.add_argument("--method", default="mended")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--problems", type=int, default=1000, help="of the training split")
    parser.add_argument("--samples", type=int)
    parser.add_argument("--temperature", type=float)
    parser.add_argument("--train-seed", type=int, default=902)
    parser.add_argument("--test-problems", type=int, default=1000)
    parser.add_argument("--test-seed", type=int, default=4011, help="4001 to 4003 chose settings in docs/train.md")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    asyncio.run(main(parser.parse_args()))
